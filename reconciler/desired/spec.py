"""The desired-state document as a person writes it.

These types are the one source of the format: ``schemas/cluster-pki.v1.schema.json`` is generated from them, and
structuring a document means converting it to ``Document``. Every optional field is ``UNSET`` until it is written, so that
a preset's fields can be overridden one by one.

No ``from __future__ import annotations`` here: msgspec would compile every annotation from its text at each start.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from reconciler.desired.spec_parts import (
    Account,
    CopiesSpec,
    CrlSpec,
    Duration,
    ForEach,
    Hook,
    KeypairRotationSpec,
    KeyType,
    Mode,
    Name,
    NameConstraintsSpec,
    NamingSpec,
    NodeCopiesSpec,
    NodeName,
    Output,
    Pkcs12Spec,
    Probe,
    RelativePath,
    RenewBefore,
    Role,
    RotationSpec,
    SansSpec,
    Spec,
    SubjectSpec,
    Usage,
)
from reconciler.desired.spec_people import EntryName, KubeClusterSpec, KubeContextSpec, KubeUserSpec, Namespace
from reconciler.desired.spec_requests import RequestSpec
from reconciler.desired.spec_vault import ConnectionName, ConnectionSpec, IssuerSpec, LockSpec, TransitSpec
from reconciler.desired.spec_whole import EdgeSpec, GroupSpec, GuardsSpec, Import, Moved, PolicySpec, Removed, RevocationSpec

Suspend = Annotated[bool, Meta(description="True: look and warn, change nothing.")]


class CaSpec(Spec, frozen=True, kw_only=True):
    """A certificate authority."""

    subject: Annotated[SubjectSpec, Meta(description="Its name; the CN defaults to the CA's name.")] | UnsetType = UNSET
    sans: Annotated[SansSpec, Meta(description="Names in the CA's own certificate; kubeadm repeats the CN here.")] | UnsetType = (
        UNSET
    )
    issuer: (
        Annotated[str, Meta(description="`self` for a root, or the name of the parent CA of an intermediate.")]
        | Annotated[IssuerSpec, Meta(description="Who has its key and signs with it.")]
        | UnsetType
    ) = UNSET
    transit: Annotated[TransitSpec, Meta(description="Its key stands in a transit engine.")] | UnsetType = UNSET
    key: KeyType | UnsetType = UNSET
    lifetime: Annotated[Duration, Meta(description="Default 10y.")] | UnsetType = UNSET
    renew_before: Annotated[RenewBefore, Meta(description="Default 1y.")] | UnsetType = UNSET
    store: Annotated[Name, Meta(description="The store of its certificate and key.")] | UnsetType = UNSET
    path: (
        Annotated[RelativePath, Meta(description="kubernetes/ca gives kubernetes/ca.crt and kubernetes/ca.key.")] | UnsetType
    ) = UNSET
    naming: (
        Annotated[NamingSpec, Meta(description="What the names of its files end with; without meaning in KV.")] | UnsetType
    ) = UNSET
    path_length: Annotated[int, Meta(ge=0, le=32, description="basicConstraints pathLenConstraint.")] | UnsetType | None = UNSET
    name_constraints: Annotated[NameConstraintsSpec, Meta(description="Critical nameConstraints.")] | UnsetType = UNSET
    generation: Annotated[int, Meta(ge=1, description="Raise it to ask for a new key.")] | UnsetType = UNSET
    copies: Annotated[CopiesSpec, Meta(description="Copies of certificate and key on nodes.")] | UnsetType = UNSET
    home: (
        Annotated[str, Meta(description="The node on which it is made when each node runs this by itself; default the first.")]
        | UnsetType
    ) = UNSET
    rotation: Annotated[RotationSpec, Meta(description="How a new generation comes in.")] | UnsetType = UNSET
    crl: Annotated[CrlSpec, Meta(description="Publish a revocation list.")] | UnsetType = UNSET
    suspend: Suspend | UnsetType = UNSET
    mode: Mode | UnsetType = UNSET
    owner: Account | UnsetType = UNSET
    group: Account | UnsetType = UNSET


class ComponentSpec(Spec, frozen=True, kw_only=True):
    """One identity that needs a certificate and key."""

    ca: Annotated[Name, Meta(description="The CA that signs it.")] | UnsetType = UNSET
    for_each: Annotated[ForEach, Meta(description="One instance per matching node.")] | UnsetType = UNSET
    subject: Annotated[SubjectSpec, Meta(description="Its name; the CN defaults to the component's name.")] | UnsetType = UNSET
    usages: Annotated[list[Usage], Meta(min_length=1, description="What it is for.")] | UnsetType = UNSET
    sans: Annotated[SansSpec, Meta(description="Its names; replaces a preset's.")] | UnsetType = UNSET
    extra_sans: Annotated[SansSpec, Meta(description="Names added to a preset's or to `sans`.")] | UnsetType = UNSET
    key: KeyType | UnsetType = UNSET
    lifetime: Annotated[Duration, Meta(description="Default 1y.")] | UnsetType = UNSET
    renew_before: Annotated[RenewBefore, Meta(description="Default 30d.")] | UnsetType = UNSET
    rotate_key: Annotated[Literal["always", "never"], Meta(description="A new key at each reissue, or the same.")] | UnsetType = (
        UNSET
    )
    store: Annotated[Name, Meta(description="The store of its files.")] | UnsetType = UNSET
    path: (
        Annotated[RelativePath, Meta(description="pki/apiserver gives pki/apiserver.crt and pki/apiserver.key.")] | UnsetType
    ) = UNSET
    naming: (
        Annotated[NamingSpec, Meta(description="What the names of its files end with; without meaning in KV.")] | UnsetType
    ) = UNSET
    copies: Annotated[NodeCopiesSpec, Meta(description="Copies on nodes, fetched from KV.")] | UnsetType = UNSET
    outputs: Annotated[list[Output], Meta(min_length=1, description="Default [pem].")] | UnsetType = UNSET
    pkcs12: Annotated[Pkcs12Spec, Meta(description="Needed by the pkcs12 output.")] | UnsetType = UNSET
    mode: Mode | UnsetType = UNSET
    owner: Account | UnsetType = UNSET
    group: Account | UnsetType = UNSET
    reissue: Annotated[str, Meta(max_length=256, description="Change it to force one reissue.")] | UnsetType = UNSET
    after: Annotated[list[Hook], Meta(description="Hooks after a change.")] | UnsetType = UNSET
    probe: Annotated[Probe, Meta(description="Live check.")] | UnsetType = UNSET
    suspend: Suspend | UnsetType = UNSET


class BundleSpec(Spec, frozen=True, kw_only=True):
    """A file with the CA certificates that somebody trusts."""

    cas: Annotated[list[Name], Meta(min_length=1, description="The CAs in it.")] | UnsetType = UNSET
    files: (
        Annotated[
            list[Annotated[str, Meta(pattern=r"^/", min_length=2)]],
            Meta(description="Absolute paths of PEM files with certificates of CAs made elsewhere, which are trusted too."),
        ]
        | UnsetType
    ) = UNSET
    for_each: Annotated[ForEach, Meta(description="One copy per matching node.")] | UnsetType = UNSET
    store: Annotated[Name, Meta(description="The store of the file.")] | UnsetType = UNSET
    path: Annotated[RelativePath, Meta(description="The file, with its suffix.")] | UnsetType = UNSET
    copies: Annotated[NodeCopiesSpec, Meta(description="Copies on nodes, fetched from KV.")] | UnsetType = UNSET
    owner: Account | UnsetType = UNSET
    group: Account | UnsetType = UNSET
    after: Annotated[list[Hook], Meta(description="Hooks after a change.")] | UnsetType = UNSET


class KubeconfigSpec(Spec, frozen=True, kw_only=True):
    """A kubeconfig: a component's certificate and key, a bundle and a server."""

    component: Annotated[Name, Meta(description="Whose certificate and key.")] | UnsetType = UNSET
    bundle: Annotated[Name, Meta(description="Which CAs its client trusts.")] | UnsetType = UNSET
    for_each: Annotated[ForEach, Meta(description="One copy per matching node.")] | UnsetType = UNSET
    server: Annotated[str, Meta(pattern=r"^https://", description="API server URL.")] | UnsetType = UNSET
    cluster_name: Annotated[str, Meta(min_length=1, description="Name of the cluster entry; default kubernetes.")] | UnsetType = (
        UNSET
    )
    user_name: Annotated[str, Meta(min_length=1, description="Name of the user entry; default the CN.")] | UnsetType = UNSET
    embed: (
        Annotated[bool, Meta(description="Embed certificate and key as data (default), or refer to their files.")] | UnsetType
    ) = UNSET
    context_name: Annotated[EntryName, Meta(description="Name of its context; default USER@CLUSTER.")] | UnsetType = UNSET
    namespace: Namespace | UnsetType = UNSET
    clusters: Annotated[dict[EntryName, KubeClusterSpec], Meta(description="Further clusters by name.")] | UnsetType = UNSET
    users: Annotated[dict[EntryName, KubeUserSpec], Meta(description="Further users by name.")] | UnsetType = UNSET
    contexts: Annotated[dict[EntryName, KubeContextSpec], Meta(description="Further contexts by name.")] | UnsetType = UNSET
    current_context: (
        Annotated[EntryName, Meta(description="The context in use; default the first, or with merge what the file says.")]
        | UnsetType
    ) = UNSET
    merge: (
        Annotated[bool, Meta(description="The file is somebody else's too: only the entries named here are ours.")] | UnsetType
    ) = UNSET
    store: Annotated[Name, Meta(description="The store of the file.")] | UnsetType = UNSET
    path: Annotated[RelativePath, Meta(description="The file, with its suffix.")] | UnsetType = UNSET
    copies: Annotated[NodeCopiesSpec, Meta(description="Copies on nodes, fetched from KV.")] | UnsetType = UNSET
    mode: Mode | UnsetType = UNSET
    owner: Account | UnsetType = UNSET
    group: Account | UnsetType = UNSET
    after: Annotated[list[Hook], Meta(description="Hooks after a change.")] | UnsetType = UNSET


class KeypairSpec(Spec, frozen=True, kw_only=True):
    """A key without a certificate, such as the service-account signing key: NAME.key and NAME.pub."""

    key: KeyType | UnsetType = UNSET
    for_each: Annotated[ForEach, Meta(description="The same key on every matching node.")] | UnsetType = UNSET
    store: Annotated[Name, Meta(description="The store of the files.")] | UnsetType = UNSET
    path: Annotated[RelativePath, Meta(description="pki/sa gives pki/sa.key and pki/sa.pub.")] | UnsetType = UNSET
    generation: Annotated[int, Meta(ge=1, description="Raise it to ask for a new key.")] | UnsetType = UNSET
    rotation: Annotated[KeypairRotationSpec, Meta(description="How a new generation comes in.")] | UnsetType = UNSET
    home: (
        Annotated[str, Meta(description="The node on which it is made when each node runs this by itself; default the first.")]
        | UnsetType
    ) = UNSET
    mode: Mode | UnsetType = UNSET
    owner: Account | UnsetType = UNSET
    group: Account | UnsetType = UNSET


class CertSans(Spec, frozen=True, kw_only=True):
    """Names added to the API server's certificate."""

    dns: Annotated[list[str], Meta(description="DNS names.")] | UnsetType = UNSET
    ip: Annotated[list[str], Meta(description="IP addresses.")] | UnsetType = UNSET


class EtcdSpec(Spec, frozen=True, kw_only=True):
    """External etcd: the nodes that run it. Without this, nodes of role etcd, else stacked on the control plane."""

    nodes: Annotated[list[NodeName], Meta(min_length=1, description="Names of nodes.")] | UnsetType = UNSET


class KubernetesSpec(Spec, frozen=True, kw_only=True):
    """A Kubernetes cluster."""

    preset: Annotated[Literal["kubeadm"], Meta(description="Expands to everything a kubeadm cluster needs.")]
    version: (
        Annotated[
            str,
            Meta(pattern=r"^v?1\.[0-9]{1,3}(\.[0-9]{1,3})?$", description='Quoted: "1.36" or "1.36.1". Subjects follow it.'),
        ]
        | UnsetType
    ) = UNSET
    control_plane_endpoint: (
        Annotated[str, Meta(min_length=1, description="host:port of the API behind its load balancer.")] | UnsetType
    ) = UNSET
    service_subnets: (
        Annotated[
            list[str],
            Meta(min_length=1, max_length=2, description="Service CIDRs, the first is the primary. Default 10.96.0.0/12."),
        ]
        | UnsetType
    ) = UNSET
    dns_domain: Annotated[str, Meta(min_length=1, description="Default cluster.local.")] | UnsetType = UNSET
    cert_sans: Annotated[CertSans, Meta(description="Extra names of the API server.")] | UnsetType = msgspec.field(
        default=UNSET, name="certSANs"
    )
    cluster_name: Annotated[str, Meta(min_length=1, description="Name in kubeconfigs; default kubernetes.")] | UnsetType = UNSET
    bind_port: Annotated[int, Meta(ge=1, le=65535, description="Port of each API server; default 6443.")] | UnsetType = UNSET
    etcd: Annotated[EtcdSpec, Meta(description="External etcd.")] | UnsetType = UNSET
    distribute_ca_keys: (
        Annotated[bool, Meta(description="Put CA keys on control-plane nodes too when CAs live in a store of their own.")]
        | UnsetType
    ) = msgspec.field(default=UNSET, name="distributeCAKeys")


class NodeSpec(Spec, frozen=True, kw_only=True):
    """A machine."""

    name: NodeName
    roles: Annotated[list[Role], Meta(min_length=1, description="What it does.")]
    addresses: Annotated[list[str], Meta(description="IP addresses; the first is the advertise address.")] | UnsetType = UNSET


class Defaults(Spec, frozen=True, kw_only=True):
    """Defaults for components."""

    key: KeyType | UnsetType = UNSET
    lifetime: Duration | UnsetType = UNSET
    renew_before: RenewBefore | UnsetType = UNSET
    rotate_key: Annotated[Literal["always", "never"], Meta(description="A new key at each reissue, or the same.")] | UnsetType = (
        UNSET
    )
    store: Annotated[Name, Meta(description="The store when none is named.")] | UnsetType = UNSET


class StoreSpec(Spec, frozen=True, kw_only=True):
    """What holds files: a directory tree, or a part of Vault's KV."""

    type: Annotated[
        Literal["file", "vault-kv"], Meta(description="file: a directory tree; vault-kv: secrets of a KV engine, version 2.")
    ]
    root: Annotated[str, Meta(pattern=r"^/", description="file: absolute; may hold {node}.")] | UnsetType = UNSET
    layout: (
        Annotated[
            Literal["generations", "plain"],
            Meta(description="generations: pairs swap as one behind symlinks; plain: ordinary files, replaced in a safe order."),
        ]
        | UnsetType
    ) = UNSET
    connection: ConnectionName | UnsetType = UNSET
    mount: Annotated[str, Meta(description="vault-kv: where the engine is mounted.")] | UnsetType = UNSET
    prefix: (
        Annotated[str, Meta(description="vault-kv: what every path begins with; may hold {node}; default nothing.")] | UnsetType
    ) = UNSET


class Document(Spec, frozen=True, kw_only=True):
    """The whole desired state; an included file has the same form without `apiVersion` and `cluster`."""

    api_version: Annotated[Literal["cluster-pki/v1"], Meta(description="The format.")]
    cluster: Annotated[Name, Meta(description="Identity of this PKI in plans, state and metrics.")]
    include: Annotated[list[str], Meta(description="Files beside this one, globs allowed, no `..`.")] | UnsetType = UNSET
    kubernetes: Annotated[KubernetesSpec, Meta(description="A Kubernetes cluster; leave out for any other PKI.")] | UnsetType = (
        UNSET
    )
    nodes: Annotated[list[NodeSpec], Meta(description="The machines.")] | UnsetType = UNSET
    defaults: Annotated[Defaults, Meta(description="Defaults for components.")] | UnsetType = UNSET
    connections: Annotated[dict[Name, ConnectionSpec], Meta(description="Vault and OpenBao servers by name.")] | UnsetType = UNSET
    stores: (
        Annotated[dict[Name, StoreSpec], Meta(description="Where files live; `files` with root / is built in.")] | UnsetType
    ) = UNSET
    cas: (
        Annotated[dict[Name, CaSpec | None], Meta(description="Certificate authorities by name; null drops a preset's.")]
        | UnsetType
    ) = UNSET
    components: (
        Annotated[dict[Name, ComponentSpec | None], Meta(description="Identities by name; null drops a preset's.")] | UnsetType
    ) = UNSET
    bundles: (
        Annotated[dict[Name, BundleSpec | None], Meta(description="Trust bundles by name; null drops a preset's.")] | UnsetType
    ) = UNSET
    kubeconfigs: (
        Annotated[dict[Name, KubeconfigSpec | None], Meta(description="Kubeconfigs by name; null drops a preset's.")] | UnsetType
    ) = UNSET
    keypairs: (
        Annotated[dict[Name, KeypairSpec | None], Meta(description="Bare keys by name; null drops a preset's.")] | UnsetType
    ) = UNSET
    requests: Annotated[dict[Name, RequestSpec], Meta(description="Signing requests by name.")] | UnsetType = UNSET
    groups: (
        Annotated[dict[Name, GroupSpec], Meta(description="Groups of components whose hooks run one at a time, by name.")]
        | UnsetType
    ) = UNSET
    edges: (
        Annotated[dict[Name, EdgeSpec], Meta(description="Connections that `verify` proves beside those of a preset, by name.")]
        | UnsetType
    ) = UNSET
    lock: Annotated[LockSpec, Meta(description="Lets one of several reconcilers act at a time.")] | UnsetType = UNSET
    suspend: Suspend | UnsetType = UNSET
    revocations: Annotated[list[RevocationSpec], Meta(description="Certificates not to be trusted any more.")] | UnsetType = UNSET
    policy: Annotated[PolicySpec, Meta(description="Limits and rule severities.")] | UnsetType = UNSET
    guards: Annotated[GuardsSpec, Meta(description="Limits of one plan.")] | UnsetType = UNSET
    prune: Annotated[bool, Meta(description="Remove what left the YAML.")] | UnsetType = UNSET
    moved: Annotated[list[Moved], Meta(description="Renamed addresses.")] | UnsetType = UNSET
    imports: Annotated[list[Import], Meta(description="Files to take over.")] | UnsetType = UNSET
    adopted: (
        Annotated[
            list[str],
            Meta(description="Addresses whose files were there and fitted when this was written: ours to replace from now on."),
        ]
        | UnsetType
    ) = UNSET
    removed: Annotated[list[Removed], Meta(description="Addresses that left on purpose.")] | UnsetType = UNSET

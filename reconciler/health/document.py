"""What `cluster-pki discover` found, as one document: nodes, the inventory of their certificates and keys, findings, sums. Data.

``schemas/discovery.v1.schema.json`` is generated from these types.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from reconciler.cluster.model import Layout, Role
from reconciler.health.model import Severity

FORMAT_VERSION: Final = "1.0"

Kind = Literal["ca", "certificate", "key", "public-key", "kubeconfig", "crl", "missing", "unusable"]
State = Literal["valid", "expiring", "expired", "not-yet-valid", "missing", "unusable"]


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Base of every part of the document."""


class ProcessEntry(Part, frozen=True, kw_only=True):
    """A program that a node runs."""

    name: str
    source: Annotated[str, Meta(description="The manifest, unit or configuration file that says so.")]
    version: Annotated[str, Meta(description="By its image; empty when nothing says it.")] = ""


class UnreadEntry(Part, frozen=True, kw_only=True):
    """A file of configuration that could not be understood, wholly or in part."""

    path: str
    problem: str


class NodeEntry(Part, frozen=True, kw_only=True):
    """One machine."""

    name: str
    layout: Annotated[Layout, Meta(description="What kind of installation its files show.")]
    root: Annotated[str, Meta(description="The directory it was read from, as given; empty when it is not known.")] = ""
    control_plane: Annotated[bool, Meta(description="Whether it runs an API server.")] = False
    addresses: list[str] = []
    processes: list[ProcessEntry] = []
    unread: list[UnreadEntry] = []


class UseEntry(Part, frozen=True, kw_only=True):
    """Who uses a file, and by which setting."""

    process: Annotated[str, Meta(description="Empty for a file that no process is told of, such as a person's kubeconfig.")]
    setting: Annotated[str, Meta(description="As its documentation spells it: --tls-cert-file.")]
    role: Annotated[Role, Meta(description="What the setting makes of the file.")]
    purpose: Annotated[str, Meta(description="Settings of one purpose belong together: serving, peer, client-ca, …")]
    source: Annotated[str, Meta(description="The file that says so.")]


class InventoryEntry(Part, frozen=True, kw_only=True):
    """One certificate, or one file that holds none. What was not found, or does not apply, is null or empty."""

    node: str
    path: Annotated[str, Meta(description="As the node sees it.")]
    within: Annotated[
        str, Meta(description="Where in the file: users[jane].client-certificate-data; empty for the file itself.")
    ] = ""
    position: Annotated[int, Meta(description="Which certificate of several in one place, from 1.")] = 1
    user: Annotated[str, Meta(description="Of a kubeconfig: whose entry it belongs to.")] = ""
    kind: Kind
    state: Annotated[State | None, Meta(description="By its dates; null for what has none.")] = None
    used_by: list[UseEntry] = []
    subject: Annotated[str | None, Meta(description="For people: CN=a, O=b.")] = None
    common_name: str | None = None
    organizations: list[str] = []
    sans: Annotated[list[str], Meta(description="dns:, ip:, uri: or email: and the name.")] = []
    usages: Annotated[list[str], Meta(description="Extended key usages by their Kubernetes names.")] = []
    issuer: Annotated[str | None, Meta(description="The issuer's name, for people.")] = None
    issuer_common_name: str | None = None
    key: Annotated[str | None, Meta(description="Algorithm and size of the key.")] = None
    serial: Annotated[str | None, Meta(description="Hex, lower case.")] = None
    fingerprint: Annotated[str | None, Meta(description="SHA-256 over the certificate's DER.")] = None
    spki_sha256: Annotated[str | None, Meta(description="SHA-256 of the public key: equal for a certificate and its key.")] = None
    not_before: Annotated[datetime | None, Meta(description="Of a revocation list: thisUpdate.")] = None
    not_after: Annotated[datetime | None, Meta(description="Of a revocation list: nextUpdate.")] = None
    days_left: Annotated[int | None, Meta(description="Whole days until not_after, negative afterwards.")] = None
    mode: Annotated[str | None, Meta(description="Permission bits, in octal: 0600.")] = None
    uid: int | None = None
    gid: int | None = None
    key_path: Annotated[str | None, Meta(description="Where its private key is on this node; null when it is not.")] = None
    link: Annotated[str, Meta(description="What the path points to when it is a symbolic link.")] = ""
    server: Annotated[str, Meta(description="Of a kubeconfig: the API server.")] = ""
    certificate_path: Annotated[str, Meta(description="Of a kubeconfig: the file it refers to; empty for embedded data.")] = ""
    credential: Annotated[str, Meta(description="Of a kubeconfig without a certificate: token, exec, …")] = ""
    problem: Annotated[str, Meta(description="Why nothing can be said about it; one sentence.")] = ""
    severity: Annotated[Severity | None, Meta(description="Of the worst finding about it.")] = None
    findings: Annotated[list[str], Meta(description="The codes of the findings about it.")] = []


class FindingEntry(Part, frozen=True, kw_only=True):
    """One thing that is wrong, or worth knowing; `cluster-pki rule CODE` prints the page of its code."""

    code: str
    severity: Severity
    nodes: Annotated[list[str], Meta(description="Where it was found alike; empty for what concerns the whole cluster.")]
    path: Annotated[str, Meta(description="With #user behind a kubeconfig's for one entry; empty for none.")]
    setting: Annotated[str, Meta(description="Process and setting that make it matter.")] = ""
    message: str
    breaks: Annotated[str, Meta(description="What breaks because of it.")]
    when: Annotated[datetime | None, Meta(description="When it breaks; null for now, or no certain time.")] = None
    mend: Annotated[str, Meta(description="What to do.")]


class DiscoverySummary(Part, frozen=True, kw_only=True):
    """How many of what. A certificate is counted once, however many places it is in; what nobody uses is only `unused`."""

    nodes: int = 0
    certificates: int = 0
    unused: Annotated[int, Meta(description="Further certificates that nothing was found to use.")] = 0
    expired: int = 0
    expiring: int = 0
    errors: int = 0
    warnings: int = 0
    notices: int = 0
    next_expiry: Annotated[datetime | None, Meta(description="The first that lies ahead.")] = None
    next_expiry_node: str | None = None
    next_expiry_path: str | None = None


class DiscoveryDocument(Part, frozen=True, kw_only=True):
    """A whole cluster, as its files describe it."""

    format_version: str
    cluster: str
    version: Annotated[str, Meta(description="Of Kubernetes; empty when nothing says it.")] = ""
    at: Annotated[datetime, Meta(description="The time that dates were judged by.")]
    summary: DiscoverySummary
    nodes: list[NodeEntry]
    findings: Annotated[list[FindingEntry], Meta(description="The worst first.")]
    inventory: Annotated[list[InventoryEntry], Meta(description="By node and path.")]

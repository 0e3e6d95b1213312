"""The settings of a kubeadm cluster, read off its flags and certificates. Decisions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

import msgspec

from reconciler.adopting.model import Ground, Machine, Spec
from reconciler.adopting.rendering import on
from reconciler.cluster.model import Cluster, Kubeconfig, Node
from reconciler.desired.presets.fragments import Fragments
from reconciler.desired.presets.kubeadm import PKI, preset
from reconciler.desired.presets.settings import DEFAULT_PORT, DEFAULT_SUBNET, Settings, read_settings
from reconciler.desired.report import Report
from reconciler.desired.spec import KubernetesSpec, NodeSpec
from reconciler.observed.model import Certificates

_SERVICE: Final = "kubernetes.default.svc."
_LOCAL: Final = "cluster.local"
_ADMIN: Final = "/etc/kubernetes/admin.conf"


class Base(msgspec.Struct, frozen=True, kw_only=True):
    """A preset with its settings."""

    spec: Spec
    """The block ``kubernetes``."""
    settings: Settings
    fragments: Fragments


def base_of(cluster: Cluster, ground: Ground) -> Base | None:
    """The preset that fits; None when the cluster is none of kubeadm's."""
    servers = [node for node in cluster.nodes if node.is_control_plane]
    if not servers or any(node.layout != "kubeadm" for node in servers):
        return None
    spec = _settings(cluster, servers, ground)
    bare = _read(spec, ground)
    names = _extra_names(servers, bare, ground)
    if names:
        spec["certSANs"] = names
    settings = _read(spec, ground)
    return Base(spec=spec, settings=settings, fragments=preset(settings))


def node_specs(ground: Ground) -> list[Spec]:
    """The section ``nodes``."""
    return [_node_spec(machine) for machine in ground.machines]


def _node_spec(machine: Machine) -> Spec:
    spec: Spec = {"name": machine.label, "roles": list(machine.roles)}
    if machine.addresses:
        spec["addresses"] = list(machine.addresses)
    return spec


def _read(spec: Spec, ground: Ground) -> Settings:
    nodes = [msgspec.convert(each, NodeSpec) for each in node_specs(ground)]
    return read_settings(msgspec.convert(spec, KubernetesSpec), nodes, Report(lambda path, *, key=False: None))  # noqa: ARG005


def _settings(cluster: Cluster, servers: list[Node], ground: Ground) -> Spec:
    spec: Spec = {"preset": "kubeadm"}
    if cluster.version:
        spec["version"] = cluster.version
    api = servers[0].process("kube-apiserver")
    port = int((api.value("secure-port") if api else "") or DEFAULT_PORT)
    endpoint, cluster_name = _endpoint(servers[0])
    if endpoint and endpoint != f"{ground.machine(servers[0].name).host}:{port}":
        spec["controlPlaneEndpoint"] = endpoint
    ranges = api.value("service-cluster-ip-range") if api else ""
    subnets = [part for part in ranges.split(",") if part]
    if subnets and subnets != [DEFAULT_SUBNET]:
        spec["serviceSubnets"] = subnets
    domain = next(_domains(servers[0]), _LOCAL)
    if domain != _LOCAL:
        spec["dnsDomain"] = domain
    if cluster_name not in {"", "kubernetes"}:
        spec["clusterName"] = cluster_name
    if port != DEFAULT_PORT:
        spec["bindPort"] = port
    return spec


def _endpoint(node: Node) -> tuple[str, str]:
    """Host and port of the API, and the name of the cluster, as admin.conf has them."""
    file = node.files.get(_ADMIN)
    if file is None or not isinstance(file.content, Kubeconfig):
        return "", ""
    entry = next((entry for entry in file.content.entries if entry.current), None)
    return ("", "") if entry is None else (urlsplit(entry.server).netloc, entry.cluster)


def _names(node: Node) -> tuple[str, ...]:
    file = node.files.get(f"/{PKI}/apiserver.crt")
    return file.content.chain[0].sans if file is not None and isinstance(file.content, Certificates) else ()


def _domains(node: Node) -> Iterator[str]:
    return (san.removeprefix(f"dns:{_SERVICE}") for san in _names(node) if san.startswith(f"dns:{_SERVICE}"))


def _extra_names(servers: list[Node], settings: Settings, ground: Ground) -> Spec:
    """Names that every API server has beyond those that kubeadm gives each; what only some have is an exception."""
    sans = msgspec.to_builtins(preset(settings).components["apiserver"].sans)
    found: list[set[str]] = []
    for node in servers:
        usual = on(sans, ground.machine(node.name))
        known = {f"{kind}:{value}" for kind, values in usual.items() for value in values}  # type: ignore[attr-defined]
        found.append({san for san in _names(node) if san not in known})
    shared = set.intersection(*found) if found else set()
    extra = {kind: sorted(san.partition(":")[2] for san in shared if san.startswith(f"{kind}:")) for kind in ("dns", "ip")}
    return {kind: values for kind, values in extra.items() if values}


def with_ca_keys(base: Base, ground: Ground) -> Base:
    """The preset with CA keys on every control-plane node."""
    spec = base.spec | {"distributeCAKeys": True}
    settings = _read(spec, ground)
    return Base(spec=spec, settings=settings, fragments=preset(settings))

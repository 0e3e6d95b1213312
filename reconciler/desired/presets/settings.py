"""The settings under ``kubernetes:``, checked and made whole: what the preset is built from."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import UNSET

from reconciler.desired.connected import KubernetesFacts
from reconciler.desired.names import InvalidNameError, canonical_dns, canonical_ip
from reconciler.desired.presets.versions import DEFAULT_VERSION, Version, parse_version
from reconciler.desired.report import Report, did_you_mean
from reconciler.desired.spec import KubernetesSpec, NodeSpec

DEFAULT_SUBNET: Final = "10.96.0.0/12"
DEFAULT_PORT: Final = 6443
#: The DNS service takes the tenth address, so kubeadm wants at least ten (kubeadm constants.MinimumAddressesInServiceSubnet).
SMALLEST_SUBNET: Final = 10
MAX_PORT: Final = 65535
CONTROL_PLANE: Final = "control-plane"

_ENDPOINT: Final = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(?::([0-9]{1,5}))?")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """A Kubernetes cluster as the preset needs it."""

    version: Version
    endpoint: str
    """Host and port of the API as a URL has them."""
    endpoint_san: str
    """The endpoint's host, without brackets; empty when no endpoint is given."""
    service_ip: str
    """Address of the service ``kubernetes``: the first of the first service subnet."""
    dns_domain: str
    cert_dns: tuple[str, ...]
    cert_ips: tuple[str, ...]
    cluster_name: str
    bind_port: int
    control_plane: tuple[str, ...]
    """Names of the control-plane nodes, in the order of the list."""
    etcd: tuple[str, ...]
    """Names of the nodes that run etcd."""
    external_etcd: bool
    distribute_ca_keys: bool


def read_settings(kubernetes: KubernetesSpec, nodes: Sequence[NodeSpec], report: Report) -> Settings:
    """Fills in defaults and reports what cannot be; a bad value is replaced by its default so that checking goes on."""
    bind_port = DEFAULT_PORT if kubernetes.bind_port is UNSET else kubernetes.bind_port
    control_plane = tuple(node.name for node in nodes if CONTROL_PLANE in node.roles)
    if not control_plane:
        report.add(
            "CPK218",
            "preset kubeadm needs at least one node of role control-plane",
            at=("nodes",) if nodes else ("kubernetes", "preset"),
            hint="nodes: [{name: cp-1, roles: [control-plane], addresses: [192.0.2.11]}]",
        )
    etcd, external = _etcd_nodes(kubernetes, nodes, control_plane, report)
    host, port = _endpoint(kubernetes, report)
    fallback = next((node for node in nodes if node.name in control_plane[:1]), None)
    extra = kubernetes.cert_sans
    return Settings(
        version=parse_version(DEFAULT_VERSION if kubernetes.version is UNSET else kubernetes.version),
        endpoint=f"{_in_url(host or _advertised(fallback))}:{port or bind_port}",
        endpoint_san=host,
        service_ip=_service_ip(kubernetes, report),
        dns_domain=_dns_domain(kubernetes, report),
        cert_dns=() if extra is UNSET or extra.dns is UNSET else tuple(extra.dns),
        cert_ips=() if extra is UNSET or extra.ip is UNSET else tuple(extra.ip),
        cluster_name="kubernetes" if kubernetes.cluster_name is UNSET else kubernetes.cluster_name,
        bind_port=bind_port,
        control_plane=control_plane,
        etcd=etcd,
        external_etcd=external,
        distribute_ca_keys=kubernetes.distribute_ca_keys is True,
    )


def facts_of(settings: Settings) -> KubernetesFacts:
    """What stays known of the cluster when its preset has been expanded."""
    return KubernetesFacts(version=settings.version[:2], endpoint=settings.endpoint, service_ip=settings.service_ip)


def _etcd_nodes(
    kubernetes: KubernetesSpec, nodes: Sequence[NodeSpec], control_plane: tuple[str, ...], report: Report
) -> tuple[tuple[str, ...], bool]:
    """Those that are named, else those of role etcd, else the control plane (stacked)."""
    named = UNSET if kubernetes.etcd is UNSET else kubernetes.etcd.nodes
    known = [node.name for node in nodes]
    if named is not UNSET:
        for index, name in enumerate(named):
            if name not in known:
                place = ("kubernetes", "etcd", "nodes", index)
                report.add("CPK205", f'there is no node "{name}"', at=place, hint=did_you_mean(name, known))
        return tuple(name for name in known if name in named), True
    by_role = tuple(node.name for node in nodes if "etcd" in node.roles)
    return (by_role, True) if by_role else (control_plane, False)


def _endpoint(kubernetes: KubernetesSpec, report: Report) -> tuple[str, int | None]:
    """Host and port of controlPlaneEndpoint; an empty host when there is none."""
    text = kubernetes.control_plane_endpoint
    if text is UNSET:
        return "", None
    place = ("kubernetes", "controlPlaneEndpoint")
    match = _ENDPOINT.fullmatch(text)
    if match is None or not match[1].strip("[]") or (match[2] and not 0 < int(match[2]) <= MAX_PORT):
        report.add("CPK218", f'"{text}" is not host:port', at=place, hint="such as api.example.com:6443 or [2001:db8::1]:6443")
        return "", None
    try:
        return _canonical_host(match[1]), int(match[2]) if match[2] else None
    except InvalidNameError as problem:
        report.add("CPK218", problem.message, at=place, hint=problem.hint)
        return "", None


def _canonical_host(text: str) -> str:
    if text.startswith("["):
        return canonical_ip(text[1:-1])
    try:
        return canonical_ip(text)
    except InvalidNameError:
        return canonical_dns(text, wildcard=False)


def _service_ip(kubernetes: KubernetesSpec, report: Report) -> str:
    """As kubeadm's GetAPIServerVirtualIP: index 1 of the first subnet; a second (dual-stack) subnet adds no name."""
    subnets = [DEFAULT_SUBNET] if kubernetes.service_subnets is UNSET else kubernetes.service_subnets
    first = ipaddress.ip_network(DEFAULT_SUBNET)[1]
    families = []
    for index, text in enumerate(subnets):
        place = ("kubernetes", "serviceSubnets", index)
        try:
            network = ipaddress.ip_network(text)
        except ValueError:
            report.add("CPK218", f'"{text}" is not a subnet', at=place, hint=_subnet_hint(text))
            continue
        families.append(network.version)
        if network.num_addresses < SMALLEST_SUBNET:
            report.add("CPK218", f'"{text}" has fewer than {SMALLEST_SUBNET} addresses', at=place, hint="such as 10.96.0.0/12")
        elif index == 0:
            first = network[1]
    if len(families) > len(set(families)):
        message = "two service subnets must be one of IPv4 and one of IPv6"
        report.add("CPK218", message, at=("kubernetes", "serviceSubnets"), hint="such as [10.96.0.0/12, fd00:10:96::/112]")
    return str(first)


def _subnet_hint(text: str) -> str:
    try:
        return f'write "{ipaddress.ip_network(text, strict=False)}"'
    except ValueError:
        return "such as 10.96.0.0/12 or fd00:10:96::/112"


def _dns_domain(kubernetes: KubernetesSpec, report: Report) -> str:
    if kubernetes.dns_domain is UNSET:
        return "cluster.local"
    try:
        return canonical_dns(kubernetes.dns_domain, wildcard=False)
    except InvalidNameError as problem:
        report.add("CPK218", problem.message, at=("kubernetes", "dnsDomain"), hint=problem.hint)
        return "cluster.local"


def _advertised(node: NodeSpec | None) -> str:
    """Its first address; its name when it has none, which is reported where the address is needed."""
    if node is None:
        return "localhost"
    return node.addresses[0] if node.addresses else node.name


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host

"""Which names a server's certificate needs: computed again from the settings of those who dial it. Decisions."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Final

import msgspec

from reconciler.cluster.model import Cluster, Node, Process
from reconciler.health.clients import clients
from reconciler.health.context import Context
from reconciler.health.effects import effect
from reconciler.health.hosts import covers, host_of, is_loopback, is_tls, is_unspecified, san_of, split, targets

_SHORT: Final = ("kubernetes", "kubernetes.default")
_SERVICE: Final = "kubernetes.default.svc"
_ADDRESS_TYPES: Final = "Hostname"
_PODS: Final = "pods and controllers in the cluster refuse the API server"
_COMPONENTS: Final = "the controller manager, the scheduler and other nodes refuse the API server"
_ETCD: Final = "the API server refuses etcd: the control plane is down"
_PEERS: Final = "members of etcd refuse each other: no quorum, the control plane is down"
_LOGS: Final = "kubectl logs, exec and port-forward fail for this node"
_PEOPLE: Final = "people and tools that dial this name are refused"


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """A name that somebody dials."""

    san: str
    why: str
    """Who says so: ``--advertise-address``."""
    breaks: str
    """What happens without it."""
    certain: bool = True
    """Whether something in these files dials it; False for names that only people and tools use."""


def api_server(context: Context, node: Node, process: Process) -> Iterator[Need]:
    """Kubeadm's GetAPIServerAltNames, from the other side: what pods, kubelets and kubeconfigs dial."""
    ranges = split(process.values("service-cluster-ip-range"))
    if ranges and (first := _first_address(ranges[0])):
        yield Need(san=f"ip:{first}", why="the first address of --service-cluster-ip-range", breaks=_PODS)
    advertised = process.value("advertise-address")
    if advertised and not is_unspecified(advertised):
        yield Need(san=san_of(advertised), why="--advertise-address", breaks=_COMPONENTS)
    yield Need(san=f"dns:{_SERVICE}", why="its Service", breaks=_PODS)
    domain = _domain(context.cluster)
    if domain:
        yield Need(san=f"dns:{_SERVICE}.{domain}", why="its Service in the cluster's domain", breaks=_PODS)
    for name in _SHORT:
        yield Need(san=f"dns:{name}", why="its Service, from within a namespace", breaks=_PEOPLE, certain=False)
    for client in clients(context):
        if node in client.servers and client.host and is_tls(client.entry.server) and not client.entry.insecure:
            why = f"the server of {client.node.name}:{client.file.path}"
            yield Need(san=san_of(client.host), why=why, breaks=effect(client.file.uses))


def etcd_server(context: Context, node: Node, process: Process) -> Iterator[Need]:
    """What API servers dial, then what etcd says of itself, which tools dial."""
    for other in context.cluster.nodes:
        dialling = other.process("kube-apiserver")
        for url in split(dialling.values("etcd-servers")) if dialling else ():
            host = host_of(url)
            if host and is_tls(url) and node in _members(context, host, other):
                yield Need(san=san_of(host), why=f"--etcd-servers of {other.name}", breaks=_ETCD)
    for setting in ("advertise-client-urls", "listen-client-urls"):
        for url in split(process.values(setting)):
            host = host_of(url)
            if is_tls(url) and not is_unspecified(host) and (setting != "listen-client-urls" or is_loopback(host)):
                yield Need(san=san_of(host), why=f"--{setting}", breaks=_PEOPLE, certain=False)


def etcd_peer(process: Process) -> Iterator[Need]:
    """What the other members dial, and look for in the certificate of who dials them."""
    for url in split(process.values("initial-advertise-peer-urls")):
        host = host_of(url)
        if is_tls(url) and not is_unspecified(host):
            yield Need(san=san_of(host), why="--initial-advertise-peer-urls", breaks=_PEERS)


def kubelet(context: Context, node: Node) -> Iterator[Need]:
    """What API servers dial it by, if they verify it: the first kind of address that they prefer."""
    for other in context.cluster.nodes:
        process = other.process("kube-apiserver")
        if process is None or not process.value("kubelet-certificate-authority"):
            continue
        preferred = next(iter(split(process.values("kubelet-preferred-address-types"))), _ADDRESS_TYPES)
        if preferred == "Hostname":
            yield Need(san=san_of(node.name), why=f"the host name, which {other.name} dials", breaks=_LOGS)
        elif preferred == "InternalIP" and node.addresses:
            yield Need(san=san_of(node.addresses[0]), why=f"the internal address, which {other.name} dials", breaks=_LOGS)


def _members(context: Context, host: str, origin: Node) -> tuple[Node, ...]:
    """The members of etcd that a host leads to: who says so of itself, whose certificate says it, else by name and address."""
    members = tuple(node for node in context.cluster.nodes if node.process("etcd") is not None)
    if is_loopback(host):
        return targets(host, origin, members)
    told = tuple(node for node in members if any(host == host_of(url) for url in _urls(node)))
    certified = (
        node
        for node in members
        if any(covers(held.leaf.sans, san_of(host)) for held in context.at(node, "etcd", "serving", "certificate"))
    )
    return told or tuple(certified) or targets(host, origin, members)


def _urls(node: Node) -> Iterator[str]:
    process = node.process("etcd")
    if process is not None:
        for setting in ("advertise-client-urls", "listen-client-urls", "initial-advertise-peer-urls"):
            yield from split(process.values(setting))


def _first_address(network: str) -> str:
    try:
        return str(ipaddress.ip_network(network, strict=False)[1])
    except (ValueError, IndexError):
        return ""


def _domain(cluster: Cluster) -> str:
    """The cluster's DNS domain: kubelets know it, and the usual issuer of tokens is made of it; empty in doubt."""
    for node in cluster.nodes:
        process = node.process("kubelet")
        domain = process.value("clusterDomain", process.value("cluster-domain")) if process else ""
        if domain:
            return domain.rstrip(".")
    for node in cluster.nodes:
        process = node.process("kube-apiserver")
        host = host_of(process.value("service-account-issuer")) if process else ""
        if host.startswith(f"{_SERVICE}."):
            return host.removeprefix(f"{_SERVICE}.")
    return ""

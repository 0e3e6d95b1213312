"""The edges of a kubeadm cluster, by the names of the preset: E1 to E22.

Who dials whom, with which certificate, under which name follows the programs: kube-apiserver's ``--etcd-servers`` (loopback
with stacked etcd), etcd's advertised addresses, ``--kubelet-preferred-address-types`` (InternalIP first), the servers in the
kubeconfigs, the service address for pods.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from reconciler.desired.connected import KubernetesFacts
from reconciler.desired.model import Component, DesiredState, Kubeconfig
from reconciler.trust.graph import End, Family, LeftOut
from reconciler.trust.hosts import host_of
from reconciler.trust.trusting import TrustFiles

#: Kubeconfigs by the component in them; everybody else is a user (E9).
_KUBECONFIGS: Final = {
    "kubelet-client": ("E6", "kubelet to API server"),
    "controller-manager": ("E7", "controller manager to API server"),
    "scheduler": ("E8", "scheduler to API server"),
}
#: CAs whose clients have no business with etcd: it has no authorization of its own, whoever gets in reads every secret.
_NOT_ETCD: Final = ("kubernetes", "front-proxy")

#: Edges whose certificates or trust are not files that a desired state manages.
NEVER: Final = (
    LeftOut(id="E12", title="clients to the controller manager and scheduler as servers", why="they make their own certificates"),
    LeftOut(id="E14", title="API server to admission webhooks", why="their CA stands in API objects"),
    LeftOut(id="E15", title="API server to authorization and audit webhooks", why="configured in files of their own"),
    LeftOut(id="E16", title="API server to konnectivity", why="configured in a file of its own"),
    LeftOut(id="E17", title="API server to an OIDC issuer", why="its CA is not of this PKI"),
    LeftOut(id="E18", title="metrics to kubelet", why="presents a token; the kubelet's side is that of E5"),
    LeftOut(id="E19", title="cloud controller manager to API server", why="presents a token, or a kubeconfig, which is then E9"),
    LeftOut(id="E21", title="kubelet probes", why="they verify nothing"),
    LeftOut(id="E22", title="load balancer and users outside to API server", why="their trust files are their own"),
)


def kubernetes_edges(desired: DesiredState, facts: KubernetesFacts) -> Iterator[Family]:
    """The families of edges that this view has both ends of.

    Args:
        desired: the state.
        facts: the cluster of its preset.
    """
    view = _View(desired, facts)
    for make in _FAMILIES:
        for family in make(view):
            if _meet(family):
                yield family


def not_judged(desired: DesiredState, found: set[str]) -> Iterator[LeftOut]:
    """Edges that a cluster has and nothing is said about, with the reason.

    Args:
        desired: the state.
        found: ids of the edges that are judged.
    """
    why = "one of its ends is not in this view" if desired.node else "the components of one of its ends are not declared"
    for number in (*range(1, 12), 13, 20):
        if f"E{number}" not in found and not (number == 2 and "E1" in found):  # noqa: PLR2004 - E2: a single member has no peers
            yield LeftOut(id=f"E{number}", title=TITLES[f"E{number}"], why=why)
    yield from NEVER


TITLES: Final = {
    "E1": "API server to etcd",
    "E2": "etcd to its peers",
    "E3": "etcd's gateway to itself",
    "E4": "health checks and etcdctl to etcd",
    "E5": "API server to kubelet",
    "E6": "kubelet to API server",
    "E7": "controller manager to API server",
    "E8": "scheduler to API server",
    "E9": "users to API server",
    "E10": "pods and kube-proxy to API server",
    "E11": "API server to extension API servers",
    "E13": "front proxy to API server",
    "E20": "joining nodes to API server",
}


class _View:
    """What the families are made of."""

    def __init__(self, desired: DesiredState, facts: KubernetesFacts) -> None:
        self.desired = desired
        self.facts = facts
        self._files = TrustFiles(desired)
        self._by_name: dict[str, list[Component]] = {}
        for component in desired.components.values():
            self._by_name.setdefault(component.name, []).append(component)
        self.nodes_of: dict[str, str] = {
            address: node for node, addresses in desired.node_addresses.items() for address in addresses
        }

    def components(self, name: str) -> list[Component]:
        return self._by_name.get(name, [])

    def trust(self, bundle: str, node: str | None) -> str:
        return self._files.on(node, bundle, (bundle,))

    def address(self, node: str | None) -> tuple[str, ...]:
        """The address that a node advertises; its name when it has none."""
        if node is None:
            return ()
        return self.desired.node_addresses.get(node, ())[:1] or (node,)

    def loopback(self, node: str | None) -> tuple[str, ...]:
        """As kubeadm has it for stacked etcd: of the family of the node's address."""
        return ("::1" if ":" in "".join(self.address(node)) else "127.0.0.1",)

    def ends(self, name: str, bundle: str, hosts: Callable[[str | None], tuple[str, ...]] | None = None) -> tuple[End, ...]:
        """Every instance of a component as an end that trusts a bundle, where this view holds the file of both."""
        return tuple(
            End(
                who=component.address,
                kind=name,
                node=component.node,
                presents=component.address,
                trusts=trusts,
                hosts=hosts(component.node) if hosts is not None else (),
            )
            for component in self.components(name)
            if (trusts := self.trust(bundle, component.node))
        )

    def api_servers(self, bundle: str = "kubernetes") -> tuple[End, ...]:
        return self.ends("apiserver", bundle)


def _etcd(view: _View) -> Iterator[Family]:
    """E1 to E4."""
    stacked = {component.node for component in view.components("etcd-server")}
    clients = view.ends("apiserver-etcd-client", "etcd")
    yield Family(
        id="E1",
        title=TITLES["E1"],
        clients=tuple(client for client in clients if client.node in stacked),
        servers=view.ends("etcd-server", "etcd", view.loopback),
        pairs="same-node",
        apart=_NOT_ETCD,
    )
    yield Family(
        id="E1",
        title=TITLES["E1"],
        clients=tuple(client for client in clients if client.node not in stacked),
        servers=view.ends("etcd-server", "etcd", view.address),
        apart=_NOT_ETCD,
    )
    yield Family(
        id="E2",
        title=TITLES["E2"],
        clients=view.ends("etcd-peer", "etcd"),
        servers=view.ends("etcd-peer", "etcd", view.address),
        pairs="other-nodes",
        checks=("etcd-peer-san",),
        apart=_NOT_ETCD,
    )
    yield Family(
        id="E3",
        title=TITLES["E3"],
        # InsecureSkipVerify (etcd server/embed/etcd.go grpcGatewayDial): it presents the server's certificate, and trusts anyone.
        clients=tuple(_unverifying(end) for end in view.ends("etcd-server", "etcd")),
        servers=view.ends("etcd-server", "etcd", view.loopback),
        pairs="same-node",
        apart=_NOT_ETCD,
    )
    checkers = view.ends("etcd-healthcheck-client", "etcd")
    servers = view.ends("etcd-server", "etcd", view.address)
    yield Family(id="E4", title=TITLES["E4"], clients=checkers, servers=servers, apart=_NOT_ETCD)
    yield Family(
        id="E4",
        title=TITLES["E4"],
        clients=checkers,
        servers=view.ends("etcd-server", "etcd", view.loopback),
        pairs="same-node",
        apart=_NOT_ETCD,
    )


def _kubelet(view: _View) -> Iterator[Family]:
    """E5: with ``--kubelet-certificate-authority``, which a cluster that manages serving certificates wants to set."""
    yield Family(
        id="E5",
        title=TITLES["E5"],
        clients=view.ends("apiserver-kubelet-client", "kubernetes"),
        servers=view.ends("kubelet-serving", "kubernetes", view.address),
        checks=("kubelet-serving",),
        refusal="request",
    )


def _kubeconfigs(view: _View) -> Iterator[Family]:
    """E6 to E9: the API server of the URL; every one of them when the URL is that of the endpoint."""
    users: dict[tuple[str, bool], list[End]] = {}
    for kubeconfig in view.desired.kubeconfigs.values():
        component = view.desired.components.get(kubeconfig.component)
        if component is None:
            continue
        host = host_of(kubeconfig.server)
        users.setdefault((component.name, host in view.nodes_of), []).append(_user(kubeconfig, component, host))
    for (name, direct), clients in users.items():
        identity, title = _KUBECONFIGS.get(name, ("E9", TITLES["E9"]))
        groups: dict[str | None, list[End]] = {}
        for client in clients:
            groups.setdefault(view.nodes_of[client.hosts[0]] if direct else None, []).append(client)
        for node, group in groups.items():
            yield Family(
                id=identity,
                title=title,
                clients=tuple(group),
                servers=tuple(server for server in view.api_servers() if node in (None, server.node)),
                checks=("kubelet-client",) if name == "kubelet-client" else (),
                refusal="request",
            )


def _without_kubeconfig(view: _View) -> Iterator[Family]:
    """E10, E20: kube-proxy, pods and joining nodes; the last two present a token."""
    endpoint = (host_of(f"https://{view.facts.endpoint}"),)
    held = {kubeconfig.component for kubeconfig in view.desired.kubeconfigs.values()}
    proxies = tuple(
        msgspec.structs.replace(end, hosts=endpoint) for end in view.ends("kube-proxy", "kubernetes") if end.who not in held
    )
    servers = view.api_servers()
    yield Family(id="E10", title=TITLES["E10"], clients=proxies, servers=servers, refusal="request")
    trusts = tuple(dict.fromkeys(server.trusts for server in servers))
    service = tuple(host for host in ("kubernetes.default.svc", view.facts.service_ip) if host)
    pods = tuple(End(who="pods", kind="pods", trusts=file, hosts=service) for file in trusts)
    yield Family(id="E10", title=TITLES["E10"], clients=pods, servers=tuple(map(_not_asking, servers)), refusal="request")
    joiners = tuple(End(who="joining nodes", kind="joining nodes", trusts=file, hosts=endpoint) for file in trusts)
    yield Family(id="E20", title=TITLES["E20"], clients=joiners, servers=tuple(map(_not_asking, servers)), refusal="request")


def _front_proxy(view: _View) -> Iterator[Family]:
    """E11, E13. An extension API server reads its requestheader CA from a ConfigMap that copies the API server's."""
    proxies = tuple(map(_unverifying, view.ends("front-proxy-client", "front-proxy")))
    extensions = tuple(
        End(who="extension API servers", kind="extension API servers", node=end.node, trusts=end.trusts)
        for end in view.ends("apiserver", "front-proxy")
    )
    for identity, servers in (("E11", extensions), ("E13", view.api_servers("front-proxy"))):
        yield Family(
            id=identity,
            title=TITLES[identity],
            clients=proxies,
            servers=servers,
            checks=("requestheader-name",),
            apart=("kubernetes",),
            refusal="request",
        )


_FAMILIES: Final = (_etcd, _kubelet, _kubeconfigs, _without_kubeconfig, _front_proxy)


def _user(kubeconfig: Kubeconfig, component: Component, host: str) -> End:
    return End(
        who=kubeconfig.address,
        kind=kubeconfig.name,
        node=kubeconfig.node,
        presents=kubeconfig.address if kubeconfig.embed else component.address,
        trusts=kubeconfig.address,
        hosts=(host,),
    )


def _unverifying(end: End) -> End:
    return msgspec.structs.replace(end, trusts="")


def _not_asking(end: End) -> End:
    return msgspec.structs.replace(end, trusts="")


def _meet(family: Family) -> bool:
    """Whether any client has a server to connect to."""
    if family.pairs == "all":
        return bool(family.clients and family.servers)
    nodes = {server.node for server in family.servers}
    if family.pairs == "same-node":
        return any(client.node in nodes for client in family.clients)
    return any(nodes - {client.node} for client in family.clients)

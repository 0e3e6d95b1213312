"""From a desired state to its trust graph."""

from __future__ import annotations

from reconciler.desired.connected import Edge
from reconciler.desired.model import DesiredState
from reconciler.trust.graph import End, Family, Graph, LeftOut
from reconciler.trust.kubernetes import kubernetes_edges, not_judged
from reconciler.trust.trusting import TrustFiles


def graph_of(desired: DesiredState) -> Graph:
    """Every edge: those of the preset in the order of their numbers, then the declared ones by name."""
    families: list[Family] = []
    left_out: list[LeftOut] = []
    if desired.kubernetes is not None:
        families = sorted(kubernetes_edges(desired, desired.kubernetes), key=lambda family: int(family.id[1:]))
        left_out = list(not_judged(desired, {family.id for family in families}))
    files = TrustFiles(desired)
    for edge in desired.edges.values():
        family = declared(desired, edge, files)
        if family.clients and family.servers:
            families.append(family)
        else:
            side = "server" if not family.servers else "client"
            left_out.append(LeftOut(id=edge.name, title=family.title, why=f"this view holds no {side} of it with its trust file"))
    return Graph(families=tuple(families), left_out=tuple(left_out))


def declared(desired: DesiredState, edge: Edge, files: TrustFiles) -> Family:
    """One declared edge.

    Args:
        desired: the state.
        edge: the declaration.
        files: what is trusted where.
    """
    servers = tuple(
        End(
            who=component.address,
            kind=edge.server,
            node=component.node,
            presents=component.address,
            trusts=files.on(component.node, edge.client_trust, edge.client_trust_cas) if edge.client_trust else "",
            hosts=edge.hosts.get(component.address, ()),
        )
        for component in desired.components.values()
        if component.name == edge.server
    )
    if edge.client_trust:
        servers = tuple(server for server in servers if server.trusts)
    clients = tuple(client for client in _clients(desired, edge, files) if client.trusts)
    placed = all(end.node is not None for end in (*clients, *servers))
    title = f"{edge.client or f'holders of bundle {edge.trust}'} to {edge.server}"
    return Family(
        id=edge.name, title=title, clients=clients, servers=servers, pairs="same-node" if edge.same_node and placed else "all"
    )


def _clients(desired: DesiredState, edge: Edge, files: TrustFiles) -> tuple[End, ...]:
    if edge.client:
        return tuple(
            End(
                who=component.address,
                kind=edge.client,
                node=component.node,
                presents=component.address if edge.client_trust else "",
                trusts=files.on(component.node, edge.trust, edge.trust_cas),
            )
            for component in desired.components.values()
            if component.name == edge.client
        )
    kind = f"holders of bundle {edge.trust}"
    held = tuple(
        End(who=bundle.address, kind=kind, node=bundle.node, trusts=bundle.address)
        for bundle in desired.bundles.values()
        if bundle.name == edge.trust
    )
    return held or (End(who=f"bundle.{edge.trust}", kind=kind, trusts=files.on(None, edge.trust, edge.trust_cas)),)

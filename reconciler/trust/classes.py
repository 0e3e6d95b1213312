"""The classes of a family's connections: those of one class cannot differ, so one of them is tried for all."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence

import msgspec

from reconciler.trust.court import Court
from reconciler.trust.graph import End, Family


class Class(msgspec.Struct, kw_only=True):
    """Ends or pairs that cannot differ."""

    clients: dict[str, End] = {}
    servers: dict[str, End] = {}
    connections: int = 0

    def add(self, client: End, server: End) -> None:
        """One more connection."""
        self.clients.setdefault(client.id, client)
        self.servers.setdefault(server.id, server)
        self.connections += 1


def classes(family: Family, courts: Sequence[Court]) -> Iterator[Class]:
    """The classes of a family's connections: those of one class are alike in every court."""
    dialled = tuple(dict.fromkeys(host for court in courts for client in family.clients for host in court.dials(client)))

    def of_client(end: End) -> Hashable:
        return tuple(court.client_key(end) for court in courts)

    def of_server(end: End) -> Hashable:
        return tuple(court.server_key(end, dialled) for court in courts)

    if family.pairs == "all":
        clients: dict[Hashable, dict[str, End]] = {}
        for client in family.clients:
            clients.setdefault(of_client(client), {})[client.id] = client
        servers: dict[Hashable, dict[str, End]] = {}
        for server in family.servers:
            servers.setdefault(of_server(server), {})[server.id] = server
        for some in clients.values():
            for others in servers.values():
                yield Class(clients=some, servers=others, connections=len(some) * len(others))
        return
    client_keys = {client.id: of_client(client) for client in family.clients}
    server_keys = {server.id: of_server(server) for server in family.servers}
    found: dict[Hashable, Class] = {}
    for client, server in _pairs(family):
        key = client_keys[client.id], server_keys[server.id]
        if key not in found:
            found[key] = Class(clients={}, servers={})
        found[key].add(client, server)
    yield from found.values()


def _pairs(family: Family) -> Iterator[tuple[End, End]]:
    by_node: dict[str | None, list[End]] = {}
    for server in family.servers:
        by_node.setdefault(server.node, []).append(server)
    for client in family.clients:
        if family.pairs == "same-node":
            yield from ((client, server) for server in by_node.get(client.node, ()))
        else:
            yield from ((client, server) for node, servers in by_node.items() if node != client.node for server in servers)

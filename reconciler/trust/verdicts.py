"""Verdicts: what is said about all connections of one class."""

from __future__ import annotations

from typing import Literal

import msgspec

from reconciler.trust.graph import End, Family
from reconciler.trust.scene import Trouble

Result = Literal["ok", "refused", "untried"]


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """One class of connections of a family: all of them get through, or all of them fail alike."""

    family: Family
    clients: tuple[End, ...]
    """The first few."""
    servers: tuple[End, ...]
    client_count: int
    server_count: int
    connections: int
    hosts: tuple[str, ...]
    """Under which the first client dials the first server."""
    tls13: Result
    tls12: Result
    troubles: tuple[Trouble, ...] = ()
    """Why they fail; empty when they do not."""
    lints: tuple[Trouble, ...] = ()


def joined(verdicts: list[Verdict], *, examples: int) -> list[Verdict]:
    """Verdicts that say the same about one kind of edge, as one.

    Args:
        verdicts: in the order of the graph.
        examples: how many addresses are kept by name.
    """
    found: dict[object, Verdict] = {}
    for verdict in verdicts:
        alike = (
            verdict.family.id,
            verdict.clients[0].kind,
            verdict.servers[0].kind,
            verdict.tls13,
            verdict.tls12,
            tuple(trouble.code for trouble in verdict.troubles),
            tuple(lint.code for lint in verdict.lints),
            # What fails is told by its own sentence, and joined only with its like.
            tuple(trouble.message for trouble in verdict.troubles),
        )
        found[alike] = _join(found[alike], verdict, examples) if alike in found else verdict
    return list(found.values())


def _join(first: Verdict, second: Verdict, examples: int) -> Verdict:
    clients = tuple({end.id: end for end in (*first.clients, *second.clients)}.values())
    servers = tuple({end.id: end for end in (*first.servers, *second.servers)}.values())
    return msgspec.structs.replace(
        first,
        clients=clients[:examples],
        servers=servers[:examples],
        client_count=_together(first.client_count, second.client_count, first.clients, second.clients),
        server_count=_together(first.server_count, second.server_count, first.servers, second.servers),
        connections=first.connections + second.connections,
        hosts=tuple(dict.fromkeys((*first.hosts, *second.hosts)))[:examples],
    )


def _together(first: int, second: int, ones: tuple[End, ...], others: tuple[End, ...]) -> int:
    """How many there are of both: the same ones when their examples are the same."""
    return max(first, second) if {end.who for end in ones} == {end.who for end in others} else first + second

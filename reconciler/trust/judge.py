"""Judges every edge of a graph in a scene, by classes: one trial for all connections that cannot differ.

Edges are never written out one by one: 5,000 kubelets and three API servers are 15,000 connections, and two classes.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Hashable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from reconciler.trust import predicates
from reconciler.trust.classes import Class, classes
from reconciler.trust.court import Court, Sides
from reconciler.trust.graph import Family, Graph
from reconciler.trust.refusals import explain, lint
from reconciler.trust.scene import Trouble
from reconciler.trust.shapes import Shapes
from reconciler.trust.trial import Outcome, Prove, Refusal, Trial
from reconciler.trust.verdicts import Result, Verdict, joined

#: Addresses of a class that are kept by name.
EXAMPLES: Final = 5


class Judge:
    """Remembers trials: the same class turns up in many families and scenes."""

    def __init__(self, graph: Graph, addresses: Mapping[str, tuple[str, ...]], prove: Prove) -> None:
        """Takes what does not change between scenes.

        Args:
            graph: the edges.
            addresses: of the nodes.
            prove: carries out trials.
        """
        self._graph: Final = graph
        self._addresses: Final = addresses
        self._prove: Final = prove
        self._shapes: Final = Shapes()
        self._outcomes: Final[dict[Hashable, Outcome]] = {}

    def verdicts(self, sides: Sides, *, at: datetime) -> list[Verdict]:
        """What is said about every family.

        Args:
            sides: the scenes.
            at: the time, aware.
        """
        return joined(
            [verdict for family in self._graph.families for verdict in self.family(family, sides, at)], examples=EXAMPLES
        )

    def family(self, family: Family, sides: Sides, at: datetime) -> Iterator[Verdict]:
        """The verdicts on one family, a class each."""
        court = self._court(family, sides, at)
        for found in classes(family, (court,)):
            yield self._verdict(court, found)

    def worse(self, family: Family, before: Sides, sides: Sides, at: datetime) -> Iterator[Verdict]:
        """The verdicts on those connections of a family that fail, and did not fail before.

        Args:
            family: the edges.
            before: where things stood.
            sides: where they stand.
            at: the time of judgement, aware.
        """
        then, now = self._court(family, before, at), self._court(family, sides, at)
        for found in classes(family, (now, then)):
            verdict = self._verdict(now, found)
            if verdict.troubles and not self._verdict(then, found).troubles:
                yield verdict

    def _court(self, family: Family, sides: Sides, at: datetime) -> Court:
        return Court(family, sides, at, self._addresses, self._shapes)

    def _verdict(self, court: Court, found: Class) -> Verdict:
        client, server = next(iter(found.clients.values())), next(iter(found.servers.values()))
        trial = court.trial(client, server)
        hosts = court.dials(client) or server.hosts
        troubles = [*court.client_troubles(client, server), *court.server_troubles(server), *court.host_troubles(client, server)]
        lints = [*court.lints(client, server)]
        tls13: Result = "untried"
        tls12: Result = "untried"
        if court.can_try(trial):
            dialled = hosts if trial.client_trust is not None and hosts else ("",)
            outcomes = [self._try(court, msgspec.structs.replace(trial, host=host)) for host in dialled]
            tls13, tls12 = _result(outcomes, "tls13"), _result(outcomes, "tls12")
            known = {trouble.code for trouble in troubles}
            for outcome in outcomes:
                refusal = outcome.tls13 or outcome.tls12
                told = explain(refusal, trial, court.family) if refusal is not None else None
                if told is not None and told.code not in known:
                    known.add(told.code)
                    troubles.append(told)
            if all(outcome == Outcome(tls13=None, tls12=None, strict=outcome.strict) for outcome in outcomes):
                troubles += self._by_the_clock(court, trial, dialled[0])
            strict = next((outcome.strict for outcome in outcomes if outcome.strict is not None), None)
            lints += [lint(strict, trial)] if strict is not None else []
        troubles += court.openings(server)
        return Verdict(
            family=court.family,
            clients=tuple(found.clients.values())[:EXAMPLES],
            servers=tuple(found.servers.values())[:EXAMPLES],
            client_count=len({end.who for end in found.clients.values()}),
            server_count=len({end.who for end in found.servers.values()}),
            connections=found.connections,
            hosts=hosts,
            tls13=tls13,
            tls12=tls12,
            troubles=tuple(troubles),
            lints=tuple(lints),
        )

    def _try(self, court: Court, trial: Trial) -> Outcome:
        key = court.trial_key(trial)
        if key not in self._outcomes:
            self._outcomes[key] = self._prove(trial, ChainMap(*(dict(scene.signers) for scene in court.sides)))
        return self._outcomes[key]

    def _by_the_clock(self, court: Court, trial: Trial, host: str) -> Iterator[Trouble]:
        """Once more, without the CA certificates that are not valid at the time."""
        then = court.valid_only(msgspec.structs.replace(trial, host=host))
        if then is None:
            return
        outcome = self._try(court, then)
        refusal = outcome.tls13 or outcome.tls12
        if refusal is None:
            return
        refused = then.client_trust if refusal.by == "client" else then.server_trust
        party = then.server if refusal.by == "client" else then.client
        files = " or ".join(f"{each.address} ({each.file})" for each in (refused, party) if each is not None)
        yield predicates.ca_trouble(files, court.gone(trial, by_client=refusal.by == "client"), court.at)


def _result(outcomes: Sequence[Outcome], version: str) -> Result:
    refusals: list[Refusal | None] = [getattr(outcome, version) for outcome in outcomes]
    return "ok" if all(refusal is None for refusal in refusals) else "refused"

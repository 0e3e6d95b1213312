"""Proofs: the graph in one state; and in every state that a sequence of changes can pass through.

While a change is on its way some nodes have applied it and others have not, and some processes have loaded their new files
and others have not. For one connection that is: the client presents the old or the new certificate, it trusts by the old or
the new file, and likewise the server. All sixteen combinations are judged, so that every order of nodes is covered.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise, product

import msgspec

from reconciler.desired.model import DesiredState
from reconciler.observed.model import ObservedState
from reconciler.trust.court import Sides
from reconciler.trust.document import Row, Scope, VerificationDocument, document_of
from reconciler.trust.edges import graph_of
from reconciler.trust.graph import End, Family, Graph
from reconciler.trust.judge import EXAMPLES, Judge
from reconciler.trust.scene import Scene, scene_of
from reconciler.trust.trial import Prove
from reconciler.trust.verdicts import Verdict, joined

#: What each of the four is called when it is already new.
_WORDS = ("client certificate", "client trust or kubeconfig", "server certificate", "server trust")


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """A state on the way."""

    label: str
    """For people: the phase or step after which it is so."""
    observed: ObservedState
    at: datetime
    """Aware."""


def prove_state(
    desired: DesiredState, observed: ObservedState, prove: Prove, *, at: datetime, scope: Scope = "disk"
) -> VerificationDocument:
    """Judges every edge in one state.

    Args:
        desired: whose graph it is.
        observed: what is there, or what a plan leaves behind.
        prove: carries out trials.
        at: the time of judgement, aware.
        scope: which of the two it is.
    """
    graph = graph_of(desired)
    judge = Judge(graph, desired.node_addresses, prove)
    verdicts = judge.verdicts(Sides.of(scene_of(desired, observed, at=at)), at=at)
    return document_of(desired, [Row(verdict=verdict) for verdict in verdicts], graph, at=at, scope=scope)


def prove_every_phase(desired: DesiredState, moments: Sequence[Moment], prove: Prove) -> VerificationDocument:
    """Judges every edge in every state, and in every mixture of two that follow each other.

    Args:
        desired: whose graph it is.
        moments: the states in their order, beginning with what is there now; at least one.
        prove: carries out trials; with twins, because what is planned does not exist.
    """
    graph = graph_of(desired)
    judge = Judge(graph, desired.node_addresses, prove)
    scenes = [scene_of(desired, moment.observed, at=moment.at) for moment in moments]
    found: dict[object, tuple[Verdict, dict[str, None]]] = {}
    states = 0
    for label, verdicts in _everything(graph, judge, moments, scenes):
        states += 1
        for verdict in joined(verdicts, examples=EXAMPLES):
            said = (
                verdict.family.id,
                verdict.clients[0].kind,
                verdict.servers[0].kind,
                tuple(each.code for each in verdict.lints),
                tuple((each.code, each.message) for each in verdict.troubles),
            )
            found.setdefault(said, (verdict, {}))[1][label] = None
    rows = [Row(verdict=verdict, moments=tuple(labels)) for verdict, labels in found.values()]
    return document_of(desired, rows, graph, at=moments[0].at, scope="every-phase", moments=states)


def _everything(
    graph: Graph, judge: Judge, moments: Sequence[Moment], scenes: Sequence[Scene]
) -> Iterator[tuple[str, list[Verdict]]]:
    """Every state with its label: first those that a change ends in, then the mixtures on the way from one to the next."""
    for moment, scene in zip(moments, scenes, strict=True):
        yield moment.label, judge.verdicts(Sides.of(scene), at=moment.at)
    for (first, second), (before, after) in zip(pairwise(moments), pairwise(scenes), strict=True):
        mixtures: dict[tuple[bool, ...], list[Verdict]] = {}
        changed = _changed(before, after)
        for family in graph.families:
            for new in _mixtures(family, *changed):
                sides = Sides(*(after if is_new else before for is_new in new))
                # What failed before fails until it has been put right: only what gets worse is news.
                worse = judge.worse(family, Sides.of(before), sides, second.at)
                mixtures.setdefault(new, []).extend(worse)
        for new, verdicts in mixtures.items():
            already = ", ".join(word for word, is_new in zip(_WORDS, new, strict=True) if is_new)
            yield f"from {first.label} to {second.label}, already new: {already}", verdicts


def _changed(before: Scene, after: Scene) -> tuple[frozenset[str], frozenset[str]]:
    """Addresses of what is presented, and of what is trusted, that differ."""
    presented = frozenset(address for address, party in after.parties.items() if before.parties.get(address) != party)
    trusted = frozenset(address for address, trust in after.trusts.items() if before.trusts.get(address) != trust)
    return presented, trusted


def _mixtures(family: Family, presented: frozenset[str], trusted: frozenset[str]) -> Iterator[tuple[bool, ...]]:
    """For each of the four whether it is new; not all old and not all new, which are states of their own."""

    def touches(ends: Sequence[End], field: str, those: frozenset[str]) -> bool:
        return any(getattr(end, field) in those for end in ends)

    differs = (
        touches(family.clients, "presents", presented),
        touches(family.clients, "trusts", trusted),
        touches(family.servers, "presents", presented),
        touches(family.servers, "trusts", trusted),
    )
    # What stands in one kubeconfig is replaced as one.
    together = differs[0] and differs[1] and all(end.presents == end.trusts for end in family.clients)
    for new in product(*((False, True) if each else (False,) for each in differs)):
        if any(new) and new != differs and not (together and new[0] != new[1]):
            yield new

"""Who is owed hooks, in which order, and from when on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import pytest

from reconciler.apply.delivery.due import Turn, remaining_life, turns
from reconciler.apply.delivery.ledger import Ledger, Obligation
from reconciler.desired.model import Component, DesiredState
from reconciler.observed.model import Served
from tests.apply.delivery.scene import PROBE, hook, owner, serial
from tests.plan.world import DAY, NOW, bundle, ca, component, kubeconfig, settled, state

A, B, C = "component.a", "component.b", "component.c"
LATER: Final = NOW + timedelta(minutes=5)
DELIVERED: Final = Obligation(delivered="1")
TRIED: Final = Obligation(delivered="1", owed="2", revision="r1", attempts=2, retry_at=LATER)


def seen(state_: Any) -> Served:  # noqa: ANN401 - a state of an endpoint
    """What an endpoint presents."""
    return Served(state=state_, endpoint=PROBE.endpoint, at=NOW)


def owed(
    ledger: Mapping[str, Obligation],
    contents: Mapping[str, str],
    *,
    served: Mapping[str, Served] | None = None,
    revision: str = "r1",
    desired: DesiredState | None = None,
) -> tuple[Turn, ...]:
    """Everybody who is owed hooks of three components."""
    desired = desired or state(ca(), owner("a"), owner("b"), owner("c"))
    return turns(desired, Ledger(owners=ledger), contents, served=served or {}, revision=revision)


@pytest.mark.parametrize(
    ("entry", "content", "served", "revision", "expected"),
    [
        (DELIVERED, "1", None, "r1", None),
        (DELIVERED, "2", None, "r1", Turn(address=A, why="changed")),
        (Obligation(), "1", None, "r1", Turn(address=A, why="changed")),
        (Obligation(), "", None, "r1", None),
        (DELIVERED, "", None, "r1", None),
        (None, "1", None, "r1", None),
        (DELIVERED, "1", "ok", "r1", None),
        (DELIVERED, "1", "unreachable", "r1", None),
        (DELIVERED, "1", "stale", "r1", Turn(address=A, why="stale")),
        (TRIED, "2", None, "r1", Turn(address=A, why="changed", attempts=2, not_before=LATER)),
        (TRIED, "2", "stale", "r1", Turn(address=A, why="changed", attempts=2, not_before=LATER)),
        (TRIED, "3", None, "r1", Turn(address=A, why="changed")),
        (TRIED, "2", None, "r2", Turn(address=A, why="changed")),
        (TRIED, "1", None, "r1", None),
        (
            Obligation(delivered="1", owed="1", revision="r1", stale=True, attempts=1, retry_at=LATER),
            "1",
            "unreachable",
            "r1",
            Turn(address=A, why="stale", attempts=1, not_before=LATER),
        ),
        (Obligation(delivered="2", owed="1", stale=True, attempts=1), "2", "unreachable", "r1", None),
    ],
    ids=[
        "delivered",
        "changed",
        "made by us",
        "not made yet",
        "gone",
        "never seen",
        "serves it",
        "does not answer",
        "serves the old one",
        "tried",
        "tried and stale",
        "changed again",
        "new revision",
        "changed back",
        "was stale",
        "was stale before",
    ],
)
def test_one_owner(entry: Obligation | None, content: str, served: str | None, revision: str, expected: Turn | None) -> None:
    """An owner is owed while what is there is not what was delivered, or its process presents something else."""
    ledger = {} if entry is None else {A: entry}
    found = owed(ledger, {A: content}, served={} if served is None else {A: seen(served)}, revision=revision)
    assert found == (() if expected is None else (expected,))


@pytest.mark.parametrize(("not_before", "due"), [(None, True), (NOW, True), (NOW + timedelta(microseconds=1), False)])
def test_when_it_is_due(not_before: datetime | None, *, due: bool) -> None:
    """At once, or when its pause is over."""
    assert Turn(address=A, why="changed", not_before=not_before).is_due(NOW) is due


def order(desired: DesiredState, ledger: Mapping[str, Obligation] | None = None) -> list[tuple[str, str]]:
    """Names and groups of everybody, when everything has changed."""
    owners = [*desired.components, *desired.bundles, *desired.kubeconfigs]
    known = dict.fromkeys(owners, DELIVERED) | dict(ledger or {})
    found = owed(known, dict.fromkeys(owners, "2"), desired=desired)
    return [(turn.address.partition(".")[2], turn.group) for turn in found]


def test_the_order_of_the_desired_state() -> None:
    """Components, then bundles, then kubeconfigs; who has no hooks is owed none."""
    hooks = (hook("x"),)
    desired = state(
        ca(), owner("z"), component("none"), owner("a"), bundle(after=hooks), kubeconfig(component="component.z", after=hooks)
    )
    assert order(desired) == [("z", ""), ("a", ""), ("trust", ""), ("admin", "")]


def test_a_serial_group_comes_together() -> None:
    """Its members stand where its first is, in the order of the group: node by node."""
    members = [owner(name) for name in ("a1", "a2", "x", "b1", "b2")]
    desired = state(ca(), *members, groups=serial("a1", "b1", "a2", "b2"))
    assert order(desired) == [("a1", "quorum"), ("b1", "quorum"), ("a2", "quorum"), ("b2", "quorum"), ("x", "")]


def test_who_failed_comes_first() -> None:
    """While one member does not work no other may be touched, not even one that stands before it."""
    desired = state(ca(), owner("a"), owner("b"), owner("c"), groups=serial("a", "b", "c"))
    assert order(desired, {C: TRIED}) == [("c", "quorum"), ("a", "quorum"), ("b", "quorum")]


def test_a_group_that_is_not_serial() -> None:
    """Its members stand in nobody's way."""
    desired = state(ca(), owner("a"), owner("b"), groups=serial("b", "a", one_at_a_time=False))
    assert order(desired) == [("a", ""), ("b", "")]


@pytest.mark.parametrize(
    ("members", "fields", "left"),
    [
        ((owner("a", suspended=True), owner("b")), {}, [("b", "")]),
        ((owner("a", suspended=True), owner("b")), {"groups": serial("a", "b")}, [("b", "quorum")]),
        ((owner("a"), owner("b")), {"suspended": True}, []),
    ],
)
def test_who_is_suspended(members: tuple[Component, ...], fields: dict[str, Any], left: list[tuple[str, str]]) -> None:
    """It is owed nothing for as long, and stops nobody else."""
    assert order(state(ca(), *members, **fields)) == left


@pytest.mark.parametrize(
    ("since", "now", "left"),
    [
        (NOW, NOW, 30 * DAY),
        (NOW - 29 * DAY, NOW, DAY),
        (NOW - 31 * DAY, NOW, 365 * DAY - timedelta(minutes=5)),
        (NOW, NOW + 400 * DAY, None),
    ],
    ids=["just changed", "old one ends soon", "old one has ended", "both have ended"],
)
def test_what_remains(since: datetime, now: datetime, left: timedelta | None) -> None:
    """The process may still use the certificate before: it was renewed renewBefore ahead of its end."""
    world = settled(ca(), owner("a"), kubeconfig(component=A, after=(hook("x"),)), bundle(after=(hook("x"),)))
    for address in (A, "kubeconfig.admin"):
        assert remaining_life(address, world.desired, world.observed, since=since, now=now) == left
    assert remaining_life("bundle.trust", world.desired, world.observed, since=since, now=now) is None

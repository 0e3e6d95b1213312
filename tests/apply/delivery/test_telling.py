"""Everybody whose hooks are owed is told, with what it waits for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from reconciler.apply.delivery.ledger import Ledger, Obligation
from reconciler.apply.delivery.telling import SUSPENDED, TURN, statuses
from reconciler.plan.status_document import HookStatus
from tests.apply.delivery.scene import owner
from tests.plan.world import NOW, ca, state

A = "component.a"
LATER = NOW + timedelta(minutes=5)
FAILED = Obligation(
    delivered="1",
    owed="2",
    attempts=2,
    first_owed_at=NOW,
    retry_at=LATER,
    at_hook="exec x",
    last_detail="It exited with status 1.",
    last_output="no such thing",
)
FIRST = "exec reload-a"


def told(entry: Obligation, content: str = "2", **fields: Any) -> list[HookStatus]:  # noqa: ANN401 - of a desired state
    """What is told of one owner."""
    desired = state(ca(), owner("a"), **fields)
    return statuses(desired, Ledger(owners={A: entry}), {A: content}, now=NOW)


@pytest.mark.parametrize(
    ("entry", "content"),
    [
        (Obligation(delivered="2"), "2"),
        (Obligation(delivered="1"), ""),
        (FAILED, "1"),
    ],
    ids=["delivered", "gone", "changed back"],
)
def test_who_is_owed_nothing(entry: Obligation, content: str) -> None:
    """Nothing is told of it."""
    assert told(entry, content) == []


@pytest.mark.parametrize(
    ("entry", "status"),
    [
        (Obligation(delivered="1"), HookStatus(address=A, state="waiting", hook=FIRST, detail=TURN)),
        (
            FAILED,
            HookStatus(
                address=A,
                state="failing",
                hook="exec x",
                attempts=2,
                since=NOW,
                next_attempt_at=LATER,
                detail="It exited with status 1.",
                output="no such thing",
            ),
        ),
        (
            Obligation(delivered="1", owed="2", first_owed_at=NOW, waiting_for="component.b"),
            HookStatus(
                address=A,
                state="waiting",
                hook=FIRST,
                since=NOW,
                detail="It waits for component.b, whose hooks have not succeeded yet.",
            ),
        ),
        (
            Obligation(delivered="2", owed="2", stale=True, attempts=1, first_owed_at=NOW, retry_at=NOW, last_detail="Stale."),
            HookStatus(address=A, state="failing", hook=FIRST, attempts=1, since=NOW, detail="Stale."),
        ),
        (
            Obligation(delivered="1", owed="0", attempts=7, first_owed_at=NOW, at_hook="exec old", last_detail="Old."),
            HookStatus(address=A, state="waiting", hook=FIRST, detail=TURN),
        ),
    ],
    ids=["changed", "failed", "in a group", "serves the old one", "changed again"],
)
def test_who_is_owed_hooks(entry: Obligation, status: HookStatus) -> None:
    """At which hook it stands, since when, why, and when it is tried again."""
    assert told(entry) == [status]


def test_who_is_suspended() -> None:
    """It is told what ends the waiting."""
    (status,) = told(FAILED, suspended=True)
    assert (status.state, status.detail, status.output) == ("waiting", SUSPENDED, "")


def test_the_order() -> None:
    """As in the desired state, without those that are not known."""
    desired = state(ca(), owner("b"), owner("a"), owner("c"))
    ledger = Ledger(owners={A: FAILED, "component.b": FAILED})
    found = statuses(desired, ledger, {"component.b": "2", A: "2", "component.c": "2"}, now=NOW)
    assert [status.address for status in found] == ["component.b", A]

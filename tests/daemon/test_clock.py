"""A clock that cannot be trusted freezes changes; one that keeps its time is believed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from reconciler.daemon.clock import CYCLES, Anchor, Suspicion, Verdict, judge, next_look

NOON: Final = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
RELEASED: Final = datetime(2026, 11, 1, tzinfo=UTC)
INTERVAL: Final = timedelta(minutes=5)
LONGEST: Final = timedelta(days=365)


def read(
    wall: datetime,
    boot: float,
    *,
    anchor: Anchor | None = None,
    suspicion: Suspicion | None = None,
    last_seen: datetime | None = None,
) -> Verdict:
    """One reading, judged with the usual settings."""
    return judge(
        Anchor(wall=wall, boot=boot),
        anchor=anchor,
        suspicion=suspicion,
        last_seen=last_seen,
        released=RELEASED,
        longest=LONGEST,
        interval=INTERVAL,
    )


ANCHOR: Final = Anchor(wall=NOON, boot=1000.0)


@pytest.mark.parametrize(
    ("wall", "boot", "anchor", "last_seen", "reason"),
    [
        (NOON, 1000.0, None, None, ""),
        (NOON + timedelta(minutes=5), 1300.0, ANCHOR, NOON, ""),
        # NTP moves it a little; a machine that slept has both clocks ahead.
        (NOON + timedelta(minutes=9), 1300.0, ANCHOR, NOON, ""),
        (NOON + timedelta(hours=9), 1000.0 + 9 * 3600, ANCHOR, NOON, ""),
        # Off for a month, then started: half of the longest lifetime is more.
        (NOON + timedelta(days=31), 10.0, None, NOON, ""),
        (NOON + timedelta(days=183), 10.0, None, NOON, "ClockWentForward"),
        (NOON + timedelta(minutes=11), 1300.0, ANCHOR, NOON, "ClockWentForward"),
        (NOON + timedelta(days=400), 1300.0, ANCHOR, NOON, "ClockWentForward"),
        (NOON - timedelta(hours=1), 1300.0, ANCHOR, NOON, "ClockWentBack"),
        (NOON - timedelta(hours=1), 10.0, None, NOON, "ClockWentBack"),
        (NOON - timedelta(minutes=4), 1300.0, ANCHOR, NOON, ""),
        (RELEASED - timedelta(seconds=1), 1300.0, ANCHOR, NOON, "ClockBeforeRelease"),
        (NOON - timedelta(days=5 * 365), 1300.0, None, None, "ClockBeforeRelease"),
    ],
)
def test_what_is_trusted(wall: datetime, boot: float, anchor: Anchor | None, last_seen: datetime | None, reason: str) -> None:
    """Wall time against the time since boot, and against the latest time that was seen."""
    verdict = read(wall, boot, anchor=anchor, last_seen=last_seen)
    assert (verdict.reason, verdict.trusted) == (reason, not reason)


def test_a_clock_that_went_forward_is_believed_after_two_cycles() -> None:
    """Once could be a glitch; the second consistent reading, some seconds later, is a fact."""
    jumped = NOON + timedelta(days=400)
    first = read(jumped, 1300.0, anchor=ANCHOR, last_seen=NOON)
    assert first.suspicion is not None
    assert next_look(first.suspicion, INTERVAL) == timedelta(seconds=10)
    at_once = read(jumped, 1300.5, anchor=first.anchor, suspicion=first.suspicion, last_seen=NOON)
    assert (at_once.trusted, at_once.reason) == (False, "ClockWentForward")
    later = read(jumped + timedelta(seconds=10), 1310.0, anchor=at_once.anchor, suspicion=at_once.suspicion, last_seen=NOON)
    assert (later.trusted, later.accepted, later.suspicion) == (True, True, None)


def test_a_clock_that_went_back_is_believed_after_an_hour_of_cycles() -> None:
    """A certificate must not wait for ever because the clock once showed a far future."""
    wall, boot = NOON - timedelta(days=30), 1300.0
    verdict = read(wall, boot, anchor=ANCHOR, last_seen=NOON)
    for cycle in range(2, CYCLES["backward"] + 1):
        assert (verdict.trusted, verdict.reason) == (False, "ClockWentBack")
        elapsed = 300.0 * (cycle - 1)
        verdict = read(
            wall + timedelta(seconds=elapsed), boot + elapsed, anchor=verdict.anchor, suspicion=verdict.suspicion, last_seen=NOON
        )
    assert (verdict.trusted, verdict.accepted) == (True, True)


def test_a_clock_that_is_right_again_is_trusted_at_once() -> None:
    """Forward by a year and back: it agrees with the last reading that was trusted, and nothing was changed in between."""
    forward = read(NOON + timedelta(days=365), 1300.0, anchor=ANCHOR, last_seen=NOON)
    back = read(NOON + timedelta(minutes=6), 1310.0, anchor=forward.anchor, suspicion=forward.suspicion, last_seen=NOON)
    assert (back.trusted, back.accepted, back.suspicion) == (True, False, None)


def test_a_flapping_clock_is_trusted_only_while_it_is_right() -> None:
    """A year ahead at every second reading: it never keeps that long enough."""
    verdict = read(NOON, 1000.0)
    found = []
    for turn in range(1, 9):
        wall = NOON + timedelta(minutes=5 * turn) + timedelta(days=365 if turn % 2 else 0)
        verdict = read(wall, 1000.0 + 300 * turn, anchor=verdict.anchor, suspicion=verdict.suspicion, last_seen=NOON)
        found.append(verdict.trusted)
    assert found == [False, True] * 4

"""Lengths of time in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from reconciler.render.durations import days_left, instant, span, until

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(days=11, hours=4, minutes=59), "11d 4h"),
        (timedelta(days=331), "331d"),
        (timedelta(hours=4, minutes=30), "4h 30m"),
        (timedelta(hours=4), "4h"),
        (timedelta(minutes=12, seconds=59), "12m"),
        (timedelta(seconds=40, milliseconds=900), "40s"),
        (timedelta(0), "0s"),
    ],
)
def test_spans_name_their_two_greatest_units(length: timedelta, words: str) -> None:
    """Cut off, never rounded up: a certificate does not live longer because of a word."""
    assert span(length) == words


@pytest.mark.parametrize(("delta", "words"), [(timedelta(days=2), "in 2d"), (timedelta(0), "now"), (-timedelta(days=2), "now")])
def test_what_is_past_is_due_now(delta: timedelta, words: str) -> None:
    """A renewal that should have happened is due now, not in a negative time."""
    assert until(NOW + delta, now=NOW) == words


@pytest.mark.parametrize(
    ("delta", "days"),
    [
        (timedelta(days=10), 10),
        (timedelta(days=10) - timedelta(seconds=1), 9),
        (timedelta(hours=3), 0),
        (-timedelta(seconds=1), -1),
        (-timedelta(days=3), -3),
    ],
)
def test_days_left_are_whole_days(delta: timedelta, days: int) -> None:
    """Zero on the last day, negative as soon as the end has passed."""
    assert days_left(NOW + delta, now=NOW) == days


def test_instants_are_in_utc() -> None:
    """RFC 3339 with Z, whatever zone the value came in."""
    assert instant(datetime(2026, 11, 20, 11, 30, 15, 999, tzinfo=timezone(timedelta(hours=1)))) == "2026-11-20T10:30:15Z"

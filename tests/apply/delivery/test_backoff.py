"""Pauses grow, end somewhere, and never outlive the certificate that they are about."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.apply.delivery.backoff import LONGEST, SHORTEST, pause


def test_pauses_double() -> None:
    """From ten seconds to a quarter of an hour."""
    seconds = [pause(attempts, remaining=None).total_seconds() for attempts in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10_000)]
    assert seconds == [10, 20, 40, 80, 160, 320, 640, 900, 900, 900]


@pytest.mark.parametrize(
    ("remaining", "length"),
    [
        (timedelta(hours=1), timedelta(minutes=15)),
        (timedelta(minutes=20), timedelta(minutes=10)),
        (timedelta(seconds=10), timedelta(seconds=5)),
        (timedelta(milliseconds=1), timedelta(seconds=1)),
    ],
)
def test_close_to_the_end(remaining: timedelta, length: timedelta) -> None:
    """The next attempt comes before half of what remains is over."""
    assert pause(20, remaining=remaining) == length


@given(st.integers(1, 10**6), st.timedeltas(timedelta(0), timedelta(days=400)))
def test_always_before_half_of_what_remains(attempts: int, remaining: timedelta) -> None:
    """However many attempts failed, except in the last two seconds."""
    assert SHORTEST <= pause(attempts, remaining=remaining) <= max(min(LONGEST, remaining / 2), SHORTEST)

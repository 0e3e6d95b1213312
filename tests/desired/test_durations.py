"""Durations: exact, capped, and back to text."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.desired.durations import (
    LONGEST,
    InvalidDurationError,
    format_duration,
    parse_duration,
    parse_renew_before,
)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90d", timedelta(days=90)),
        ("8760h", timedelta(days=365)),
        ("1y", timedelta(days=365)),
        ("10m", timedelta(minutes=10)),
        ("1d12h", timedelta(hours=36)),
        ("5s", timedelta(seconds=5)),
        ("0s", timedelta(0)),
        ("100y", LONGEST),
        ("0000000000000090d", timedelta(days=90)),
    ],
)
def test_durations_are_exact(text: str, length: timedelta) -> None:
    """A year is 365 days, always; parts add up."""
    assert parse_duration(text) == length


@pytest.mark.parametrize("text", ["", "90", "d", "90 d", "-1d", "1.5d", "1w", "1D", "P1Y", "\uff19d", "1d ", "33%"])
def test_what_is_no_duration(text: str) -> None:
    """The hint shows the form."""
    with pytest.raises(InvalidDurationError) as caught:
        parse_duration(text)
    assert (caught.value.message, "90d" in caught.value.hint) == (f'"{text}" is not a duration', True)


@pytest.mark.parametrize("text", ["101y", "100y1s", "36501d", "9" * 5000 + "s"])
def test_durations_are_capped(text: str) -> None:
    """Beyond 100 years nothing is computed, however many digits there are."""
    with pytest.raises(InvalidDurationError, match="is longer than 100 years"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "length"), [("33%", timedelta(days=33)), ("1%", timedelta(days=1)), ("30d", timedelta(days=30))]
)
def test_renew_before_may_be_a_share(text: str, length: timedelta) -> None:
    """A share of the lifetime, in whole seconds."""
    assert parse_renew_before(text, timedelta(days=100)) == length
    assert parse_renew_before("33%", timedelta(seconds=10)) == timedelta(seconds=3)


@pytest.mark.parametrize("text", ["0%", "100%", "%", "1.5%", "-1%"])
def test_a_share_is_neither_nothing_nor_all(text: str) -> None:
    """1 % to 99 %."""
    with pytest.raises(InvalidDurationError) as caught:
        parse_renew_before(text, timedelta(days=1))
    assert caught.value.hint == "write 1% to 99%"


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(days=730), "2y"),
        (timedelta(days=398), "398d"),
        (timedelta(hours=36), "1d12h"),
        (timedelta(minutes=10, seconds=5), "10m5s"),
        (timedelta(0), "0s"),
        (-timedelta(days=1), "-1d"),
    ],
)
def test_durations_are_written_as_people_do(length: timedelta, text: str) -> None:
    """Years only where they come out even."""
    assert format_duration(length) == text


@given(st.integers(0, int(LONGEST.total_seconds())))
def test_formatting_and_parsing_are_inverse(seconds: int) -> None:
    """For every length that can be asked for."""
    assert parse_duration(format_duration(timedelta(seconds=seconds))) == timedelta(seconds=seconds)

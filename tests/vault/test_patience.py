"""When a call is sent again."""

from __future__ import annotations

import pytest

from reconciler.vault.errors import Kind, VaultError
from reconciler.vault.patience import TRIES, pause_before_next, retry_after

DATE = "Wed, 21 Oct 2026 07:28:00 GMT"


def error(kind: Kind, asked: float = 0.0) -> VaultError:
    """An error of a kind."""
    return VaultError("main", "a", kind, "it failed", retry_after=asked)


@pytest.mark.parametrize("kind", list(Kind))
def test_what_a_wait_may_change(kind: Kind) -> None:
    """All else is for the caller to decide."""
    again = pause_before_next(error(kind), 1, left=10, jitter=0) is not None
    assert again is (kind in {Kind.UNREACHABLE, Kind.BUSY})


@pytest.mark.parametrize(
    ("tries", "asked", "left", "jitter", "pause"),
    [
        (1, 0, 30, 0.0, 0.125),
        (1, 0, 30, 0.5, 0.1875),
        (2, 0, 30, 0.0, 0.25),
        (4, 0, 30, 0.0, 1.0),
        (TRIES, 0, 30, 0.0, None),
        (1, 0, 0.1, 0.0, None),
        (1, 0, -1, 0.0, None),
        (1, 7, 30, 0.0, 7.0),
        (1, 7, 30, 0.5, 7.125),
        (1, 7, 7, 0.0, None),
        (1, 60, 30, 0.0, None),
    ],
)
def test_how_long_it_waits(tries: int, asked: float, left: float, jitter: float, pause: float | None) -> None:
    """Longer each time, never less than was asked for, never beyond the deadline."""
    assert pause_before_next(error(Kind.BUSY, asked), tries, left=left, jitter=jitter) == pause


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0),
        ({"retry-after": "7"}, 7),
        ({"retry-after": " 7 "}, 7),
        ({"retry-after": "0"}, 0),
        ({"retry-after": "-7"}, 0),
        ({"retry-after": "7.5"}, 0),
        ({"retry-after": "\u0667"}, 0),
        ({"retry-after": "9" * 5000}, 86_400),
        ({"retry-after": "soon"}, 0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:09 GMT", "date": DATE}, 9),
        ({"retry-after": "Wed, 21 Oct 2026 07:27:00 GMT", "date": DATE}, 0),
        ({"retry-after": "Wed, 21 Oct 2096 07:27:00 GMT", "date": DATE}, 86_400),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:09 GMT"}, 0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:09 GMT", "date": "whenever"}, 0),
        ({"retry-after": "Wed, 99 Oct 99999 99:99:99 GMT", "date": DATE}, 0),
    ],
)
def test_what_an_answer_asks_for(headers: dict[str, str], seconds: float) -> None:
    """A number or a date, which is counted from that of the answer."""
    assert retry_after(headers) == seconds

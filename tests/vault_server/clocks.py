"""What time it is for a server: the real time, or one that a test moves."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], float]

real: Clock = time.time


class Manual:
    """A clock that stands still until a test moves it."""

    def __init__(self, start: datetime) -> None:
        """Starts at a moment."""
        self._now = start.timestamp()

    def __call__(self) -> float:  # noqa: D102  (it is a clock)
        return self._now

    def advance(self, by: timedelta) -> None:
        """Moves it."""
        self._now += by.total_seconds()


def moment(seconds: float) -> datetime:
    """A moment in UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def rfc3339(seconds: float) -> str:
    """A moment as the API writes it."""
    return moment(seconds).isoformat(timespec="microseconds").replace("+00:00", "Z")

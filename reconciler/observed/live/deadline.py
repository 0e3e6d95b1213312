"""One end for a conversation of many steps: a peer that sends a byte a second gets no more time than a silent one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """An instant of a clock that is never set."""

    end: float
    """Seconds of that clock."""
    monotonic: Callable[[], float]

    def left(self) -> float:
        """Seconds until it.

        Raises:
            TimeoutError: there are none.
        """
        seconds = self.end - self.monotonic()
        if seconds <= 0:
            raise TimeoutError
        return seconds


def after(length: timedelta, monotonic: Callable[[], float]) -> Deadline:
    """The deadline that far from now."""
    return Deadline(end=monotonic() + length.total_seconds(), monotonic=monotonic)

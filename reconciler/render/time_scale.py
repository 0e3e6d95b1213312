"""A scale on which hours and decades stand side by side: the further away, the narrower. Decisions.

It is a power law: a logarithm would give most of the width to the next hours, a linear scale all of it to the CAs.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

import msgspec

_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_YEAR: Final = timedelta(days=365)
#: What may be labelled, in the order in which labels get their place.
_TICKS: Final = (
    ("1y", _YEAR), ("30d", 30 * _DAY), ("10y", 10 * _YEAR), ("1d", _DAY), ("7d", 7 * _DAY), ("3y", 3 * _YEAR),
    ("90d", 90 * _DAY), ("1h", _HOUR), ("6h", 6 * _HOUR), ("5y", 5 * _YEAR), ("180d", 180 * _DAY), ("30y", 30 * _YEAR),
    ("5m", timedelta(minutes=5)), ("100y", 100 * _YEAR),
)  # fmt: skip
#: Percent of the width between two labels, so that they stay apart on a phone.
_APART: Final = 7.5
#: Percent of the width: where now stands when something lies in the past, and when nothing does; and where the far end is.
_NOW_AFTER_PAST: Final = 12.0
_NOW: Final = 3.5
_END: Final = 98.0
#: A day out of ten years is a tenth of the width, and a year half of it.
_POWER: Final = 0.3


class Scale(msgspec.Struct, frozen=True, kw_only=True):
    """Turns a distance from now into a place, in percent of the width."""

    now: float
    """Where now is."""
    future: timedelta
    past: timedelta

    def place(self, distance: timedelta) -> float:
        """The place of a moment so far from now; negative is in the past, what lies beyond the ends is put there."""
        if distance < timedelta(0):
            return self.now * (1 - 0.92 * _share(-distance, self.past))
        return self.now + (_END - self.now) * _share(distance, self.future)

    def ticks(self) -> tuple[tuple[str, float], ...]:
        """Labels and their places, from left to right."""
        taken: list[tuple[str, float]] = [("now", self.now)]
        for label, distance in _TICKS:
            place = self.place(distance)
            if distance <= self.future and all(abs(place - other) >= _APART for _, other in taken):
                taken.append((label, place))
        return tuple(sorted(taken, key=lambda tick: tick[1]))


def scale_for(distances: Iterable[timedelta]) -> Scale:
    """A scale on which all of these find a place.

    Args:
        distances: from now; negative in the past.
    """
    known = list(distances)
    behind = -min(known, default=timedelta(0))
    return Scale(
        now=_NOW_AFTER_PAST if behind > timedelta(0) else _NOW,
        future=max(max(known, default=_YEAR) * 1.02, _DAY),
        past=max(behind, _DAY),
    )


def _share(distance: timedelta, far: timedelta) -> float:
    return float(min(1.0, (distance / far) ** _POWER))

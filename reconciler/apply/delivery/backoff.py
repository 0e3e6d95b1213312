"""When a hook that failed is tried again. Decisions."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

FIRST: Final = timedelta(seconds=10)
LONGEST: Final = timedelta(minutes=15)
SHORTEST: Final = timedelta(seconds=1)
#: From here on twice the pause is the longest one.
_DOUBLINGS: Final = 7


def pause(attempts: int, *, remaining: timedelta | None) -> timedelta:
    """How long to wait after an attempt: 10 s, twice as long each time, 15 min at most.

    Args:
        attempts: how many were made, at least one.
        remaining: until a certificate that is in use expires; None when none does, or one has. The next attempt comes
            before half of it is over, so that there are always more of them before the end.
    """
    length = min(FIRST * (1 << min(attempts - 1, _DOUBLINGS)), LONGEST)
    if remaining is not None:
        length = min(length, remaining / 2)
    return max(length, SHORTEST)

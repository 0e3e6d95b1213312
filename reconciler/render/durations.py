"""How long, in words people use: ``11d 4h``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def span(length: timedelta) -> str:
    """The two greatest units of a length of time, cut off, not rounded: ``331d 4h``, ``4h 30m``, ``12m``, ``40s``."""
    seconds = int(abs(length.total_seconds()))
    if seconds >= DAY:
        return _pair(seconds // DAY, "d", seconds % DAY // HOUR, "h")
    if seconds >= HOUR:
        return _pair(seconds // HOUR, "h", seconds % HOUR // MINUTE, "m")
    if seconds >= MINUTE:
        return f"{seconds // MINUTE}m"
    return f"{seconds}s"


def until(moment: datetime, *, now: datetime) -> str:
    """When something falls due, seen from now: ``in 11d 4h``, or ``now``."""
    return f"in {span(moment - now)}" if moment > now else "now"


def instant(moment: datetime) -> str:
    """An instant as RFC 3339 in UTC with whole seconds: ``2026-11-20T10:00:00Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def days_left(moment: datetime, *, now: datetime) -> int:
    """Whole days until a moment: 0 on its last day, negative once it has passed."""
    return (moment - now) // timedelta(days=1)


def _pair(major: int, major_unit: str, minor: int, minor_unit: str) -> str:
    return f"{major}{major_unit} {minor}{minor_unit}" if minor else f"{major}{major_unit}"

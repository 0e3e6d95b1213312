"""The time a command works with."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from reconciler.cli.options import UsageError
from reconciler.desired.durations import InvalidDurationError, parse_duration

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d([Tt ]\d\d:\d\d(:\d\d)?([Zz]|[+-]\d\d:\d\d))?")


def wall_clock() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


def moment(text: str | None, now: datetime, *, past: bool = False) -> datetime:
    """The instant that ``--at`` names: RFC 3339, a date (midnight UTC), or ``+60d`` from now.

    Args:
        text: what was given; None for nothing.
        now: aware.
        past: whether it may lie in the past: the time of a snapshot.

    Raises:
        UsageError: it is none of these, or lies in the past.
    """
    if text is None:
        return now
    if text.startswith("+"):
        try:
            return now + parse_duration(text[1:])
        except InvalidDurationError as error:
            msg = f"--at {text}: {error}"
            raise UsageError(msg) from error
    try:
        at = datetime.fromisoformat(text.upper() if _RFC3339.fullmatch(text) else "")
    except ValueError as error:
        msg = f"--at {text}: give a time such as 2027-01-31T12:00:00Z, a date, or +60d"
        raise UsageError(msg) from error
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    if at < now and not past:
        msg = f"--at {text}: lies in the past; it asks what will be due, not what was"
        raise UsageError(msg)
    return at.astimezone(UTC)

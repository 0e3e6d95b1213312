"""Durations as people write them: ``90d``, ``8760h``, ``1y`` (365 days, always), ``10m``, ``1d12h``."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

SECONDS: Final[dict[str, int]] = {"y": 365 * 86_400, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
#: Far below the overflow of datetime, far above any certificate's life.
LONGEST: Final = timedelta(days=100 * 365)

_PART: Final = re.compile(r"([0-9]+)([ydhms])")
_WHOLE: Final = re.compile(r"(?:[0-9]+[ydhms])+")
_SHARE: Final = re.compile(r"([1-9]|[1-9][0-9])%")
#: 100 years are ten digits of seconds; more digits are refused before they become a number.
_MAX_DIGITS: Final = 10


class InvalidDurationError(ValueError):
    """The text is no duration; says why and what to write."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message: Final = message
        self.hint: Final = hint


def parse_duration(text: str) -> timedelta:
    """The exact length of a duration; its parts add up.

    Raises:
        InvalidDurationError: it is not one, or longer than 100 years.
    """
    if not _WHOLE.fullmatch(text):
        msg = f'"{text}" is not a duration'
        raise InvalidDurationError(msg, "write a number and a unit (y, d, h, m for minutes, s): 90d, 8760h, 1y, 1d12h")
    parts = _PART.findall(text)
    seconds = None
    if all(len(digits.lstrip("0")) <= _MAX_DIGITS for digits, _ in parts):
        seconds = sum(int(digits) * SECONDS[unit] for digits, unit in parts)
    if seconds is None or seconds > LONGEST.total_seconds():
        msg = f'"{text}" is longer than 100 years'
        raise InvalidDurationError(msg, "100y is the longest duration")
    return timedelta(seconds=seconds)


def parse_renew_before(text: str, lifetime: timedelta) -> timedelta:
    """A renewBefore: a duration, or a share of the lifetime such as ``33%``, in whole seconds.

    Raises:
        InvalidDurationError: it is neither.
    """
    if share := _SHARE.fullmatch(text):
        return timedelta(seconds=int(lifetime.total_seconds()) * int(share[1]) // 100)
    if "%" in text:
        msg = f'"{text}" is not a share of the lifetime'
        raise InvalidDurationError(msg, "write 1% to 99%")
    return parse_duration(text)


def format_duration(length: timedelta) -> str:
    """The shortest way to write a duration; whole seconds survive `parse_duration`.

    Years appear only when they come out even (``730d`` is ``2y``, ``398d`` stays), because a year is 365 days here.
    """
    seconds = int(length.total_seconds())
    if seconds < 0:
        return "-" + format_duration(-length)
    if seconds and seconds % SECONDS["y"] == 0:
        return f"{seconds // SECONDS['y']}y"
    text = ""
    for unit in "dhms":
        count, seconds = divmod(seconds, SECONDS[unit])
        text += f"{count}{unit}" if count else ""
    return text or "0s"

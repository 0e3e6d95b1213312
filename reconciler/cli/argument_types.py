"""What an option's text may be: each raises what argparse turns into a usage error."""

from __future__ import annotations

import argparse
from datetime import timedelta


def seconds(text: str) -> float:
    """A duration, in seconds."""
    return duration(text).total_seconds()


def duration(text: str) -> timedelta:
    """A duration such as 5m."""
    from reconciler.desired.durations import InvalidDurationError, parse_duration  # noqa: PLC0415 - only when it is used

    try:
        return parse_duration(text)
    except InvalidDurationError as error:
        msg = f"{error.message}; {error.hint}"
        raise argparse.ArgumentTypeError(msg) from error


def interval(text: str) -> timedelta:
    """A duration of at least a second."""
    length = duration(text)
    if length < timedelta(seconds=1):
        msg = "give at least 1s"
        raise argparse.ArgumentTypeError(msg)
    return length


def parallelism(text: str) -> int:
    """How many at a time."""
    number = int(text)
    if not 1 <= number <= 64:  # noqa: PLR2004 - more threads than this only wait for each other
        msg = "give a number from 1 to 64"
        raise argparse.ArgumentTypeError(msg)
    return number

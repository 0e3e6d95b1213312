"""What an option's text may be: each raises what argparse turns into a usage error."""

from __future__ import annotations

import argparse
from datetime import timedelta


def seconds(text: str) -> float:
    """A duration, in seconds."""
    return duration(text).total_seconds()


def duration(text: str) -> timedelta:
    """A duration such as 5m."""
    from reconciler.desired.durations import parse_duration  # noqa: PLC0415 - only when the option is used

    return parse_duration(text)


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

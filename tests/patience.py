"""An end to waiting: what would hang, or take minutes, fails instead."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def within(seconds: int, what: str) -> Iterator[None]:
    """Fails what goes on for longer; in the main thread only.

    Args:
        seconds: how long is too long.
        what: names it in the error.
    """

    def give_up(_signum: int, _frame: FrameType | None) -> None:
        msg = f"{what} takes longer than {seconds} s"
        raise TimeoutError(msg)

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)

"""Nothing that is observed may make the observer wait."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from types import FrameType

import pytest


@pytest.fixture(autouse=True)
def _never_hangs() -> Iterator[None]:
    """A look that waits for somebody fails after a minute, instead of hanging the run."""

    def give_up(_signum: int, _frame: FrameType | None) -> None:
        msg = "looking hangs"
        raise TimeoutError(msg)

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)

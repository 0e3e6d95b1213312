"""What wakes the loop: reasons that anybody may give, from any thread and from signal handlers."""

from __future__ import annotations

import contextlib
import os
import select
from collections import deque
from typing import Final


class Wakeups:
    """An eventfd and the reasons for it.

    Not a `threading.Event`: setting one in a signal handler that interrupted its own `wait` can wait for itself for ever.
    A write to an eventfd is safe there (signal-safety(7)), and poll(2) is woken by it at once.
    """

    def __init__(self) -> None:
        self._fd: Final = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._poll: Final = select.poll()
        self._poll.register(self._fd, select.POLLIN)
        self._reasons: Final[deque[str]] = deque()

    def wake(self, reason: str) -> None:
        """Ends a wait, or the next one."""
        self._reasons.append(reason)
        with contextlib.suppress(OSError):  # the counter is full: it is awake anyway; or closed: nobody waits
            os.eventfd_write(self._fd, 1)

    def wait(self, seconds: float) -> frozenset[str]:
        """Waits for a reason, at most so long; gives the reasons that have come."""
        self._poll.poll(max(0.0, seconds) * 1000)
        return self.take()

    def take(self) -> frozenset[str]:
        """The reasons that have come, without waiting."""
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._fd)
        reasons: set[str] = set()
        while self._reasons:
            reasons.add(self._reasons.popleft())
        return frozenset(reasons)

    def close(self) -> None:
        """Gives the descriptor back."""
        os.close(self._fd)

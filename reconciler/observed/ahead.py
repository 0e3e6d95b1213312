"""Reading ahead: other processes look at parts of a large state while this one looks at its own.

Parsing certificates and keys holds the interpreter lock, so threads do not shorten it. A child looks at its part exactly
as the pass would, and hands over what a cache file would hold: facts and verdicts, never a key. Whatever it does not
deliver, the pass finds missing and reads for itself.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Sequence
from itertools import pairwise
from types import TracebackType
from typing import Final, NoReturn, Self, TypeVar

Item = TypeVar("Item")

#: Below this many new components a second process costs more than it spares.
WORTH_A_PROCESS: Final = 1_500
_MOST_PROCESSES: Final = 4


def processes(unseen: int, *, cores: int) -> int:
    """How many processes to use, this one included.

    A process with several threads does not fork: a lock that another thread holds would stay locked in the child.
    """
    if threading.active_count() > 1:
        return 1
    return max(1, min(cores, _MOST_PROCESSES, 1 + unseen // WORTH_A_PROCESS))


def shares(items: Sequence[Item], count: int) -> tuple[Sequence[Item], ...]:
    """The items in as many parts of about the same size, in order; this process takes the first."""
    edges = [len(items) * part // count for part in range(count + 1)]
    return tuple(items[start:end] for start, end in pairwise(edges))


class Ahead:
    """A child at work. A context: a child that was not waited for is ended."""

    def __init__(self, work: Callable[[], bytes]) -> None:
        """Starts it.

        Raises:
            OSError: there can be no further process.
        """
        self._memory: Final = os.memfd_create("observations", os.MFD_CLOEXEC)
        try:
            self._pid: int = os.fork()
        except OSError:
            os.close(self._memory)
            raise
        if self._pid == 0:
            _deliver(work, self._memory)

    def result(self) -> bytes:
        """Waits for what it found; empty when it failed."""
        _, status = os.waitpid(self._pid, 0)
        self._pid = 0
        if status != 0:
            return b""
        with os.fdopen(os.dup(self._memory), "rb") as found:
            found.seek(0)
            return found.read()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        os.close(self._memory)


def _deliver(work: Callable[[], bytes], descriptor: int) -> NoReturn:
    """The child's whole life: it never returns into the program, which would then run twice."""
    status = 1
    try:
        with os.fdopen(descriptor, "wb") as found:
            found.write(work())
        status = 0
    finally:
        os._exit(status)

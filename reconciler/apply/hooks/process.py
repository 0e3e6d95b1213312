"""Runs a program that may do anything: print for ever, hang, leave children behind. It costs a bounded time and memory.

The child leads a session of its own, so that the whole of it can be signalled (setsid(2)); what it prints comes through a
pipe of which the end is kept. Its end is told by a descriptor (pidfd_open(2)), not by the end of the pipe, which a child
of the child may hold open for years.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import IO, Final

from reconciler.apply.hooks.ended import Ended, Stopped

#: Seconds from SIGTERM to SIGKILL, and from SIGKILL until we no longer wait: a process in the kernel cannot be killed.
GRACE: Final = 2.0
LAST_WAIT: Final = 5.0
#: Seconds that a program still has when we are asked to stop: all of us has ten.
STOPPING: Final = 3.0
#: Ours is 077; what a hook makes should be usable.
UMASK: Final = 0o022

#: Much more than is shown, so that a key of which only the end would be shown is still seen as one.
_KEPT: Final = 64 << 10
_CHUNK: Final = 64 << 10
#: What a pipe can hold may still come after the end (pipe(7): 64 KiB, or up to 1 MiB when somebody raised it).
_DRAINED: Final = 16
_TICK: Final = 0.2
_TICK_WITHOUT_DESCRIPTOR: Final = 0.02


class _Tail:
    """The end of what was printed."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.cut = False

    def read(self, pipe: IO[bytes]) -> int | None:
        """Takes what is there and says how much; 0 when nothing can come any more, None when nothing is there now."""
        try:
            part = os.read(pipe.fileno(), _CHUNK)
        except BlockingIOError:
            return None
        self.data += part
        if len(self.data) > 2 * _KEPT:
            del self.data[:-_KEPT]
            self.cut = True
        return len(part)


def run_program(
    argv: Sequence[str],
    *,
    environ: Mapping[str, str],
    timeout: timedelta,
    monotonic: Callable[[], float],
    stop: Callable[[], bool] = lambda: False,
) -> Ended:
    """Runs a program to its end, or ends it.

    Args:
        argv: the program and its arguments; no shell is between.
        environ: its whole environment; ``PATH`` finds it.
        timeout: after this it is ended, with everything that it started in its session.
        monotonic: a clock in seconds that is never set.
        stop: whether we are asked to stop; asked several times a second.

    Raises:
        OSError, ValueError: it could not be started.
    """
    process = subprocess.Popen(
        list(argv),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=dict(environ),
        cwd="/",
        umask=UMASK,
        start_new_session=True,
        close_fds=True,
        bufsize=0,
    )
    tail = _Tail()
    try:
        stopped = _follow(process, tail, end=monotonic() + timeout.total_seconds(), monotonic=monotonic, stop=stop)
        if stopped:
            _signal_all(process, signal.SIGTERM)
            _follow(process, tail, end=monotonic() + GRACE, monotonic=monotonic, stop=lambda: False)
            # Before the leader is waited for: as long as it is not, its number belongs to this session.
            _signal_all(process, signal.SIGKILL)
    except BaseException:
        _signal_all(process, signal.SIGKILL)
        raise
    finally:
        if process.stdout is not None:
            process.stdout.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(LAST_WAIT)
    status = process.returncode if process.returncode is not None else -signal.SIGKILL
    return Ended(status=status, output=bytes(tail.data), cut=tail.cut, stopped=stopped)


def _follow(
    process: subprocess.Popen[bytes], tail: _Tail, *, end: float, monotonic: Callable[[], float], stop: Callable[[], bool]
) -> Stopped:
    """Reads until the program has ended by itself; else says why it has to be ended."""
    pipe = process.stdout
    why: Stopped = "timeout"
    assert pipe is not None  # noqa: S101 - for the type checker: it was asked for
    os.set_blocking(pipe.fileno(), False)
    with selectors.DefaultSelector() as selector, _exit_of(process.pid) as exits:
        selector.register(pipe, selectors.EVENT_READ)
        if exits is not None:
            selector.register(exits, selectors.EVENT_READ)
        tick = _TICK if exits is not None else _TICK_WITHOUT_DESCRIPTOR
        while not _has_ended(process.pid):
            if why == "timeout" and stop():
                end, why = min(end, monotonic() + STOPPING), "stop"
            left = end - monotonic()
            if left <= 0:
                return why
            ready = selector.select(min(left, tick))
            if any(key.fileobj is pipe for key, _ in ready) and tail.read(pipe) == 0:
                selector.unregister(pipe)
    for _ in range(_DRAINED):
        if not tail.read(pipe):
            break
    return ""


@contextmanager
def _exit_of(pid: int) -> Iterator[int | None]:
    """A descriptor that becomes readable when the process ends; None where the kernel has none (before Linux 5.3)."""
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _has_ended(pid: int) -> bool:
    """Whether it ended, without taking its status away: that would free its number."""
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


def _signal_all(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Signals the whole session; what runs as somebody else, or is gone, is passed over."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)

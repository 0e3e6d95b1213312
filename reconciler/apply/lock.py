"""One writer at a time: flock(2) on a file that stays for ever.

The kernel frees the lock when its holder dies, however it dies; there is nothing to unlock by force. The file is never
removed: two processes could then hold locks on two files of the same name. Who holds it stands beside it, for people.
"""

from __future__ import annotations

import errno
import fcntl
import os
import pwd
import select
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Final

import msgspec

from reconciler.stores.errors import StoreError, naming
from reconciler.stores.read import ReadFile, read_file

#: First and longest pause between two attempts, in seconds; each is twice the one before.
_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 1.0


class LockInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Who holds the lock exclusively."""

    operation: str
    who: str
    """``user@host``."""
    pid: int
    created: datetime


class LockHeldError(Exception):
    """Somebody else is at work, and did not finish in time."""

    def __init__(self, path: str, info: LockInfo | None) -> None:
        self.path: Final = path
        self.info: Final = info
        """None when the holder is only reading, or could not write down who it is."""
        lines = [f"  Path:      {path}"]
        if info is not None:
            lines += [
                f"  Operation: {info.operation}",
                f"  Who:       {info.who} (pid {info.pid})",
                f"  Created:   {info.created:%Y-%m-%d %H:%M:%S} UTC",
            ]
        super().__init__(
            "Another cluster-pki is at work with this state directory.\n\nLock Info:\n"
            + "\n".join(lines)
            + "\n\nIt frees the lock when it ends, even by a crash. Wait for it with --lock-timeout."
        )


class Held:
    """A lock that is held."""

    def __init__(self, fd: int | None, path: str) -> None:
        self._fd = fd
        self._path = path

    def is_lost(self) -> bool:
        """Whether somebody took the file away: another process may then hold a lock on a new one, and nothing may be written."""
        return self._fd is not None and not _is_still(self._fd, self._path)


def _sleep(seconds: float) -> None:
    """For so long, not until a moment: `time.sleep` asks for the latter, which fails while a clock is played (libfaketime)."""
    select.select((), (), (), seconds)


@contextmanager
def hold(
    path: str,
    *,
    operation: str,
    exclusive: bool,
    timeout: float = 0.0,
    clock: Callable[[], float] = time.monotonic,
    wait: Callable[[float], object] = _sleep,
    stop: Callable[[], bool] = lambda: False,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Iterator[Held]:
    """Holds the lock while the block runs; yields what says whether it is still the lock.

    Args:
        path: of the lock file; its directory must be there. A reader that finds no file goes on without: nobody has
            ever written here, and a look must leave no traces.
        operation: what for, such as ``apply``.
        exclusive: whether to write; readers share it.
        timeout: how long to try, in seconds.
        clock: seconds that only grow.
        wait: sleeps so many seconds.
        stop: whether to give up before the time is over.
        now: the time that is written down.

    Raises:
        LockHeldError: it was not free in time.
        StoreError: the file cannot be opened.
    """
    fd = _acquire(path, exclusive=exclusive, timeout=timeout, clock=clock, wait=wait, stop=stop)
    if fd is None:
        yield Held(None, path)
        return
    info_path = f"{path}.json"
    try:
        if exclusive:
            _write_info(info_path, operation, now())
        yield Held(fd, path)
    finally:
        if exclusive:
            with suppress(OSError):
                os.unlink(info_path)
        os.close(fd)


def read_info(path: str) -> LockInfo | None:
    """Who holds the lock exclusively, as far as it is written down."""
    found = read_file(f"{path}.json")
    if not isinstance(found, ReadFile):
        return None
    try:
        return msgspec.json.decode(found.data, type=LockInfo)
    except msgspec.DecodeError:
        return None


def who() -> str:
    """``user@host``, for the lock and the audit log."""
    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        user = str(os.geteuid())
    return f"{user}@{os.uname().nodename}"


def _acquire(
    path: str,
    *,
    exclusive: bool,
    timeout: float,
    clock: Callable[[], float],
    wait: Callable[[float], object],
    stop: Callable[[], bool],
) -> int | None:
    deadline = clock() + timeout
    pause = _FIRST_PAUSE
    while True:
        fd = _open(path, exclusive=exclusive)
        if fd is None:
            return None
        if _try(fd, path, exclusive=exclusive):
            if _is_still(fd, path):
                return fd
            # Somebody replaced the file between open and flock: that lock is on a file nobody else will look at.
            os.close(fd)
            continue
        os.close(fd)
        left = deadline - clock()
        if left <= 0 or stop():
            raise LockHeldError(path, read_info(path))
        wait(min(pause, left))
        pause = min(2 * pause, _LONGEST_PAUSE)


def _open(path: str, *, exclusive: bool) -> int | None:
    flags = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    with naming(path):
        if exclusive:
            return os.open(path, flags | os.O_RDWR | os.O_CREAT, 0o600)
        try:
            return os.open(path, flags | os.O_RDONLY)
        except FileNotFoundError:
            return None


def _try(fd: int, path: str, *, exclusive: bool) -> bool:
    try:
        fcntl.flock(fd, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        os.close(fd)
        problem = f"it cannot be locked: {os.strerror(error.errno or errno.EIO).lower()}"
        raise StoreError(path, problem, "choose a --state-dir on a local disk", errno=error.errno or 0) from error
    return True


def _is_still(fd: int, path: str) -> bool:
    mine = os.fstat(fd)
    with suppress(FileNotFoundError):
        there = os.lstat(path)
        return (mine.st_dev, mine.st_ino) == (there.st_dev, there.st_ino)
    return False


def _write_info(path: str, operation: str, now: datetime) -> None:
    """Writes down who holds it: only for people, so neither a full disk nor a torn write is a reason to stop."""
    info = LockInfo(operation=operation, who=who(), pid=os.getpid(), created=now.replace(microsecond=0))
    with suppress(OSError):
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
        try:
            os.write(fd, msgspec.json.encode(info) + b"\n")
        finally:
            os.close(fd)

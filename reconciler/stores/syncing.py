"""Making things durable: one by one, or all that a block wrote at once.

A pair costs six fsyncs, each of which waits for the disk. When hundreds of pairs are written together nobody needs the
first to be durable before the second is written, only all of them before the next step: one syncfs(2) per file system
does that, and is faster by an order of magnitude. It also writes what others left dirty on that file system, which is
why a few files are synced by themselves.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from reconciler.stores.errors import from_os_error

#: Descriptors on the file systems that are to be synced at the end of the block, by device; None outside of one.
_PENDING: Final[ContextVar[dict[int, int] | None]] = ContextVar("pending", default=None)


def make_durable(fd: int) -> None:
    """Syncs a file or directory now, or with everything else at the end of the surrounding `together`.

    Raises:
        OSError: the disk refused. For a file that is final: the kernel forgets the dirty pages, so the next attempt must
            begin with a fresh file.
    """
    pending = _PENDING.get()
    if pending is None:
        os.fsync(fd)
        return
    device = os.fstat(fd).st_dev
    if device not in pending:
        pending[device] = os.dup(fd)


@contextmanager
def together() -> Iterator[None]:
    """Inside, nothing is synced by itself; when the block ends, all of it is durable.

    Raises:
        StoreError: a file system could not be synced: nothing of the block counts as durable.
    """
    pending: dict[int, int] = {}
    token = _PENDING.set(pending)
    try:
        try:
            yield
        finally:
            _PENDING.reset(token)
        for fd in pending.values():
            sync_file_system(fd)
    finally:
        for fd in pending.values():
            os.close(fd)


@contextmanager
def at_once() -> Iterator[None]:
    """Inside, everything is synced by itself again: for steps that rest on each other."""
    token = _PENDING.set(None)
    try:
        yield
    finally:
        _PENDING.reset(token)


def sync_file_system(fd: int) -> None:
    """Writes everything of the file system that a descriptor is on (syncfs(2); errors are told since Linux 5.8).

    Raises:
        StoreError: the disk refused.
    """
    import ctypes  # noqa: PLC0415 - Python has no syncfs, and most runs need none

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syncfs(fd) != 0:
        number = ctypes.get_errno() or errno.EIO
        raise from_os_error(OSError(number, ""), os.readlink(f"/proc/self/fd/{fd}"))

"""What can go wrong with a place on disk: said with its path, and with the way out."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from types import MappingProxyType
from typing import Final


class StoreError(Exception):
    """Something on disk could not be used or written; what was published before is untouched."""

    def __init__(self, path: str, problem: str, hint: str = "", *, errno: int = 0, refused: bool = False) -> None:
        super().__init__(f"{path}: {problem}")
        self.path: Final = path
        self.problem: Final = problem
        self.hint: Final = hint
        """The way out: one sentence without a full stop; empty when there is none to give."""
        self.errno: Final = errno
        """The system's number for it, 0 when it was our own judgement."""
        self.refused: Final = refused
        """Whether a server said no, and will say so again. A disk is simply asked again: that costs nobody anything."""

    @property
    def advice(self) -> str:
        """The whole of it in one line: path, problem and, where there is one, the way out."""
        return f"{self}; {self.hint}" if self.hint else str(self)

    @property
    def retryable(self) -> bool:
        """Whether the same call may work later without anybody changing the desired state."""
        return self.errno in _RETRYABLE


class PartlyCommittedError(StoreError):
    """Some publications of a batch could not be made visible; all others are, durably."""

    def __init__(self, failed: Mapping[str, StoreError], total: int) -> None:
        first = next(iter(failed.values()))
        super().__init__(
            first.path, f"{first.problem} ({len(failed)} of {total} publications failed)", first.hint, errno=first.errno
        )
        self.failed: Final = MappingProxyType(dict(failed))
        """What happened, by intent id."""


_RETRYABLE: Final = frozenset(
    {
        *(errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ESTALE),
        *(errno.EHOSTUNREACH, errno.EAGAIN),
    }
)
_WORDS: Final[Mapping[int, tuple[str, str]]] = MappingProxyType(
    {
        errno.ENOSPC: ("no space is left on the device", "free some space or inodes on its file system, then run again"),
        errno.EDQUOT: ("the disk quota is used up", "free some space or raise the quota, then run again"),
        errno.EROFS: ("the file system is read-only", "mount it writable, or choose another store root or --state-dir"),
        errno.EIO: ("the disk reported an I/O error", "check the disk and the kernel log, then run again"),
        errno.EACCES: ("permission denied", "run as root, or as the owner of the directory"),
        errno.EPERM: ("the operation is not permitted", "run as root, or leave owner and group out of the desired state"),
        errno.ENAMETOOLONG: ("the name is too long for the file system", "choose a shorter path"),
        errno.EMFILE: ("too many files are open", "raise the limit with ulimit -n"),
        errno.ENFILE: ("too many files are open on this machine", "raise fs.file-max"),
        errno.EFBIG: ("the file would be larger than the limit", "raise the file size limit (ulimit -f)"),
        errno.ENOENT: ("there is no such file or directory", ""),
        errno.ENOTDIR: ("a part of the path is not a directory", "remove what stands in the way, or choose another path"),
        errno.EISDIR: ("a directory is in the way", "remove it, or choose another path"),
        errno.EEXIST: ("something is in the way", "remove it, or choose another path"),
        errno.ENOTEMPTY: ("a directory is in the way", "remove it, or choose another path"),
        errno.ELOOP: ("a part of the path is a symbolic link", "point the store's root at the real directory instead"),
    }
)


def from_os_error(error: OSError, path: str) -> StoreError:
    """A `StoreError` that says in words what the system said in numbers.

    Args:
        error: what was raised.
        path: what it was about, as users know it.
    """
    number = error.errno or 0
    fallback = os.strerror(number).lower() if number else "it failed"
    problem, hint = _WORDS.get(number, (fallback, ""))
    return StoreError(path, problem, hint, errno=number)


def naming(path: str) -> AbstractContextManager[None]:
    """Turns every `OSError` inside the block into a `StoreError` about a path."""
    return _Naming(path)


class _Naming:
    """Stands around every system call, so it is not the generator that it could be: that costs as much as the call."""

    __slots__ = ("_path",)

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, OSError):
            raise from_os_error(error, self._path) from error

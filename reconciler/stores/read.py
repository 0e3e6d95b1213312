"""Reading one file that may be anything: a FIFO, a device, a gigabyte, somebody else's. Never hangs, never trusts.

``open`` with ``O_NONBLOCK`` returns at once where a plain ``open`` of a FIFO would wait for a writer (open(2)); what was
opened is judged by ``fstat`` on the descriptor, never by an earlier look at the name, and read under a cap.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from typing import Final, NamedTuple

import msgspec

from reconciler.desired.place import Place
from reconciler.desired.vault import NO_MODE
from reconciler.observed.model import Absent, FileMeta, Unusable
from reconciler.stores.errors import StoreError

#: Certificates, keys, bundles and kubeconfigs are a few kilobytes; a mebibyte is already a mistake.
LIMIT: Final = 1 << 20

_FLAGS: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_ABSENT: Final = Absent()
_NOT_A_FILE: Final = {
    errno.ELOOP: "its symbolic links form a loop",
    errno.ENXIO: "it is a socket or a device",
    errno.ENODEV: "it is a device",
}
_KINDS: Final = (
    (stat.S_ISDIR, "it is a directory"),
    (stat.S_ISFIFO, "it is a named pipe"),
    (stat.S_ISCHR, "it is a device"),
    (stat.S_ISBLK, "it is a device"),
)


class Identity(NamedTuple):
    """What changes when a file does: while all of it stays the same, so does the content (as git's index has it)."""

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int
    mode: int
    uid: int
    gid: int

    @property
    def meta(self) -> FileMeta:
        """The part that a plan compares."""
        mode = self.mode if self.mode == NO_MODE else self.mode & 0o7777
        return FileMeta(mode=mode, uid=self.uid, gid=self.gid)


class ReadFile(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The bytes of a regular file, and what it was when they were read. May hold a key: its repr shows a length."""

    data: bytes
    identity: Identity

    @property
    def meta(self) -> FileMeta:
        """Mode and owners."""
        return self.identity.meta

    def __repr__(self) -> str:
        return f"ReadFile({len(self.data)} bytes)"


def read_file(path: str, *, limit: int = LIMIT) -> ReadFile | Absent | Unusable:
    """Reads a regular file, through symbolic links.

    Args:
        path: absolute.
        limit: the most bytes that are accepted.

    Returns:
        The bytes; ``Absent`` when nothing is there (a dangling link and a missing directory count as nothing); or
        ``Unusable`` with one of ``not-a-file``, ``too-large``, ``permission-denied``, ``io-error``. It never raises for
        what a file system can hold.
    """
    try:
        descriptor = os.open(path, _FLAGS)
    except OSError as error:
        return _from_error(error)
    try:
        identity = _identity_of(os.fstat(descriptor))
        if not stat.S_ISREG(identity.mode):
            return Unusable(problem="not-a-file", detail=_kind_of(identity.mode))
        if identity.size > limit:
            return _too_large(limit)
        data = _read(descriptor, identity.size, limit)
    except OSError as error:
        return _from_error(error)
    finally:
        os.close(descriptor)
    return _too_large(limit) if len(data) > limit else ReadFile(data=data, identity=identity)


def look(path: str) -> Identity | None:
    """What stands at a path now, through symbolic links, without opening it; None when that cannot be said."""
    try:
        return _identity_of(os.stat(path))
    except OSError:
        return None


def link_target(path: str) -> str | None:
    """Where a symbolic link points, as it is written; empty when something else stands there, None when nothing does."""
    try:
        return os.readlink(path)
    except OSError as error:
        return None if error.errno in {errno.ENOENT, errno.ENOTDIR} else ""


def generations_beside(place: Place) -> tuple[int, ...]:
    """The numbers N for which ``<path>.gN.crt`` or ``<path>.gN.key`` is there, ascending; none where nothing can be listed.

    Args:
        place: of a CA or keypair.
    """
    directory, _, name = place.absolute.rpartition("/")
    try:
        entries = os.listdir(directory)
    except OSError:
        return ()
    certificate, key = (re.escape(place.spelled(suffix)) for suffix in (".crt", ".key"))
    form = re.compile(rf"{re.escape(name)}\.g([1-9][0-9]{{0,8}})(?:{certificate}|{key})")
    return tuple(sorted({int(match[1]) for entry in entries if (match := form.fullmatch(entry))}))


def _identity_of(status: os.stat_result) -> Identity:
    return Identity(
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
        status.st_mode,
        status.st_uid,
        status.st_gid,
    )


def must_read(path: str, *, limit: int = LIMIT) -> bytes:
    """The bytes of a file that has to be there.

    Raises:
        StoreError: it is missing, or cannot be used.
    """
    return content_of(read_file(path, limit=limit), path)


def content_of(found: ReadFile | Absent | Unusable, path: str) -> bytes:
    """The bytes of what was read and has to be there.

    Raises:
        StoreError: it is missing, or cannot be used.
    """
    if isinstance(found, Absent):
        raise StoreError(path, "there is no such file")
    if isinstance(found, Unusable):
        raise StoreError(path, found.detail)
    return found.data


def _read(descriptor: int, size: int, limit: int) -> bytes:
    """All of it, or one byte more than the limit. One call when the size was told truly, which it is not in /proc."""
    data = os.read(descriptor, size + 1)
    if len(data) == size and size:
        return data
    parts, total = [data], len(data)
    while parts[-1] and total <= limit:
        parts.append(os.read(descriptor, limit + 1 - total))
        total += len(parts[-1])
    return b"".join(parts)


def _too_large(limit: int) -> Unusable:
    return Unusable(problem="too-large", detail=f"it is larger than {limit} bytes")


def _kind_of(mode: int) -> str:
    return next((words for matches, words in _KINDS if matches(mode)), "it is not a regular file")


def _from_error(error: OSError) -> Absent | Unusable:
    if error.errno in {errno.ENOENT, errno.ENOTDIR}:
        return _ABSENT
    if error.errno in {errno.EACCES, errno.EPERM}:
        return Unusable(problem="permission-denied", detail="permission to read it is denied")
    if error.errno in _NOT_A_FILE:
        return Unusable(problem="not-a-file", detail=_NOT_A_FILE[error.errno])
    return Unusable(problem="io-error", detail=f"reading it failed: {error.strerror or 'input/output error'}")

"""Files and links, written so that they are whole or not there: by descriptor, synced, in the directory they stay in."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from typing import Final, NamedTuple

from reconciler.stores.directories import Directory
from reconciler.stores.errors import StoreError, naming
from reconciler.stores.syncing import make_durable

_CREATE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
#: Files that we wrote ourselves may be large: an inventory of a hundred thousand certificates is.
OURS: Final = 1 << 28

_READ: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


class Content(NamedTuple):
    """What a regular file holds, or is to hold. May be a key: its repr shows a length."""

    data: bytes
    mode: int
    uid: int | None
    gid: int | None
    """None, in a file to be written, leaves them to the system."""

    def __repr__(self) -> str:
        return f"Content({len(self.data)} bytes, {self.mode:04o})"


def write_new(directory: Directory, name: str, content: Content) -> None:
    """Writes a file that is not there yet, and makes its content durable.

    Mode and owner are set on the descriptor before the first byte, so at no instant can anybody read what they may not.

    Raises:
        OSError: it could not be written whole; the caller knows the name that means something to people. A failed fsync
            is final: the kernel forgets the dirty pages, so the next attempt must begin with a fresh file.
    """
    fd = os.open(name, _CREATE, 0o600, dir_fd=directory.fd)
    try:
        if content.uid is not None or content.gid is not None:
            os.fchown(fd, -1 if content.uid is None else content.uid, -1 if content.gid is None else content.gid)
        os.fchmod(fd, content.mode)
        rest = memoryview(content.data)
        while rest:
            rest = rest[os.write(fd, rest) :]
        make_durable(fd)
    finally:
        os.close(fd)


def read_entry(directory: Directory, name: str, *, follow: bool = False, limit: int = OURS) -> Content | None:
    """Reads a regular file of a directory; None when there is none (or, following, when a link dangles).

    Args:
        directory: where.
        name: of the entry.
        follow: whether to read through a link.
        limit: the most bytes that are accepted; what others have written deserves a small one.

    Raises:
        StoreError: it is something else, too large, or cannot be read. It never waits for a FIFO's writer.
    """
    path = directory.child(name)
    with naming(path):
        try:
            fd = os.open(name, _READ if follow else _READ | os.O_NOFOLLOW, dir_fd=directory.fd)
        except FileNotFoundError:
            return None
        try:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                raise not_a_file(path)
            if status.st_size > limit:
                raise StoreError(path, f"it is larger than {limit} bytes", "move it away if it is not a certificate or key")
            data = b""
            while part := os.read(fd, status.st_size + 1):
                data += part
        finally:
            os.close(fd)
    return Content(data, status.st_mode & 0o7777, status.st_uid, status.st_gid)


def link_in(directory: Directory, name: str) -> str | None:
    """Where a link points, as it is written; empty when something else stands there, None when nothing does."""
    with naming(directory.child(name)):
        try:
            return os.readlink(name, dir_fd=directory.fd)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno != errno.EINVAL:  # readlink(2): not a symbolic link
                raise
            return ""


def replace_by_link(directory: Directory, name: str, target: str) -> None:
    """Makes a name a link to a target in one step, whatever file or link stood there.

    Raises:
        StoreError: a directory is in the way, or the disk refused.
    """
    temporary = temporary_name(name)
    with naming(directory.child(name)):
        try:
            os.symlink(target, temporary, dir_fd=directory.fd)
        except FileExistsError:
            remove_entry(directory, temporary)
            os.symlink(target, temporary, dir_fd=directory.fd)
        try:
            os.rename(temporary, name, src_dir_fd=directory.fd, dst_dir_fd=directory.fd)
        except OSError:
            with suppress(OSError):
                remove_entry(directory, temporary)
            raise


def remove_entry(directory: Directory, name: str) -> None:
    """Removes a file or link; nothing there is fine.

    Raises:
        OSError: it could not be removed.
    """
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=directory.fd)


def temporary_name(name: str) -> str:
    """The name under which a file waits beside its target until it is renamed.

    One fixed name for each target: the lock lets one writer in, and what a crash left is overwritten by the next.
    """
    return f".{name}.cluster-pki.tmp"


def refuse_special(directory: Directory, name: str) -> None:
    """Refuses a target that is neither a file, nor a link, nor free.

    Raises:
        StoreError: a directory, FIFO, socket or device stands there.
    """
    path = directory.child(name)
    with naming(path):
        try:
            mode = os.stat(name, dir_fd=directory.fd, follow_symlinks=False).st_mode
        except FileNotFoundError:
            return
    if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
        raise not_a_file(path)


def not_a_file(path: str) -> StoreError:
    """The error for a target that is something else than a file."""
    return StoreError(path, "it is a directory, pipe, socket or device, not a file", "remove it, or choose another path")

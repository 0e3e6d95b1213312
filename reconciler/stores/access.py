"""Repairing mode and owner of a published file, in place."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from reconciler.stores.directories import Directory, inside, refuse_unsafe
from reconciler.stores.durable import link_in, not_a_file
from reconciler.stores.errors import StoreError, naming
from reconciler.stores.generation import current_of, home_of, link_to

#: Opens nothing for reading: a FIFO does not wait, a device does nothing, a mode of 0000 does not matter.
_HANDLE: Final = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


def set_access(path: str, *, mode: int, uid: int | None, gid: int | None) -> None:
    """Sets mode and owner of a published file, durably; through our own link into its generation, never through another.

    Args:
        path: absolute, as readers use it.
        mode: permission bits.
        uid: owner, None to leave it.
        gid: group, None to leave it.

    Raises:
        StoreError: nothing there, no regular file, a foreign link, or not permitted.
    """
    with naming(path), _directory_of(path, uid) as directory:
        fd = os.open(os.path.basename(path), _HANDLE, dir_fd=directory.fd)
        try:
            _set(fd, path, mode, uid, gid)
        finally:
            os.close(fd)


def _set(fd: int, path: str, mode: int, uid: int | None, gid: int | None) -> None:
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        raise not_a_file(path)
    # The system calls that take a descriptor refuse one of O_PATH; its name under /proc means the same file, whatever
    # stands at the path by now (open(2)).
    handle = f"/proc/self/fd/{fd}"
    # In between nobody gets more than both before and after allow.
    os.chmod(handle, status.st_mode & mode & 0o777)
    if uid is not None or gid is not None:
        os.chown(handle, -1 if uid is None else uid, -1 if gid is None else gid)
    os.chmod(handle, mode)
    if mode & stat.S_IRUSR:
        durable = os.open(handle, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(durable)
        finally:
            os.close(durable)


@contextmanager
def _directory_of(path: str, owner: int | None) -> Iterator[Directory]:
    """The directory in which the file itself stands: the one of the path, or the current generation."""
    above, name = os.path.split(path)
    parent = Directory(os.open(above, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC), above)
    try:
        refuse_unsafe(parent, owner)
        target = link_in(parent, name)
        if not target:
            yield parent
            return
        stem = _stem(name, target)
        if stem is None:
            raise StoreError(path, "it is a symbolic link that is not ours", "change the file that it points to instead")
        with inside(parent, home_of(stem)) as home:
            current = current_of(home)
            if current is None:
                raise StoreError(home.path, "there is no current generation")
            with inside(home, current) as directory:
                yield directory
    finally:
        os.close(parent.fd)


def _stem(name: str, target: str) -> str | None:
    """The name of the pair whose link this is; None when it is somebody else's."""
    stem = target.partition("/")[0].removeprefix(".")
    return stem if stem and name.startswith(stem) and target == link_to(stem, name) else None

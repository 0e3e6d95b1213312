"""Directories below a store's root, entered one component at a time and never through a symbolic link.

``O_NOFOLLOW`` guards the last component of a path only (open(2)); whoever may write a parent could swap it for a link
between two looks. So the root is opened once, each component below it relative to the descriptor of the one before, and
a directory in which somebody else may rename our files is refused.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Self

from reconciler.desired.place import Place
from reconciler.stores.errors import StoreError, from_os_error, naming
from reconciler.stores.syncing import make_durable

DIRECTORY_MODE: Final = 0o755

_OPEN: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_HANDLE: Final = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Directory:
    """An open directory, and its path for messages; closed at the end of a ``with`` block."""

    fd: int
    path: str

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)

    def child(self, name: str) -> str:
        """The path of an entry."""
        return f"{self.path.rstrip('/')}/{name}"


def parent_of(place: Place, *, create: bool = False, owner: int | None = None) -> Directory:
    """Opens the directory in which a place's files stand.

    Args:
        place: where.
        create: whether missing directories are made (0755 whatever the umask, each durable before the next).
        owner: the user who is to own the files, and may therefore own directories.

    Raises:
        StoreError: a component is missing, a link, no directory, or not safe.
    """
    names = components(place)[:-1]
    current = _open_root(place.root, create=create)
    for name in names:
        with current:
            current = _enter(current, name, create=create, owner=owner)
    return current


def inside(parent: Directory, name: str) -> Directory:
    """Opens one directory in another, without following a link.

    Raises:
        StoreError: it is missing, a link or no directory.
    """
    path = parent.child(name)
    try:
        return Directory(os.open(name, _OPEN | os.O_NOFOLLOW, dir_fd=parent.fd), path)
    except OSError as error:
        # Linux says ENOTDIR for a link here; people are helped more by the truth.
        if error.errno in {errno.ENOTDIR, errno.ELOOP} and _is_link(parent, name):
            error = OSError(errno.ELOOP, "")
        raise from_os_error(error, path) from None


def components(place: Place) -> tuple[str, ...]:
    """The names of a place's path, the last one being the stem of its files.

    Raises:
        StoreError: the path would leave the root, or names nothing.
    """
    names = tuple(place.path.split("/"))
    if any(name in {"", ".", ".."} or "\0" in name for name in names):
        raise StoreError(place.absolute, "the path is not a plain path below its store's root", "write it without .. and //")
    return names


def make_directory(parent: Directory, name: str, mode: int) -> None:
    """Makes a directory with a mode that no umask changes; one that is already there is left as it is.

    Raises:
        OSError: it could not be made.
    """
    try:
        os.mkdir(name, mode, dir_fd=parent.fd)
    except FileExistsError:
        return
    # A umask of 0777 leaves a directory that even its owner cannot open for reading; a handle needs no permission.
    with Directory(os.open(name, _HANDLE, dir_fd=parent.fd), parent.child(name)) as made:
        os.chmod(f"/proc/self/fd/{made.fd}", mode)


def make_path(path: str, mode: int) -> None:
    """Makes a directory and, with `DIRECTORY_MODE`, what is missing above it; durable, and independent of the umask.

    Args:
        path: taken as it is, links included.
        mode: of the last one; one that is already there keeps its own.

    Raises:
        StoreError: something is in the way, or the disk refused.
    """
    above, _, name = path.rstrip("/").rpartition("/")
    if not name or os.path.isdir(path):
        return
    if above:
        make_path(above, DIRECTORY_MODE)
    above = above or ("/" if path.startswith("/") else ".")
    with naming(path), Directory(os.open(above, _OPEN), above) as parent:
        make_directory(parent, name, mode)
        sync(parent)


def sync(directory: Directory) -> None:
    """Makes the entries of a directory durable.

    Raises:
        StoreError: the disk refused.
    """
    with naming(directory.path):
        try:
            make_durable(directory.fd)
        except OSError as error:
            # Some network and FUSE file systems have no fsync for directories; there is nothing better to do there.
            if error.errno != errno.EINVAL:
                raise


def sync_path(root: str, names: tuple[str, ...]) -> None:
    """Makes one directory below a root durable; used when its descriptor is long closed.

    Raises:
        StoreError: it is gone, or the disk refused.
    """
    current = _open_root(root, create=False)
    for name in names:
        with current:
            current = inside(current, name)
    with current:
        sync(current)


def _open_root(root: str, *, create: bool) -> Directory:
    """Opens a root, through links: it is the administrator's word, as a mount point is; its own mode is not judged.

    (An ``emptyDir`` volume of Kubernetes is 0777, a bind mount belongs to whoever made it.)
    """
    try:
        return Directory(os.open(root, _OPEN), root)
    except FileNotFoundError as error:
        if not create:
            raise from_os_error(error, root) from error
    except OSError as error:
        raise from_os_error(error, root) from error
    make_path(root, DIRECTORY_MODE)
    with naming(root):
        return Directory(os.open(root, _OPEN), root)


def _enter(parent: Directory, name: str, *, create: bool, owner: int | None) -> Directory:
    try:
        child = inside(parent, name)
    except StoreError as error:
        if error.errno != errno.ENOENT or not create:
            raise
        with naming(parent.child(name)):
            make_directory(parent, name, DIRECTORY_MODE)
        sync(parent)
        child = inside(parent, name)
    try:
        refuse_unsafe(child, owner)
    except StoreError:
        os.close(child.fd)
        raise
    return child


def _is_link(parent: Directory, name: str) -> bool:
    with suppress(OSError):
        return stat.S_ISLNK(os.stat(name, dir_fd=parent.fd, follow_symlinks=False).st_mode)
    return False


def refuse_unsafe(directory: Directory, owner: int | None) -> None:
    """Refuses a directory in which somebody else may rename or replace files.

    Raises:
        StoreError: group or others may write it without a sticky bit, or a third party owns it.
    """
    with naming(directory.path):
        status = os.fstat(directory.fd)
    if status.st_uid not in {0, os.geteuid(), owner}:
        raise StoreError(
            directory.path,
            f"the directory belongs to user {status.st_uid}, who could replace what is in it",
            f"chown it to root, or set the owner of what is published there to {status.st_uid}",
        )
    if status.st_mode & 0o022 and not status.st_mode & stat.S_ISVTX:
        raise StoreError(
            directory.path,
            f"the directory is writable by others (mode {status.st_mode & 0o7777:04o})",
            f"chmod go-w {directory.path}",
        )

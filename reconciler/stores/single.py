"""One file, replaced as a whole: kubeconfigs, bundles, saved plans, the inventory."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from reconciler.desired.place import Place
from reconciler.stores.errors import StoreError
from reconciler.stores.files import OutFile, Publication, commit, discard, stage
from reconciler.stores.publication import digest_of


def write_single(
    place: Place, data: bytes, *, mode: int, uid: int | None = None, gid: int | None = None, made_from: str = ""
) -> None:
    """Replaces one file, durably: a reader sees the old bytes or the new ones.

    Args:
        place: with the file's full name.
        data: the new content.
        mode: permission bits, set before the first byte.
        uid: owner, None to leave it to the system.
        gid: group, likewise.
        made_from: digest of the content that the new one was made of, which alone it replaces; empty for any.

    Raises:
        StoreError: the old file is untouched.
    """
    file = OutFile(suffix="", data=data, mode=mode, made_from=made_from)
    staged = stage(Publication(address="", cluster="", intent="", place=place, files=(file,), uid=uid, gid=gid))
    try:
        commit(staged)
    except StoreError:
        discard(staged)
        raise


def write_file(path: str, data: bytes, *, mode: int) -> None:
    """Replaces a file at a path of the user's own choice; its directory is taken as it is, links included.

    Raises:
        StoreError: the old file is untouched.
    """
    directory, name = os.path.split(path)
    write_single(Place(store="", root=directory or ".", path=name, layout="plain"), data, mode=mode)


def rewrite_file(path: str, data: bytes, before: bytes, *, mode: int) -> None:
    """Replaces a file of somebody, who may be writing it, too: whose it is and its mode stay, and a link keeps leading to it.

    Args:
        path: of the user's own choice.
        data: the new content.
        before: what that was made of; empty for no file. Anything else that is there by now is not lost.
        mode: permission bits of a new file.

    Raises:
        StoreError: the old file is untouched.
    """
    directory, name = os.path.split(os.path.realpath(path))
    place = Place(store="", root=directory, path=name, layout="plain")
    with _one_at_a_time(directory):
        _rewrite(path, place, data, before, mode)


@contextmanager
def _one_at_a_time(directory: str) -> Iterator[None]:
    """Keeps others of us from the same temporary name; where a directory cannot be locked, one of two is told to do it again."""
    with ExitStack() as stack:
        with suppress(OSError):
            descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            stack.callback(os.close, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


def _rewrite(path: str, place: Place, data: bytes, before: bytes, mode: int) -> None:
    try:
        status = os.stat(path)
    except FileNotFoundError:
        write_single(place, data, mode=mode, made_from=digest_of(before))
        return
    except OSError as error:
        raise StoreError(path, error.strerror or "it cannot be read", errno=error.errno or 0) from None
    own = status.st_uid == os.geteuid()
    uid, gid = (None, None) if own else (status.st_uid, status.st_gid)
    write_single(place, data, mode=status.st_mode & 0o7777, uid=uid, gid=gid, made_from=digest_of(before))

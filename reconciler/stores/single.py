"""One file, replaced as a whole: kubeconfigs, bundles, saved plans, the inventory."""

from __future__ import annotations

import os

from reconciler.desired.model import Place
from reconciler.stores.errors import StoreError
from reconciler.stores.files import OutFile, Publication, commit, discard, stage


def write_single(place: Place, data: bytes, *, mode: int, uid: int | None = None, gid: int | None = None) -> None:
    """Replaces one file, durably: a reader sees the old bytes or the new ones.

    Args:
        place: with the file's full name.
        data: the new content.
        mode: permission bits, set before the first byte.
        uid: owner, None to leave it to the system.
        gid: group, likewise.

    Raises:
        StoreError: the old file is untouched.
    """
    file = OutFile(suffix="", data=data, mode=mode)
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

"""The store that is this machine's file systems."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from reconciler.desired.place import Place
from reconciler.observed.model import Absent, Unusable
from reconciler.stores import files
from reconciler.stores.errors import StoreError
from reconciler.stores.ownership import is_owned
from reconciler.stores.publication import Publication, Staged
from reconciler.stores.read import LIMIT, Identity, ReadFile, generations_beside, look, read_file
from reconciler.stores.space import ensure_space


class Disk:
    """Directory trees; see `reconciler.stores.store.Store`."""

    def fetch(self, places: Iterable[Place]) -> None:
        """Nothing: a file is read when it is asked for."""

    def look(self, path: str) -> Identity | None:
        """What ``stat`` says."""
        return look(path)

    def read(self, path: str, *, limit: int = LIMIT) -> ReadFile | Absent | Unusable:
        """A regular file."""
        return read_file(path, limit=limit)

    def numbers_beside(self, place: Place) -> tuple[int, ...]:
        """From the names in the place's directory."""
        return generations_beside(place)

    def is_owned(self, place: Place, suffixes: tuple[str, ...], *, address: str, cluster: str, vouched: bool) -> bool:
        """By the links into a generation of ours."""
        return is_owned(place, suffixes, address=address, cluster=cluster, vouched=vouched)

    def ensure_space(self, place: Place) -> None:
        """On the file system of the place's root."""
        ensure_space(place.root)

    def stage_all(self, publications: Sequence[Publication]) -> list[Staged | StoreError]:
        """Under temporary names, durably."""
        return files.stage_all(publications)

    def read_back(self, staged: Staged) -> Mapping[str, bytes]:
        """From disk."""
        return files.read_back(staged)

    def commit_all(self, staged: Sequence[Staged]) -> None:
        """By renaming."""
        files.commit_all(staged)

    def discard(self, staged: Staged) -> None:
        """Unlinks."""
        files.discard(staged)

    def remove(self, place: Place, suffixes: Iterable[str], *, for_good: bool = False) -> None:
        """Unlinks, always for good: a file system keeps no history."""
        del for_good
        files.remove(place, suffixes)

    def remove_previous(self, place: Place) -> None:
        """Older generations."""
        files.remove_previous(place)

    def set_access(self, path: str, *, mode: int, uid: int | None, gid: int | None) -> None:
        """In place."""
        files.set_access(path, mode=mode, uid=uid, gid=gid)


DISK: Final = Disk()

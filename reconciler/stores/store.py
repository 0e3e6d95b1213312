"""What every store offers: reading what is published, and publishing sets of files so that they change together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from reconciler.desired.place import Place
from reconciler.observed.model import Absent, Unusable
from reconciler.stores.errors import StoreError
from reconciler.stores.publication import Publication, Staged
from reconciler.stores.read import LIMIT, Identity, ReadFile, content_of


class Store(Protocol):
    """Where places are. A path is that of a place with the suffix of one file: ``/etc/kubernetes/pki/ca.crt``."""

    def fetch(self, places: Iterable[Place]) -> None:
        """Announces what is about to be read, so that a store far away can be asked once, for all of it."""

    def look(self, path: str) -> Identity | None:
        """What stands at a path now, without reading it; None when that cannot be said."""
        ...

    def read(self, path: str, *, limit: int = LIMIT) -> ReadFile | Absent | Unusable:
        """What stands at a path. Raises for nothing that can be there."""
        ...

    def numbers_beside(self, place: Place) -> tuple[int, ...]:
        """The numbers N of the generations that stand for themselves beside a place, as ``ca.gN``; ascending."""
        ...

    def is_owned(self, place: Place, suffixes: tuple[str, ...], *, address: str, cluster: str, vouched: bool) -> bool:
        """Whether what stands there was published by us for this address; see `reconciler.stores.ownership`."""
        ...

    def ensure_space(self, place: Place) -> None:
        """Refuses what could not be kept, before anything is signed.

        Raises:
            StoreError: there is no room.
        """

    def stage_all(self, publications: Sequence[Publication]) -> list[Staged | StoreError]:
        """Takes publications in, invisibly; one that fails stops no other."""
        ...

    def read_back(self, staged: Staged) -> Mapping[str, bytes]:
        """What was taken in, by suffix.

        Raises:
            StoreError: it is not there any more.
        """
        ...

    def commit_all(self, staged: Sequence[Staged]) -> None:
        """Makes publications visible and durable. Can be repeated.

        Raises:
            PartlyCommittedError: with the error of each that failed; all others are published.
        """

    def discard(self, staged: Staged) -> None:
        """Removes what was taken in and is not visible, as far as that is possible."""

    def remove(self, place: Place, suffixes: Iterable[str], *, for_good: bool = False) -> None:
        """Takes published files away.

        Args:
            place: where.
            suffixes: of its files.
            for_good: nobody may bring them back: not even the store's own history keeps them.

        Raises:
            StoreError: something could not be removed.
        """

    def remove_previous(self, place: Place) -> None:
        """Removes what a place held before its last publication.

        Raises:
            StoreError: something could not be removed.
        """

    def set_access(self, path: str, *, mode: int, uid: int | None, gid: int | None) -> None:
        """Sets mode and owner of a published file, where a store keeps them.

        Raises:
            StoreError: it could not be set.
        """


def read_from(store: Store, path: str, *, limit: int = LIMIT) -> bytes:
    """The bytes of something that has to be there.

    Raises:
        StoreError: it is missing, or cannot be used.
    """
    return content_of(store.read(path, limit=limit), path)

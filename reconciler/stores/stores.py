"""All stores of a desired state as one: whose place it is says who is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Final, TypeVar

from reconciler.desired.place import Place
from reconciler.desired.vault import SCHEME, split_kv
from reconciler.observed.model import Absent, Unusable
from reconciler.stores.disk import DISK
from reconciler.stores.errors import PartlyCommittedError, StoreError
from reconciler.stores.publication import Publication, Staged
from reconciler.stores.read import LIMIT, Identity, ReadFile
from reconciler.stores.store import Store

_Item = TypeVar("_Item")


class Stores:
    """Disk, and the KV engines behind connections; see `reconciler.stores.store.Store`."""

    def __init__(self, kv_of: Callable[[str], Store]) -> None:
        """Takes how to come by a store in Vault.

        Args:
            kv_of: the store behind a connection, by its name; raises StoreError when there is no such connection. It is
                asked once for each.
        """
        self._kv_of: Final = kv_of
        self._known: Final[dict[str, Store]] = {}

    def fetch(self, places: Iterable[Place]) -> None:
        """From each store what is its own."""
        for root, group in _by(places, lambda place: _connection(place.root)):
            if root:
                self._named(root).fetch(group)

    def look(self, path: str) -> Identity | None:
        """See `Store`."""
        return self._of(path).look(path)

    def read(self, path: str, *, limit: int = LIMIT) -> ReadFile | Absent | Unusable:
        """See `Store`."""
        return self._of(path).read(path, limit=limit)

    def numbers_beside(self, place: Place) -> tuple[int, ...]:
        """See `Store`."""
        return self._of(place.root).numbers_beside(place)

    def is_owned(self, place: Place, suffixes: tuple[str, ...], *, address: str, cluster: str, vouched: bool) -> bool:
        """See `Store`."""
        return self._of(place.root).is_owned(place, suffixes, address=address, cluster=cluster, vouched=vouched)

    def ensure_space(self, place: Place) -> None:
        """See `Store`."""
        self._of(place.root).ensure_space(place)

    def stage_all(self, publications: Sequence[Publication]) -> list[Staged | StoreError]:
        """Each store its own; the results in the order of the publications."""
        found: dict[str, Staged | StoreError] = {}
        for name, group in _by(publications, lambda each: _connection(each.place.root)):
            own = list(group)
            try:
                results = self._named(name).stage_all(own)
            except StoreError as error:
                results = [error] * len(own)
            found.update(zip((each.intent for each in own), results, strict=True))
        return [found[each.intent] for each in publications]

    def read_back(self, staged: Staged) -> Mapping[str, bytes]:
        """See `Store`."""
        return self._of(staged.place.root).read_back(staged)

    def commit_all(self, staged: Sequence[Staged]) -> None:
        """Each store its own; what fails in one stops no other."""
        failed: dict[str, StoreError] = {}
        for name, group in _by(staged, lambda each: _connection(each.place.root)):
            own = list(group)
            try:
                self._named(name).commit_all(own)
            except PartlyCommittedError as error:
                failed.update(error.failed)
            except StoreError as error:
                failed.update((each.intent, error) for each in own)
        if failed:
            raise PartlyCommittedError(failed, len(staged))

    def discard(self, staged: Staged) -> None:
        """See `Store`."""
        self._of(staged.place.root).discard(staged)

    def remove(self, place: Place, suffixes: Iterable[str], *, for_good: bool = False) -> None:
        """See `Store`."""
        self._of(place.root).remove(place, suffixes, for_good=for_good)

    def remove_previous(self, place: Place) -> None:
        """See `Store`."""
        self._of(place.root).remove_previous(place)

    def set_access(self, path: str, *, mode: int, uid: int | None, gid: int | None) -> None:
        """See `Store`."""
        self._of(path).set_access(path, mode=mode, uid=uid, gid=gid)

    def _of(self, path: str) -> Store:
        return self._named(_connection(path))

    def _named(self, connection: str) -> Store:
        if not connection:
            return DISK
        if connection not in self._known:
            self._known[connection] = self._kv_of(connection)
        return self._known[connection]


def _connection(path: str) -> str:
    """The connection behind which a path or root is; empty for this machine."""
    return split_kv(path)[0] if path.startswith(SCHEME) else ""


def _by(items: Iterable[_Item], key: Callable[[_Item], str]) -> Iterable[tuple[str, Iterable[_Item]]]:
    return groupby(sorted(items, key=key), key=key)

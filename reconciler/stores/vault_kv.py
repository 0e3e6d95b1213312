"""The store that is a KV v2 engine: the files of a place are one version of one secret, written with check-and-set.

A version is whole or it is not there, so nothing is staged on the server: what is taken in waits in memory, and a run that
dies before the write leaves nothing. Each write names the version that was looked at. Whether a write whose answer was
lost has happened is told by the intent that the secret names.
"""

from __future__ import annotations

import errno
import logging
import posixpath
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final, NamedTuple, TypeVar

from reconciler.desired.place import Place
from reconciler.desired.vault import NO_MODE, split_kv
from reconciler.observed.model import UNREACHABLE, Absent, Unusable
from reconciler.stores import kv_fields
from reconciler.stores.errors import PartlyCommittedError, StoreError
from reconciler.stores.publication import Publication, Staged, digest_of
from reconciler.stores.read import LIMIT, Identity, ReadFile
from reconciler.vault.engines.kv import Kv, NoSecret, Secret
from reconciler.vault.errors import Kind, VaultError

_log: Final = logging.getLogger(__name__)

#: Younger than any file: what was read is never taken for what is there at the next look.
_IDENTITY: Final = Identity(0, 0, 0, sys.maxsize, sys.maxsize, NO_MODE, NO_MODE, NO_MODE)
_ABSENT: Final = Absent()
#: More of the history of a secret is not looked through: engines keep ten versions unless they are told otherwise.
_HISTORY: Final = 100
#: What passes is told by the number that means the same of a disk; see `StoreError.retryable`.
_NUMBERS: Final[Mapping[Kind, int]] = MappingProxyType(
    {
        Kind.DENIED: errno.EACCES,
        Kind.REFUSED: errno.EINVAL,
        Kind.CONFLICT: errno.ESTALE,
        Kind.CONFIGURATION: errno.ENOTCONN,
        Kind.ABSENT: errno.ENODEV,
    }
)

_Seen = Secret | NoSecret | VaultError
_In = TypeVar("_In")
_Out = TypeVar("_Out")


class _Waiting(NamedTuple):
    """A publication that is not written yet."""

    data: dict[str, object]
    labels: Mapping[str, str]
    suffixes: tuple[str, ...]

    def __repr__(self) -> str:
        return f"_Waiting({', '.join(self.suffixes)})"


class KvStore:
    """The places behind one connection, as one pass sees them; see `reconciler.stores.store.Store`."""

    def __init__(self, kv_of: Callable[[str], Kv], *, at_a_time: int) -> None:
        """Takes how to reach the engines.

        Args:
            kv_of: the engine at a mount; raises VaultError when there is no way to it.
            at_a_time: how many calls may be under way.
        """
        self._kv_of: Final = kv_of
        self._at_a_time: Final = at_a_time
        self._seen: Final[dict[str, _Seen]] = {}
        self._waiting: Final[dict[str, _Waiting]] = {}
        self._ours: Final[set[str]] = set()
        """What this pass has written and not looked at again yet: the version says that nobody was in between."""

    def fetch(self, places: Iterable[Place]) -> None:
        """Reads the secrets, several at a time; what was known of them is forgotten, but for what was just written here."""
        asked = dict.fromkeys(place.absolute for place in places)
        urls = tuple(url for url in asked if url not in self._ours)
        self._ours.difference_update(asked)
        self._seen.update(zip(urls, self._each(self._afresh, urls), strict=True))

    def look(self, path: str) -> Identity | None:
        """Nothing is cheaper than reading."""
        del path
        return None

    def read(self, path: str, *, limit: int = LIMIT) -> ReadFile | Absent | Unusable:
        """One file of a secret."""
        url, suffix = self._split(path)
        seen = self._known(url)
        if isinstance(seen, VaultError):
            return _unusable(seen)
        if isinstance(seen, NoSecret):
            return _ABSENT
        try:
            data = kv_fields.content(seen.data, suffix)
        except kv_fields.MalformedError as error:
            return Unusable(problem="unparsable", detail=f"the secret cannot be used: {error}")
        if data is None:
            return _ABSENT
        if len(data) > limit:
            return Unusable(problem="too-large", detail=f"it is larger than {limit} bytes")
        return ReadFile(data=data, identity=_IDENTITY)

    def numbers_beside(self, place: Place) -> tuple[int, ...]:
        """From the names in the place's folder; none where that cannot be listed: then the place cannot be read either."""
        _, mount, path = split_kv(place.absolute)
        folder, name = posixpath.split(path)
        try:
            names = self._kv_of(mount).list(folder)
        except VaultError:
            return ()
        form = re.compile(rf"{re.escape(name)}\.g([1-9][0-9]{{0,8}})")
        return tuple(sorted(int(match[1]) for each in names if (match := form.fullmatch(each))))

    def is_owned(self, place: Place, suffixes: tuple[str, ...], *, address: str, cluster: str, vouched: bool) -> bool:
        """By what the secret says of itself."""
        del suffixes
        seen = self._known(place.absolute)
        if not isinstance(seen, Secret):
            return False
        named = (kv_fields.note(seen.data, "cluster"), kv_fields.note(seen.data, "address"))
        return all(named) if vouched else named == (cluster, address)

    def ensure_space(self, place: Place) -> None:
        """Nothing that could be asked beforehand."""

    def stage_all(self, publications: Sequence[Publication]) -> list[Staged | StoreError]:
        """Keeps them in memory."""
        return [self._stage(publication) for publication in publications]

    def read_back(self, staged: Staged) -> Mapping[str, bytes]:
        """From memory; of a run that died, from the secret, if it was written."""
        waiting = self._waiting.get(staged.intent)
        data = waiting.data if waiting is not None else self._written(staged).data
        found = {suffix: kv_fields.content(data, suffix) or b"" for suffix in staged.digests}
        for suffix, digest in staged.digests.items():
            if digest_of(found[suffix]) != digest:
                path = staged.place.file(suffix)
                raise StoreError(path, "what was written is not there any more")
        return found

    def commit_all(self, staged: Sequence[Staged]) -> None:
        """One version a secret, several secrets at a time."""
        results = self._each(self._attempted, staged)
        failed = {one.intent: result for one, result in zip(staged, results, strict=True) if result is not None}
        if failed:
            raise PartlyCommittedError(failed, len(staged))

    def discard(self, staged: Staged) -> None:
        """Forgets it."""
        self._waiting.pop(staged.intent, None)

    def remove(self, place: Place, suffixes: Iterable[str], *, for_good: bool = False) -> None:
        """Deletes the latest version, which can be undone; or the secret with its whole history."""
        del suffixes
        _, mount, path = split_kv(place.absolute)
        try:
            if for_good:
                self._kv_of(mount).destroy(path)
            elif isinstance(self._kv_of(mount).read(path), Secret):
                self._kv_of(mount).delete(path)
        except VaultError as error:
            raise store_error(error, place.absolute) from error
        finally:
            self._seen.pop(place.absolute, None)
            self._ours.discard(place.absolute)

    def remove_previous(self, place: Place) -> None:
        """Destroys the data of the versions before the latest."""
        _, mount, path = split_kv(place.absolute)
        try:
            latest = self._kv_of(mount).read(path).version
            older = range(max(1, latest - _HISTORY), latest)
            if older:
                self._kv_of(mount).purge_versions(path, older)
        except VaultError as error:
            raise store_error(error, place.absolute) from error

    def set_access(self, path: str, *, mode: int, uid: int | None, gid: int | None) -> None:
        """A secret has no mode: policies say who reads it."""

    def _stage(self, publication: Publication) -> Staged:
        suffixes = tuple(file.suffix for file in publication.files)
        self._waiting[publication.intent] = _Waiting(kv_fields.encode(publication), publication.labels, suffixes)
        digests = {file.suffix: digest_of(file.data) for file in publication.files}
        return Staged(intent=publication.intent, place=publication.place, digests=digests, tidy=False)

    def _attempted(self, staged: Staged) -> StoreError | None:
        try:
            self._commit(staged)
        except VaultError as error:
            return store_error(error, staged.place.absolute)
        except StoreError as error:
            return error
        return None

    def _commit(self, staged: Staged) -> None:
        """Writes once. Only when the answer was lost and nothing was written meanwhile, once more: for the same version."""
        url = staged.place.absolute
        _, mount, path = split_kv(url)
        kv, waiting = self._kv_of(mount), self._waiting.get(staged.intent)
        if waiting is None:
            self._annotate(kv, path, self._written(staged).data)
            return
        base = self._known(url)
        if isinstance(base, VaultError):
            raise base
        data = {**_foreign(base), **waiting.data}
        try:
            version = _write(kv, path, data, base.version, staged.intent)
        except VaultError as error:
            if error.kind == Kind.CONFLICT:
                self._seen.pop(url, None)
            raise
        self._seen[url] = Secret(version=version, data=data, created=datetime.now(UTC), custom=waiting.labels)
        self._ours.add(url)
        self._waiting.pop(staged.intent, None)
        self._annotate(kv, path, data)

    def _annotate(self, kv: Kv, path: str, data: Mapping[str, object]) -> None:
        """The same beside the secret, for people who may not read it and for whoever searches. Nothing rests on it."""
        known = {name: kv_fields.note(data, name) for name in ("cluster", "address", "fingerprint", *kv_fields.LABELS)}
        try:
            kv.annotate(path, {name: value for name, value in known.items() if value})
        except VaultError as error:
            _log.warning("the custom metadata of a secret was not written: %s", error.advice)

    def _written(self, staged: Staged) -> Secret:
        """The secret, as a run that died wrote it for this intent.

        Raises:
            StoreError: it did not, or that cannot be told now.
        """
        url = staged.place.absolute
        seen = self._seen[url] = self._afresh(url)
        if isinstance(seen, VaultError):
            raise store_error(seen, url)
        if isinstance(seen, Secret) and kv_fields.note(seen.data, "intent") == staged.intent:
            return seen
        raise StoreError(url, "it was not written before the run ended")

    def _known(self, url: str) -> _Seen:
        if url not in self._seen:
            self._seen[url] = self._afresh(url)
        return self._seen[url]

    def _afresh(self, url: str) -> _Seen:
        _, mount, path = split_kv(url)
        try:
            return self._kv_of(mount).read(path)
        except VaultError as error:
            return error

    def _split(self, path: str) -> tuple[str, str]:
        """The secret of a file, and the suffix of the file in it: what was announced counts, then how the name ends."""
        stems = [(path.removesuffix(suffix), suffix) for suffix in kv_fields.SUFFIXES if path.endswith(suffix)]
        candidates = ((path, ""), *stems)
        known = next((each for each in candidates if each[0] in self._seen), None)
        return known or (stems[0] if stems else (path, ""))

    def _each(self, work: Callable[[_In], _Out], items: Sequence[_In]) -> Iterable[_Out]:
        if len(items) <= 1 or self._at_a_time <= 1:
            return [work(item) for item in items]
        with ThreadPoolExecutor(min(self._at_a_time, len(items)), "kv") as pool:
            return list(pool.map(work, items))


def store_error(error: VaultError, path: str) -> StoreError:
    """What a call came to, as what it means for a place."""
    number = _NUMBERS.get(error.kind, errno.EHOSTUNREACH)
    if error.kind == Kind.CONFLICT:
        hint = "it is looked at again before anything is decided; if it happens again, find out who else writes there"
        return StoreError(path, "somebody wrote it after it was looked at", hint, errno=number)
    refused = error.kind in {Kind.REFUSED, Kind.DENIED}
    return StoreError(path, f"connection {error.connection}: {error.problem}", error.hint, errno=number, refused=refused)


def _write(kv: Kv, path: str, data: Mapping[str, object], cas: int, intent: str) -> int:
    for last in (False, True):
        try:
            return kv.write(path, data, cas=cas)
        except VaultError as error:
            if error.kind not in {Kind.UNKNOWN, Kind.CONFLICT}:
                raise
            now = kv.read(path)
            if isinstance(now, Secret) and kv_fields.note(now.data, "intent") == intent:
                return now.version
            if now.version != cas:
                raise VaultError(error.connection, path, Kind.CONFLICT, "check-and-set did not match", status=400) from error
            if last or error.kind == Kind.CONFLICT:
                raise
    raise AssertionError


def _foreign(base: Secret | NoSecret) -> dict[str, object]:
    """What others keep in the same secret: it stays."""
    return kv_fields.foreign(base.data) if isinstance(base, Secret) else {}


def _unusable(error: VaultError) -> Unusable:
    """Without the path: whatever else cannot be read for the same reason is told with it."""
    return Unusable(problem=UNREACHABLE, detail=error.reason)

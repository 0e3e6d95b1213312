"""What was found last time, so that a file that did not change is not parsed again.

An entry counts only while a fresh ``stat`` says exactly what it said when the file was read. A file that changes twice
within one tick of the file system's clock would say the same both times, so what was changed less than two seconds
before the pass began is not kept at all: git's rule for its index (Documentation/technical/racy-git).

The cache decides nothing and holds no key. Without it, or with one that is damaged, foreign or of another version,
everything is read afresh.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Mapping
from typing import Final

import msgspec

from reconciler.observed.model import (
    Certificates,
    CombinedPair,
    DerivedOutput,
    Key,
    KubeconfigEntries,
    KubeconfigFile,
    PublicKey,
    Unusable,
)
from reconciler.stores.read import Identity, ReadFile, read_file

#: Raise it when the meaning of a stored state changes.
_FORMAT: Final = 3
_RACY_NS: Final = 2_000_000_000
_LIMIT: Final = 1 << 28
_DIGEST_SIZE: Final = 32


State = Certificates | CombinedPair | Key | PublicKey | DerivedOutput | KubeconfigFile | KubeconfigEntries | Unusable


class _Stored(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """The body of the file. Equal states, such as 5,000 copies of one bundle, stand once and are referred to by place."""

    states: list[State]
    entries: dict[str, dict[str, tuple[Identity, int]]]
    """By lens (as what the file was read), then by path."""
    verdicts: dict[str, dict[str, bool]]


class Cache:
    """The observations of the last pass, and those of this one. Used by one thread.

    Args:
        now_ns: when this pass began, by the clock that stamps the files (``time.time_ns``).
    """

    def __init__(self, *, now_ns: int) -> None:
        self._settled_before: Final = now_ns - _RACY_NS
        self._known: dict[str, dict[str, tuple[Identity, State]]] = {}
        self._seen: dict[str, dict[str, tuple[Identity, State]]] = {}
        self._known_verdicts: dict[str, dict[str, bool]] = {}
        self._seen_verdicts: dict[str, dict[str, bool]] = {}
        self._learned = False

    def knows(self, lens: str, path: str) -> bool:
        """Whether a ``stat`` of the file could spare reading it."""
        return lens in self._known and path in self._known[lens]

    def recall(self, lens: str, path: str, identity: Identity) -> State | None:
        """The state of a file that is still what it was; None when it has to be read."""
        entry = self._known.get(lens, {}).get(path)
        if entry is None or entry[0] != identity:
            return None
        if identity.ctime_ns < self._settled_before:
            self._seen.setdefault(lens, {})[path] = entry
        return entry[1]

    def remember(self, lens: str, path: str, identity: Identity, state: State) -> None:
        """Keeps what a file holds, unless it changed too recently to be told apart from its next version."""
        if identity.ctime_ns < self._settled_before:
            known = self._known.get(lens, {}).get(path)
            self._seen.setdefault(lens, {})[path] = (identity, state)
            self._learned = self._learned or known is None or known[0] != identity

    def recall_verdict(self, fingerprint: str, issuer: str) -> bool | None:
        """Whether one certificate signed another, by their fingerprints; None when not yet known."""
        verdict = self._known_verdicts.get(issuer, {}).get(fingerprint)
        if verdict is not None:
            self._seen_verdicts.setdefault(issuer, {})[fingerprint] = verdict
        return verdict

    def remember_verdict(self, fingerprint: str, issuer: str, *, signed: bool) -> None:
        """Keeps the outcome of a signature check, which depends on nothing but the two."""
        self._seen_verdicts.setdefault(issuer, {})[fingerprint] = signed
        self._learned = True

    @property
    def size(self) -> int:
        """How many files are known."""
        return _size(self._known)

    @property
    def changed(self) -> bool:
        """Whether there is something to save: something learned, or something that nobody asked for any more."""
        return (
            self._learned or _size(self._seen) != _size(self._known) or _size(self._seen_verdicts) != _size(self._known_verdicts)
        )

    def next_pass(self, *, now_ns: int) -> Cache:
        """The cache of the next pass of the same process: what this one saw is what that one knows.

        Args:
            now_ns: when the next pass begins.
        """
        following = Cache(now_ns=now_ns)
        following._known = self._seen
        following._known_verdicts = self._seen_verdicts
        return following

    def encode(self) -> bytes:
        """What this pass looked at, as bytes; what it did not look at is gone."""
        places: dict[tuple[object, ...], int] = {}
        states: list[State] = []
        entries: dict[str, dict[str, tuple[Identity, int]]] = {}
        for lens, seen in self._seen.items():
            entries[lens] = {}
            for path, (identity, state) in seen.items():
                place = places.setdefault(_likeness(state), len(states))
                if place == len(states):
                    states.append(state)
                entries[lens][path] = (identity, place)
        return msgspec.msgpack.encode(_Stored(states=states, entries=entries, verdicts=self._seen_verdicts))

    def decode(self, data: bytes) -> None:
        """Takes in what ``encode`` gave, beside what is known.

        Raises:
            ValueError: it is something else.
        """
        stored = msgspec.msgpack.decode(data, type=_Stored)
        for lens, entries in stored.entries.items():
            if not all(0 <= index < len(stored.states) for _, index in entries.values()):
                msg = "an entry refers to a state that is not there"
                raise ValueError(msg)
            known = self._known.setdefault(lens, {})
            known.update((path, (identity, stored.states[index])) for path, (identity, index) in entries.items())
        for issuer, verdicts in stored.verdicts.items():
            self._known_verdicts.setdefault(issuer, {}).update(verdicts)

    def absorb(self, data: bytes) -> None:
        """Takes in what another process found in this very pass, or nothing when it failed."""
        if data:
            self.decode(data)
            self._learned = True


def load(path: str, *, version: str, now_ns: int) -> Cache:
    """Reads the cache; what cannot be used is an empty one.

    Args:
        path: of the file.
        version: of this tool; what another version wrote is ignored, because it may have read certificates otherwise.
        now_ns: the current time, in nanoseconds since the epoch.
    """
    cache = Cache(now_ns=now_ns)
    found = read_file(path, limit=_LIMIT)
    if not isinstance(found, ReadFile):
        return cache
    if found.identity.uid not in {0, os.geteuid()} or found.identity.mode & 0o022:
        _debug("observation cache ignored: others can write to %s", path)
        return cache
    header = _header(version)
    digest, body = found.data[len(header) : len(header) + _DIGEST_SIZE], found.data[len(header) + _DIGEST_SIZE :]
    if not found.data.startswith(header) or digest != _digest(body):
        _debug("observation cache ignored: %s is damaged or of another version", path)
        return cache
    try:
        cache.decode(body)
    except ValueError as error:
        _debug("observation cache ignored: %s: %s", path, error)
        return Cache(now_ns=now_ns)
    return cache


def save(cache: Cache, path: str, *, version: str) -> None:
    """Writes the cache beside its old version and takes its place. That it cannot be written is no error.

    It is not fsynced: after a power cut a torn file fails its checksum and is ignored.
    """
    if not cache.changed:
        return
    try:
        _write(path, cache.encode(), version)
    except OSError as error:
        _debug("observation cache not saved: %s: %s", path, error.strerror)


def _write(path: str, body: bytes, version: str) -> None:
    temporary = f"{path}.{os.urandom(8).hex()}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(_header(version) + _digest(body) + body)
        os.replace(temporary, path)  # noqa: PTH105 - one call
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108 - one call
        raise


def _likeness(state: State) -> tuple[object, ...]:
    """Equal for what is surely equal: who gathers lets equal files share their chains, and hashing facts takes longer."""
    return (id(state.chain), state.meta) if isinstance(state, Certificates) else (id(state),)


def _size(tables: Mapping[str, Mapping[str, object]]) -> int:
    return sum(map(len, tables.values()))


def _header(version: str) -> bytes:
    return f"cluster-pki observations {_FORMAT} {version}\n".encode()


def _digest(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=_DIGEST_SIZE).digest()


def _debug(message: str, *arguments: object) -> None:
    import logging  # noqa: PLC0415 - costs every start as much as a tenth of a plan, and nothing is said on a good day

    logging.getLogger(__name__).debug(message, *arguments)

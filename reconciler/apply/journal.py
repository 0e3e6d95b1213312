"""The journal: what is in hand, on disk before anything is signed, so that a crash leaves neither doubt nor double.

One record a line, ``<first 8 hex digits of its SHA-256> <JSON>``. A record counts when its line is whole; replay ends
at the first that is not. Appending is one write and one fsync for any number of records.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

import msgspec

from reconciler.desired.place import Place
from reconciler.observed.model import Absent
from reconciler.plan.inventory import Record
from reconciler.stores.directories import sync_path
from reconciler.stores.errors import StoreError, naming
from reconciler.stores.read import ReadFile, read_file
from reconciler.stores.single import write_file

#: Far beyond what one apply writes; a journal is emptied after each.
_LIMIT: Final = 256 << 20
_SUM: Final = 8


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of the journal's records."""

    id: str
    """The intent that it is about."""


class Intent(Entry, frozen=True, kw_only=True, omit_defaults=True, tag="intent"):
    """Something is about to be signed and published. Its serial is used here or nowhere."""

    address: str
    cluster: str
    place: Place
    serial: str = ""
    """Empty where a server chooses it."""
    spki_sha256: str = ""
    reasons: tuple[str, ...] = ()
    asked: str = ""
    """Name of the CA whose server is asked to sign: only it can say whether it did. Empty where we sign by ourselves."""
    at: datetime | None = None
    """Since when it may have been asked."""


class Issued(Entry, frozen=True, kw_only=True, omit_defaults=True, tag="issued"):
    """The files are durable under temporary names and verified: from here on recovery goes forward."""

    record: Record
    digests: Mapping[str, str] = {}
    """SHA-256 of each staged file, by suffix."""
    made_from: Mapping[str, str] = {}
    """SHA-256 of what a file may replace, by suffix: of files that others write to as well."""


class Published(Entry, frozen=True, kw_only=True, omit_defaults=True, tag="published"):
    """Readers see it, and it is durable."""


class Abandoned(Entry, frozen=True, kw_only=True, omit_defaults=True, tag="abandoned"):
    """It was never published, and never will be; the serial is burnt."""

    why: str


AnyEntry = Intent | Issued | Published | Abandoned


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """What a journal's bytes say."""

    records: tuple[AnyEntry, ...]
    end: int
    """Offset after the last whole record."""
    dropped: int
    """Bytes after it: what a crash cut short."""


class OpenIntent(msgspec.Struct, frozen=True, kw_only=True):
    """An intent that was neither published nor abandoned."""

    intent: Intent
    issued: Issued | None


def replay(data: bytes, path: str) -> Replay:
    """Reads records up to the first that is not whole.

    Args:
        data: a journal's bytes.
        path: where they came from, for the error.

    Raises:
        StoreError: a whole record means nothing to this version: it must not be lost by being cut off.
    """
    records: list[AnyEntry] = []
    end = 0
    while (newline := data.find(b"\n", end)) >= 0:
        line = data[end:newline]
        text = line[_SUM + 1 :]
        if line[: _SUM + 1] != _checksum(text) + b" ":
            break
        try:
            records.append(msgspec.json.decode(text, type=AnyEntry))
        except msgspec.DecodeError as error:
            raise StoreError(
                path, f"a record is not of this version: {error}", "run the newer cluster-pki that wrote it"
            ) from error
        end = newline + 1
    return Replay(records=tuple(records), end=end, dropped=len(data) - end)


def open_intents(records: Iterable[AnyEntry]) -> tuple[OpenIntent, ...]:
    """The intents that nothing has settled, in their order."""
    waiting: dict[str, OpenIntent] = {}
    for record in records:
        match record:
            case Intent():
                waiting[record.id] = OpenIntent(intent=record, issued=None)
            case Issued() if record.id in waiting:
                waiting[record.id] = OpenIntent(intent=waiting[record.id].intent, issued=record)
            case Published() | Abandoned():
                waiting.pop(record.id, None)
    return tuple(waiting.values())


class Journal:
    """An open journal file. One writer: whoever holds the state lock."""

    def __init__(self, path: str, found: Replay) -> None:
        self._path = path
        self._records = list(found.records)
        self._end = found.end
        self._whole = True
        self.dropped: Final = found.dropped
        """Bytes that a crash cut short; they are overwritten by the next append."""

    @classmethod
    def open(cls, path: str) -> Journal:
        """Replays a journal; one that is not there is empty. Nothing is written.

        Raises:
            StoreError: it cannot be read, or a newer version wrote it.
        """
        found = read_file(path, limit=_LIMIT)
        if isinstance(found, Absent):
            return cls(path, Replay(records=(), end=0, dropped=0))
        if not isinstance(found, ReadFile):
            raise StoreError(path, found.detail, "move it away; what it had in hand will be planned anew")
        return cls(path, replay(found.data, path))

    @property
    def records(self) -> tuple[AnyEntry, ...]:
        """Every record since the last checkpoint."""
        return tuple(self._records)

    def append(self, records: Iterable[AnyEntry]) -> None:
        """Adds records; durable when this returns. What a crash cut short before is overwritten.

        Raises:
            StoreError: none of them counts; the next append starts with a fresh file, because after a failed fsync
                nobody knows what the old one holds.
        """
        added = tuple(records)
        if not added:
            return
        if not self._whole:
            self._rewrite((*self._records, *added))
            return
        data = b"".join(map(_line, added))
        try:
            self._write(data)
        except StoreError:
            self._whole = False
            raise
        self._records += added
        self._end += len(data)

    def checkpoint(self) -> None:
        """Forgets what is settled, durably; intents that are still open stay.

        Raises:
            StoreError: the journal is as it was.
        """
        unsettled = {item.intent.id for item in open_intents(self._records)}
        kept = tuple(record for record in self._records if record.id in unsettled)
        if self._end or self.dropped or not self._whole:
            self._rewrite(kept)

    def _write(self, data: bytes) -> None:
        with naming(self._path):
            fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                fresh = self._end == 0
                os.ftruncate(fd, self._end)
                os.lseek(fd, self._end, os.SEEK_SET)
                rest = memoryview(data)
                while rest:
                    rest = rest[os.write(fd, rest) :]
                os.fsync(fd)
            finally:
                os.close(fd)
            if fresh:
                sync_path(os.path.dirname(self._path), ())

    def _rewrite(self, records: tuple[AnyEntry, ...]) -> None:
        data = b"".join(map(_line, records))
        write_file(self._path, data, mode=0o600)
        self._records = list(records)
        self._end = len(data)
        self._whole = True


def _line(record: AnyEntry) -> bytes:
    text = msgspec.json.encode(record)
    return _checksum(text) + b" " + text + b"\n"


def _checksum(text: bytes) -> bytes:
    return hashlib.sha256(text).hexdigest()[:_SUM].encode()

"""The journal tells what was in hand, whatever a crash did to its end."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.apply.journal import (
    Abandoned,
    AnyEntry,
    Intent,
    Issued,
    Journal,
    OpenIntent,
    Published,
    open_intents,
    replay,
)
from reconciler.desired.place import Place
from reconciler.plan.inventory import Record
from reconciler.stores.errors import StoreError

PLACE = Place(store="files", root="/srv", path="pki/api")
FIRST = Intent(
    id="1", address="component.api", cluster="demo", place=PLACE, serial="1f", spki_sha256="ab", reasons=("Missing", "Expired")
)
SECOND = Intent(id="2", address="component.jane", cluster="demo", place=PLACE)
ISSUED = Issued(id="1", record=Record(kind="component", paths=("/srv/pki/api.crt",)), digests={".key": "00"})
ALL: tuple[AnyEntry, ...] = (FIRST, ISSUED, SECOND, Published(id="1"), Abandoned(id="2", why="the disk was full"))


def _filled(path: Path, records: tuple[AnyEntry, ...] = ALL) -> Journal:
    journal = Journal.open(str(path))
    journal.append(records)
    return journal


def test_what_is_appended_is_replayed(tmp_path: Path) -> None:
    """Every kind of record comes back as it was, from a file that only we can read."""
    path = tmp_path / "journal"
    assert _filled(path).records == ALL
    again = Journal.open(str(path))
    assert (again.records, again.dropped) == (ALL, 0)
    assert path.stat().st_mode & 0o777 == 0o600


def test_no_journal_is_an_empty_one(tmp_path: Path) -> None:
    """Opening writes nothing, and neither does appending nothing."""
    journal = Journal.open(str(tmp_path / "journal"))
    journal.append([])
    journal.checkpoint()
    assert (journal.records, list(tmp_path.iterdir())) == ((), [])


def test_cut_short_at_every_byte(tmp_path: Path) -> None:
    """Replay ends at the last whole record, says how much it dropped, and the next append takes its place."""
    path = tmp_path / "journal"
    _filled(path)
    whole = path.read_bytes()
    ends = [0, *(at + 1 for at, byte in enumerate(whole) if byte == ord("\n"))]
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        expected = sum(end <= length for end in ends) - 1
        journal = Journal.open(str(path))
        assert (journal.records, journal.dropped) == (ALL[:expected], length - ends[expected])
        if length % 7 == 0:
            journal.append([Published(id="9")])
            again = Journal.open(str(path))
            assert (again.records, again.dropped) == ((*ALL[:expected], Published(id="9")), 0)


@settings(max_examples=150)
@given(at=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_a_changed_byte_ends_the_replay(at: int, byte: int) -> None:
    """No damage invents a record: what is replayed is a beginning of what was written."""
    data = bytearray(_lines())
    data[at % len(data)] = byte
    found = replay(bytes(data), "journal").records
    assert found == ALL[: len(found)]


@settings(max_examples=100)
@given(st.binary(max_size=200))
def test_garbage_is_no_record(tail: bytes) -> None:
    """Whatever follows the last record, the records stand."""
    found = replay(_lines() + tail, "journal")
    assert (found.records, found.dropped) == (ALL, len(tail))


def test_a_whole_record_of_a_newer_version(tmp_path: Path) -> None:
    """It is an error with a way out: cutting it off would lose what it has in hand."""
    text = b'{"type":"delegated","id":"7"}'
    with pytest.raises(StoreError, match="a record is not of this version") as caught:
        replay(_checksummed(text), str(tmp_path / "journal"))
    assert caught.value.hint == "run the newer cluster-pki that wrote it"


@pytest.mark.parametrize(
    ("records", "waiting"),
    [
        ((), ()),
        ((FIRST,), (OpenIntent(intent=FIRST, issued=None),)),
        ((FIRST, ISSUED), (OpenIntent(intent=FIRST, issued=ISSUED),)),
        ((FIRST, ISSUED, Published(id="1")), ()),
        ((FIRST, Abandoned(id="1", why="")), ()),
        ((SECOND, FIRST, Published(id="2")), (OpenIntent(intent=FIRST, issued=None),)),
        ((ISSUED, Published(id="1")), ()),
    ],
)
def test_open_intents(records: tuple[AnyEntry, ...], waiting: tuple[OpenIntent, ...]) -> None:
    """An intent is open until it is published or abandoned."""
    assert open_intents(records) == waiting


def test_a_checkpoint_forgets_what_is_settled(tmp_path: Path) -> None:
    """Open intents stay with everything that belongs to them."""
    path = tmp_path / "journal"
    journal = _filled(path, (SECOND, Published(id="2"), FIRST, ISSUED))
    journal.checkpoint()
    assert Journal.open(str(path)).records == (FIRST, ISSUED)
    journal.append([Published(id="1")])
    journal.checkpoint()
    assert (path.read_bytes(), journal.records) == (b"", ())
    journal.append([SECOND])
    assert Journal.open(str(path)).records == (SECOND,)


def test_a_checkpoint_removes_a_torn_end(tmp_path: Path) -> None:
    """After a recovery nobody is told of it again."""
    path = tmp_path / "journal"
    path.write_bytes(b"deadbeef {")
    Journal.open(str(path)).checkpoint()
    assert Journal.open(str(path)).dropped == 0


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_after_a_failed_append_a_fresh_file_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """After a failed sync nobody knows what the old file holds, so the next append does not build on it."""
    path = tmp_path / "journal"
    journal = _filled(path, (FIRST,))
    inode = path.stat().st_ino

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, call, refuse)
        with pytest.raises(StoreError, match="journal: no space is left"):
            journal.append([SECOND])
    assert [record.id for record in journal.records] == ["1"]
    # Keeps the old file's number from being given to the new one.
    with path.open("rb"):
        journal.append([ISSUED])
        assert path.stat().st_ino != inode
    assert Journal.open(str(path)).records == journal.records == (FIRST, ISSUED)


def test_a_journal_that_cannot_be_read(tmp_path: Path) -> None:
    """Something else in its place is an error with a way out."""
    (tmp_path / "journal").mkdir()
    with pytest.raises(StoreError, match="journal: it is a directory") as caught:
        Journal.open(str(tmp_path / "journal"))
    assert caught.value.hint


@cache
def _lines() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "journal")
        _filled(path)
        return path.read_bytes()


def _checksummed(text: bytes) -> bytes:
    return hashlib.sha256(text).hexdigest()[:8].encode() + b" " + text + b"\n"

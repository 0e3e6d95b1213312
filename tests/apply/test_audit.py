"""The audit log is a chain that nobody can change unseen, and that a crash cannot break."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.apply.audit import GENESIS, AuditLog, Entry, verify_chain
from reconciler.stores.errors import StoreError

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _entry(address: str) -> Entry:
    return Entry(at=AT, actor="root@cp-1", operation="create", address=address, reasons=("Missing",), serial="1f")


def _log(tmp_path: Path, *addresses: str) -> AuditLog:
    log = AuditLog(str(tmp_path / "audit.jsonl"))
    for address in addresses:
        log.append([_entry(address)])
    return log


def test_a_line(tmp_path: Path) -> None:
    """An entry is one JSON object; its hash is that of the line without it."""
    log = _log(tmp_path, "ca.main")
    (line,) = log.lines()
    body, _, rest = line.rpartition(b',"hash":')
    assert json.loads(line) == {
        "seq": 1,
        "previous": GENESIS,
        "at": "2026-03-01T12:00:00Z",
        "actor": "root@cp-1",
        "operation": "create",
        "address": "ca.main",
        "reasons": ["Missing"],
        "serial": "1f",
        "hash": hashlib.sha256(body).hexdigest(),
    }
    assert rest == f'"{hashlib.sha256(body).hexdigest()}"}}'.encode()
    assert (tmp_path / "audit.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_chain(tmp_path: Path) -> None:
    """Entries follow each other over any number of appends, alone or together."""
    log = _log(tmp_path, "a", "b")
    log.append([_entry("c"), _entry("d")])
    log.append([])
    entries = [json.loads(line) for line in log.lines()]
    assert [(entry["seq"], entry["address"]) for entry in entries] == [(1, "a"), (2, "b"), (3, "c"), (4, "d")]
    assert [entry["previous"] for entry in entries] == [GENESIS, *(entry["hash"] for entry in entries[:-1])]
    assert verify_chain(log.lines()) is None


def test_no_log(tmp_path: Path) -> None:
    """A log that is not there is whole, and a look does not make it."""
    assert (_log(tmp_path).lines(), verify_chain(()), list(tmp_path.iterdir())) == ((), None, [])


def _changed(lines: list[bytes]) -> list[bytes]:
    return [lines[0], lines[1].replace(b'"1f"', b'"2f"'), *lines[2:]]


def _changed_with_a_new_hash(lines: list[bytes]) -> list[bytes]:
    body = lines[1].rpartition(b',"hash":')[0].replace(b'"1f"', b'"2f"')
    return [lines[0], body + f',"hash":"{hashlib.sha256(body).hexdigest()}"}}'.encode(), *lines[2:]]


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        (lambda lines: lines[1:], 1),
        (lambda lines: [*lines[:1], *lines[2:]], 2),
        (lambda lines: [lines[0], lines[2], lines[1], *lines[3:]], 2),
        (lambda lines: [lines[0], lines[0], *lines[1:]], 2),
        (_changed, 2),
        (_changed_with_a_new_hash, 3),
        (lambda lines: [*lines[:3], b"garbage", *lines[3:]], 4),
        (lambda lines: [*lines, b"garbage"], 5),
        (lambda lines: [*lines[:3], lines[3][:-1]], 4),
        (lambda lines: lines, None),
        (lambda lines: lines[:-1], None),
    ],
)
def test_what_is_noticed(tmp_path: Path, change: object, broken: int | None) -> None:
    """Removing, moving, repeating or changing an entry is seen where it happened; only a missing end is not."""
    lines = list(_log(tmp_path, "a", "b", "c", "d").lines())
    assert callable(change)
    assert verify_chain(change(lines)) == broken


def test_cut_short_at_every_byte(tmp_path: Path) -> None:
    """Whatever a crash left of the last line, the next append closes it, notes it, and the chain is whole."""
    whole = (_log(tmp_path, "a", "b"), (tmp_path / "audit.jsonl").read_bytes())[1]
    start = whole.index(b"\n") + 1
    for length in range(start, len(whole) + 1):
        (tmp_path / "audit.jsonl").write_bytes(whole[:length])
        log = _log(tmp_path, "c")
        assert verify_chain(log.lines()) is None
        entries = [json.loads(line) for line in log.lines() if line.endswith(b'"}')]
        torn = start < length < len(whole) - 1
        expected = ["create", "note", "create"] if torn else ["create"] * (3 if length >= len(whole) - 1 else 2)
        assert [entry["operation"] for entry in entries] == expected
        assert entries[-1]["address"] == "c"


def test_a_first_line_that_was_cut_short(tmp_path: Path) -> None:
    """A log that never got its first entry starts with the note about it."""
    (tmp_path / "audit.jsonl").write_bytes(b'{"seq":1,')
    log = _log(tmp_path, "a")
    assert [json.loads(line)["operation"] for line in log.lines()[1:]] == ["note", "create"]
    assert verify_chain(log.lines()) is None


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_failed_append_adds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """After an error the log is as it was, and the next append goes on from there."""
    log = _log(tmp_path, "a")
    before = log.lines()
    real = os.write

    def refuse(fd: int, data: bytes = b"") -> None:
        if data:
            real(fd, data[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, call, refuse)
        with pytest.raises(StoreError, match=r"audit\.jsonl: no space is left"):
            log.append([_entry("b")])
    assert log.lines() == before
    log.append([_entry("c")])
    assert verify_chain(log.lines()) is None
    assert len(log.lines()) == 2


def test_a_long_log(tmp_path: Path) -> None:
    """Only the end of the log is read to go on."""
    log = _log(tmp_path)
    log.append([_entry("x" * 1000)] * 1500)
    log.append([_entry("last")])
    assert json.loads(log.lines()[-1])["seq"] == 1501
    assert verify_chain(log.lines()) is None

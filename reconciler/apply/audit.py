"""The audit log: who did what, why, and with which serial. Append-only, each entry chained to the one before.

A line is a JSON object whose last member is ``hash``, the SHA-256 of the line without it; ``previous`` is the hash of
the entry before. An auditor needs `sha256sum` and this sentence, no version of ours.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final

import msgspec

from reconciler.stores.directories import sync_path
from reconciler.stores.errors import naming

#: What the first entry names as the one before.
GENESIS: Final = "0" * 64
#: No entry comes near this; the last one is looked for in so many bytes at the end.
_TAIL: Final = 1 << 20
_HASH: Final = re.compile(rb'^(?P<body>\{.*),"hash":"(?P<hash>[0-9a-f]{64})"\}$')


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that was done to an address. Never a key."""

    at: datetime
    actor: str
    """``user@host``."""
    operation: str
    """The class of the plan, ``note``, or ``deny``: of a request, with who asked and why not as its note."""
    address: str = ""
    reasons: tuple[str, ...] = ()
    serial: str = ""
    fingerprint: str = ""
    issuer: str = ""
    note: str = ""
    torn: str = ""
    """In a note: SHA-256 of the unfinished line above it, which a crash left."""


class _Link(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The members of a line that chain it."""

    seq: int
    previous: str
    torn: str = ""


def verify_chain(lines: Iterable[bytes]) -> int | None:
    """Checks an audit log.

    Args:
        lines: its lines, without newlines.

    Returns:
        The sequence number at which the chain breaks (the one that was expected there); None when it is whole.
    """
    expected, previous, torn = 1, GENESIS, b""
    for line in lines:
        link = _link_of(line)
        if link is None:
            # Only a crash may leave this, and the next line must say so.
            if torn:
                return expected
            torn = line
            continue
        if (link.seq, link.previous, link.torn) != (expected, previous, _digest(torn) if torn else ""):
            return expected
        expected, previous, torn = expected + 1, _hash_of(line), b""
    return expected if torn else None


class AuditLog:
    """The audit log in a file. One writer: whoever holds the state lock."""

    def __init__(self, path: str) -> None:
        self._path = path

    def append(self, entries: Sequence[Entry]) -> None:
        """Adds entries; durable when this returns. An unfinished last line is closed and noted.

        Raises:
            StoreError: none of them was added.
        """
        if not entries:
            return
        last, torn, closed = self._end()
        lines: list[bytes] = []
        for entry in (*_note_of(torn, entries[0]), *entries):
            last = _line(entry, after=last)
            lines.append(last)
        self._write((b"" if closed else b"\n") + b"".join(line + b"\n" for line in lines))

    def lines(self) -> tuple[bytes, ...]:
        """All of it, for `verify_chain`.

        Raises:
            StoreError: it cannot be read.
        """
        with naming(self._path):
            try:
                with open(self._path, "rb") as file:
                    return tuple(line for line in file.read().split(b"\n") if line)
            except FileNotFoundError:
                return ()

    def _end(self) -> tuple[bytes, bytes, bool]:
        """The last whole entry, the unfinished line after it, and whether the file ends in a newline."""
        with naming(self._path):
            try:
                with open(self._path, "rb") as file:
                    size = file.seek(0, os.SEEK_END)
                    file.seek(max(0, size - _TAIL))
                    tail = file.read()
            except FileNotFoundError:
                return b"", b"", True
        torn = b""
        for line in reversed(tail.split(b"\n")):
            if _link_of(line) is not None:
                return line, torn, tail.endswith(b"\n")
            torn = torn or line
        return b"", torn, tail.endswith(b"\n") or not tail

    def _write(self, data: bytes) -> None:
        with naming(self._path):
            fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                size = os.fstat(fd).st_size
                try:
                    rest = memoryview(data)
                    while rest:
                        rest = rest[os.write(fd, rest) :]
                    os.fsync(fd)
                except OSError:
                    with suppress(OSError):
                        os.ftruncate(fd, size)
                    raise
            finally:
                os.close(fd)
            if not size:
                sync_path(os.path.dirname(self._path), ())


def _line(entry: Entry, *, after: bytes) -> bytes:
    link = _link_of(after)
    chain = _Link(seq=link.seq + 1, previous=_hash_of(after)) if link else _Link(seq=1, previous=GENESIS)
    body = b"%s,%s" % (msgspec.json.encode(chain)[:-1], msgspec.json.encode(entry)[1:-1])
    return b'%s,"hash":"%s"}' % (body, _digest(body).encode())


def _link_of(line: bytes) -> _Link | None:
    """The chain members of a whole line; None when it is not whole, or was changed."""
    parts = _HASH.match(line)
    if parts is None or _digest(parts["body"]) != parts["hash"].decode():
        return None
    try:
        return msgspec.json.decode(line, type=_Link)
    except msgspec.DecodeError:
        return None


def _hash_of(line: bytes) -> str:
    return line[-66:-2].decode()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _note_of(torn: bytes, beside: Entry) -> tuple[Entry, ...]:
    if not torn:
        return ()
    note = "the line above was cut short by a crash"
    return (Entry(at=beside.at, actor=beside.actor, operation="note", note=note, torn=_digest(torn)),)

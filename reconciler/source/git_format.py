"""Git's objects as bytes: what names them, and what a commit, a tag and a tree say. Pure.

Git believes an object that it finds under a name, and checks the name only in fsck. Whoever can write into an object store
could therefore show other content under a signed commit's name. Here every object is checked against its name, from the
commit down to the file (gitformat-commit, gitformat-signature, git-mktree).
"""

from __future__ import annotations

import hashlib
import re
from typing import Final, Literal

import msgspec

HEX: Final = {"sha1": 40, "sha256": 64}
"""Digits of an object's name, by format."""

_NAME: Final = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})\Z")
_DATE: Final = re.compile(rb"> (\d{1,12}) [+-]\d{4}\Z")

EntryKind = Literal["file", "directory", "link", "submodule"]
_KINDS: Final[dict[str, EntryKind]] = {"4": "directory", "12": "link", "16": "submodule", "10": "file"}


class MalformedObjectError(ValueError):
    """Bytes that are no such object."""


class Commit(msgspec.Struct, frozen=True, kw_only=True):
    """A commit, split into what was signed and the signature."""

    tree: str
    parents: tuple[str, ...]
    committed_at: int
    """Seconds since the epoch, as the committer claims."""
    payload: bytes
    """What a signature is made over: the commit without its signatures."""
    signatures: tuple[bytes, ...]
    """Armored; more than one is nothing that git writes."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One name in a tree."""

    kind: EntryKind
    id: str


def is_object_name(text: str) -> bool:
    """Whether a text is the full name of an object, in either format."""
    return _NAME.match(text) is not None


def name_of(kind: str, data: bytes, *, digits: int) -> str:
    """The name that an object has: the digest over its kind, its size and its bytes.

    Args:
        kind: ``commit``, ``tag``, ``tree`` or ``blob``.
        data: the content.
        digits: 40 (SHA-1) or 64 (SHA-256).
    """
    digest = hashlib.sha256() if digits == HEX["sha256"] else hashlib.sha1(usedforsecurity=False)
    digest.update(b"%s %d\0" % (kind.encode(), len(data)))
    digest.update(data)
    return digest.hexdigest()


def parse_commit(data: bytes, *, digits: int) -> Commit:
    """Reads a commit strictly.

    Raises:
        MalformedObjectError: git would not have written it.
    """
    wanted = b"gpgsig" if digits == HEX["sha1"] else b"gpgsig-sha256"
    kept: list[bytes] = []
    signatures: list[bytes] = []
    headers, separator, body = data.partition(b"\n\n")
    for header in _headers(headers):
        key, _, value = header.partition(b" ")
        if key == wanted:
            signatures.append(value.replace(b"\n ", b"\n") + b"\n")
        elif not key.startswith(b"gpgsig"):  # A signature in the other format is signed by nobody.
            kept.append(header)
    if not separator:
        raise MalformedObjectError
    tree, *rest = kept or [b""]
    parents = [header for header in rest if header.startswith(b"parent ")]
    author, committer = rest[len(parents) : len(parents) + 2] if len(rest) >= len(parents) + 2 else (b"", b"")
    date = _DATE.search(committer)
    # In this order and nowhere else: what is signed must be what is followed.
    well_formed = rest[: len(parents)] == parents and author.startswith(b"author ") and committer.startswith(b"committer ")
    if not well_formed or date is None:
        raise MalformedObjectError
    return Commit(
        tree=_reference(tree, b"tree "),
        parents=tuple(_reference(parent, b"parent ") for parent in parents),
        committed_at=int(date[1]),
        payload=b"\n".join(kept) + b"\n\n" + body,
        signatures=tuple(signatures),
    )


def parse_tag(data: bytes) -> tuple[str, str]:
    """Kind and name of the object that an annotated tag stands for.

    Raises:
        MalformedObjectError: it is no tag.
    """
    lines = data.split(b"\n", 2)
    if len(lines) < 3 or not lines[1].startswith(b"type "):  # noqa: PLR2004 - object, type, the rest
        raise MalformedObjectError
    return lines[1].removeprefix(b"type ").decode("ascii", "replace"), _reference(lines[0], b"object ")


def parse_tree(data: bytes, *, digits: int) -> dict[bytes, Entry]:
    """The entries of a tree by name.

    Raises:
        MalformedObjectError: it is no tree.
    """
    entries: dict[bytes, Entry] = {}
    position, width = 0, digits // 2
    while position < len(data):
        nul = data.find(b"\0", position)
        mode, space, name = data[position:nul].partition(b" ")
        raw = data[nul + 1 : nul + 1 + width]
        # Modes are octal without leading zeros: 40000, 100644, 100755, 120000, 160000.
        kind = _KINDS.get(mode[:-4].decode("ascii", "replace"))
        if nul < 0 or not space or not name or kind is None or len(raw) != width or name in entries:
            raise MalformedObjectError
        entries[name] = Entry(kind=kind, id=raw.hex())
        position = nul + 1 + width
    return entries


def _headers(block: bytes) -> list[bytes]:
    """The headers, each with its continuation lines, which begin with a space."""
    found: list[bytes] = []
    for line in block.split(b"\n"):
        if line.startswith(b" ") and found:
            found[-1] += b"\n" + line
        else:
            found.append(line)
    return found


def _reference(header: bytes, key: bytes) -> str:
    name = header.removeprefix(key).decode("ascii", "replace")
    if not header.startswith(key) or not is_object_name(name):
        raise MalformedObjectError
    return name

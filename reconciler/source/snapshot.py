"""A desired state kept in memory or in one file: what was read, so that it can be read again when its source is gone.

What `reconciler.desired.load.load` makes of a snapshot is what it made of the source that was recorded.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from reconciler.desired.source import Source, UnusableFileError
from reconciler.source.patterns import matching
from reconciler.source.revision import Revision

VERSION: Final = 1
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why a file could not be read."""

    code: str
    message: str
    hint: str


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A `Source` that answers as the recorded one did."""

    revision: Revision
    name: str
    """The main file, relative to its directory."""
    files: Mapping[str, bytes]
    prefix: str = ""
    """Put before a name where it is shown."""
    refusals: Mapping[str, Refusal] = _NOTHING
    """Files that were asked for and could not be read."""
    expansions: Mapping[str, tuple[str, ...]] = _NOTHING
    """Patterns that were asked for, with the names they gave."""

    def shown(self, name: str) -> str:
        """How messages call a file."""
        return f"{self.prefix}{name}"

    def read(self, name: str) -> bytes:
        """The bytes of a file, as they were.

        Raises:
            UnusableFileError: it could not be read then either, or nobody asked for it.
        """
        if name in self.files:
            return self.files[name]
        refusal = self.refusals.get(name)
        if refusal is None:
            raise UnusableFileError(code="CPK001", message=f"{self.shown(name)}: there is no such file")
        raise UnusableFileError(code=refusal.code, message=refusal.message, hint=refusal.hint)

    def expand(self, pattern: str) -> tuple[str, ...]:
        """The files that a pattern gave; of another pattern, what it matches among the files that were read."""
        if pattern in self.expansions:
            return self.expansions[pattern]
        return tuple(name for name in sorted(self.files) if _matches(name.split("/"), pattern.split("/")))


class Recorder:
    """A `Source` that passes everything on to another, and remembers it."""

    def __init__(self, source: Source) -> None:
        """Takes the source that is read."""
        self._source: Final = source
        self.name: Final = source.name
        self._files: Final[dict[str, bytes]] = {}
        self._refusals: Final[dict[str, Refusal]] = {}
        self._expansions: Final[dict[str, tuple[str, ...]]] = {}

    def shown(self, name: str) -> str:
        """How messages call a file."""
        return self._source.shown(name)

    def read(self, name: str) -> bytes:
        """The bytes of a file; the same for a second question.

        Raises:
            UnusableFileError: it cannot be read.
        """
        if name not in self._files:
            try:
                self._files[name] = self._source.read(name)
            except UnusableFileError as error:
                self._refusals[name] = Refusal(code=error.code, message=error.message, hint=error.hint)
                raise
        return self._files[name]

    def expand(self, pattern: str) -> tuple[str, ...]:
        """The files that match; the same for a second question."""
        if pattern not in self._expansions:
            self._expansions[pattern] = self._source.expand(pattern)
        return self._expansions[pattern]

    def snapshot(self, revision: Revision) -> Snapshot:
        """What was read until now."""
        return Snapshot(
            revision=revision,
            name=self.name,
            files=dict(self._files),
            prefix=self._source.shown(self.name).removesuffix(self.name),
            refusals=dict(self._refusals),
            expansions=dict(self._expansions),
        )


def recording(source: Source) -> Recorder:
    """A source that remembers what is read of it."""
    return Recorder(source)


def digest_of(name: str, files: Mapping[str, bytes]) -> str:
    """SHA-256 over names and contents, the main file first: as `Loaded.sha256` has it."""
    ordered = sorted(files, key=lambda file: (file != name, file))
    lines = "".join(f"{hashlib.sha256(files[file]).hexdigest()}  {file}\n" for file in ordered)
    return hashlib.sha256(lines.encode("utf-8", "surrogateescape")).hexdigest()


def encode(snapshot: Snapshot) -> bytes:
    """A snapshot as JSON, with a digest over it."""
    # Not msgspec: names need not be UTF-8, and json writes what os.fsdecode made of those as escapes.
    body = {
        "revision": msgspec.to_builtins(snapshot.revision),
        "name": snapshot.name,
        "prefix": snapshot.prefix,
        "files": {name: base64.b64encode(data).decode("ascii") for name, data in snapshot.files.items()},
        "refusals": {name: msgspec.to_builtins(refusal) for name, refusal in snapshot.refusals.items()},
        "expansions": {pattern: list(names) for pattern, names in snapshot.expansions.items()},
    }
    return json.dumps({"version": VERSION, "sha256": _digest(body), "snapshot": body}, sort_keys=True).encode("ascii") + b"\n"


def decode(data: bytes) -> Snapshot:
    """Reads what `encode` wrote.

    Raises:
        ValueError: it is damaged, or of a later version.
    """
    try:
        document = json.loads(data)
        version, digest, body = (document[key] for key in ("version", "sha256", "snapshot"))
    except (ValueError, TypeError, KeyError, RecursionError):
        message = "the snapshot is damaged: it is no snapshot"
        raise ValueError(message) from None
    if version != VERSION:
        message = f"the snapshot has version {version!r}, and this program knows {VERSION}"
        raise ValueError(message)
    if digest != _digest(body):
        message = "the snapshot is damaged: its digest does not fit"
        raise ValueError(message)
    try:
        return msgspec.convert(body, Snapshot)
    except (msgspec.ValidationError, RecursionError) as error:
        message = f"the snapshot is damaged: {error}"
        raise ValueError(message) from None


def _digest(body: object) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode("ascii")).hexdigest()


def _matches(names: list[str], components: list[str]) -> bool:
    return len(names) == len(components) and all(
        matching([name], component) for name, component in zip(names, components, strict=True)
    )

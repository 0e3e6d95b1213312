"""What is to be published, and what waits to become visible: data."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import msgspec

from reconciler.desired.place import Place

#: The name of the record inside each generation.
META_NAME: Final = "meta.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutFile:
    """One file of a publication. May hold a key, which its repr does not show."""

    suffix: str
    """What it is called by: ``.key``, ``.crt``, ``.p12``, whatever the place has it named; empty for a single file."""
    data: bytes = field(repr=False)
    mode: int
    made_from: str = ""
    """SHA-256 of what stood there when it was made of that: it must not replace anything else. Empty when it may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """Files that become visible together."""

    address: str
    cluster: str
    intent: str
    """Id of the journaled intent: names what is staged, so that recovery finds it."""
    place: Place
    files: tuple[OutFile, ...]
    uid: int | None = None
    gid: int | None = None
    """Owner and group of the files; None leaves them to the system."""
    fingerprint: str = ""
    """SHA-256 of the certificate, for people who look into a generation."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """What else people look for, where a store can keep it: serial, expiry, revision."""
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """A publication whose files are durable under temporary names, and not visible yet."""

    intent: str
    place: Place
    digests: Mapping[str, str]
    """SHA-256 of each file's content, by suffix."""
    uid: int | None = None
    tidy: bool = True
    """Whether its publication may leave something older behind; a pair's first one leaves nothing."""
    made_from: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of what a file may replace, by suffix; that of nothing for a file that is not there."""


class Meta(msgspec.Struct, frozen=True, kw_only=True):
    """``meta.json`` of a generation: whose it is. It survives the loss of the state directory, and holds no key."""

    address: str
    cluster: str
    generation: int
    """Number of the generation in its directory; unrelated to a CA's."""
    intent: str
    fingerprint: str = ""
    created_at: datetime | None = None
    adopted: bool = False
    """Whether it holds files that were there before us, as they were."""


def entry_of(place: Place, suffix: str) -> str:
    """The name of a file in its directory."""
    return f"{place.path.rpartition('/')[2]}{place.spelled(suffix)}"


def names_of(place: Place, suffixes: Mapping[str, object] | tuple[str, ...]) -> tuple[str, ...]:
    """The names of files in their directory, in the order in which they appear."""
    return tuple(entry_of(place, suffix) for suffix in in_order(suffixes))


def tag_of(intent: str) -> str:
    """The eight hex digits that name an intent in file names."""
    return hashlib.sha256(intent.encode()).hexdigest()[:8]


def digest_of(data: bytes) -> str:
    """SHA-256 of a file's content, in hex."""
    return hashlib.sha256(data).hexdigest()


def in_order(suffixes: Mapping[str, object] | tuple[str, ...]) -> tuple[str, ...]:
    """The order in which names appear: the key first, the certificate last, so that a visible one has its key."""
    return tuple(sorted(suffixes, key=lambda suffix: ({".key": 0, ".crt": 2}.get(suffix, 1), suffix)))

"""A world for leases: a KV engine in memory that can misbehave, clocks that a test moves, and makers of contents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from reconciler.vault.election.cluster_lease import ClusterLease, Where, Who
from reconciler.vault.election.holding import Content
from reconciler.vault.engines.kv import NoSecret, Secret
from reconciler.vault.errors import Kind, VaultError

PATH: Final = "clusters/demo/lock"
#: Seconds: of a lease, and of one call.
TTL: Final = 60.0
CALL: Final = 20.0
NOON: Final = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)

#: What becomes of a write: carried out and answered; refused before it arrived; cut off on its way; cut off on the way back.
Fate = Literal["answered", "unreachable", "cut before", "cut after"]


def trouble(kind: Kind) -> VaultError:
    """What a server does."""
    return VaultError("main", f"secret/data/{PATH}", kind, f"it is {kind}")


@dataclass(slots=True)
class MemoryKv:
    """Check-and-set as KV version 2 has it."""

    versions: list[Mapping[str, object]] = field(default_factory=list)
    state: Literal["absent", "deleted", "destroyed"] | None = "absent"
    """Of the latest version; None when it is there."""
    fates: list[Fate] = field(default_factory=list)
    """Of the next writes."""
    down: bool = False
    """Whether nobody answers."""
    calls: list[str] = field(default_factory=list)

    def read(self, path: str, version: int | None = None) -> Secret | NoSecret:
        """The latest version."""
        assert (path, version) == (PATH, None)
        self.calls.append("read")
        if self.down:
            raise trouble(Kind.UNREACHABLE)
        if self.state is not None:
            return NoSecret(version=len(self.versions), state=self.state)
        return Secret(version=len(self.versions), data=self.versions[-1], created=NOON, custom={})

    def write(self, path: str, data: Mapping[str, object], *, cas: int) -> int:
        """A new version."""
        assert path == PATH
        self.calls.append("write")
        fate = self.fates.pop(0) if self.fates else "answered"
        if self.down or fate == "unreachable":
            raise trouble(Kind.UNREACHABLE)
        if fate == "cut before":
            raise trouble(Kind.UNKNOWN)
        if cas != len(self.versions):
            raise trouble(Kind.UNKNOWN if fate == "cut after" else Kind.CONFLICT)
        self.versions.append(dict(data))
        self.state = None
        if fate == "cut after":
            raise trouble(Kind.UNKNOWN)
        return len(self.versions)

    def erase(self) -> None:
        """As if it had never been."""
        self.versions.clear()
        self.state = "absent"


@dataclass(slots=True)
class World:
    """One server, and machines whose clocks show what they like and go at the same rate."""

    kv: MemoryKv = field(default_factory=MemoryKv)
    time: float = 0.0
    born: int = 0

    def lease(self, host: str, *, ttl: float = TTL, view: str = "demo", identity: str = "") -> ClusterLease:
        """One process on a machine; each clock began at another time, and each has an identity of its own unless it is given."""
        self.born += 1
        offset = 1000.0 * self.born
        return ClusterLease(
            self.kv,
            Where(connection="main", mount="secret", path=PATH, ttl=ttl, call=CALL),
            Who(id=identity or f"id-{self.born}", host=host, pid=self.born, view=view),
            clock=lambda: self.time + offset,
            now=lambda: NOON + timedelta(seconds=self.time),
        )

    def content(self) -> dict[str, object]:
        """What the secret says now."""
        return dict(self.kv.versions[-1])


def content(**fields: object) -> Content:
    """What a holder has written."""
    given: dict[str, object] = {
        "view": "demo",
        "holder": "id-1",
        "host": "cp-1",
        "pid": 1,
        "since": "2026-11-25 12:00:00 UTC",
        "ttl": TTL,
        "turn": 1,
        "renewed": 0,
    }
    return Content(**(given | fields))  # type: ignore[arg-type] # a test names what differs

"""A KV engine in memory with many secrets, that can misbehave."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal, cast

from reconciler.vault.engines.kv import Kv, NoSecret, Secret
from reconciler.vault.errors import Kind, VaultError

NOON: Final = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


@dataclass(slots=True)
class _Versions:
    data: list[Mapping[str, object] | None] = field(default_factory=list)
    """By version; None where it was destroyed."""
    deleted: bool = False
    custom: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class MemoryKv:
    """Check-and-set, soft delete and destroy as KV version 2 has them."""

    secrets: dict[str, _Versions] = field(default_factory=dict)
    down: Kind | None = None
    """What every call comes to; None when it works."""
    on_write: list[Callable[[str], None]] = field(default_factory=list)
    """What happens just before the next writes are looked at, by path: somebody else writes."""
    cuts: list[Literal["before", "after", ""]] = field(default_factory=list)
    """Where the connection of the next writes is cut; empty for nowhere."""
    annotates: bool = True
    calls: list[str] = field(default_factory=list)

    def engine(self, _mount: str = "secret") -> Kv:
        """It, as what it stands for."""
        return cast("Kv", self)

    def put(self, path: str, data: Mapping[str, object]) -> None:
        """Somebody writes, whatever the version."""
        known = self.secrets.setdefault(path, _Versions())
        known.data.append(dict(data))
        known.deleted = False

    def read(self, path: str, version: int | None = None) -> Secret | NoSecret:
        """The latest version."""
        assert version is None
        self._called(f"read {path}")
        known = self.secrets.get(path)
        if known is None or not known.data:
            return NoSecret(version=0, state="absent")
        latest = known.data[-1]
        if latest is None:
            return NoSecret(version=len(known.data), state="destroyed")
        if known.deleted:
            return NoSecret(version=len(known.data), state="deleted")
        return Secret(version=len(known.data), data=latest, created=NOON, custom=known.custom)

    def list(self, folder: str) -> tuple[str, ...]:
        """Names of secrets and, with a slash, of folders."""
        self._called(f"list {folder}")
        prefix = f"{folder}/" if folder else ""
        rests = [path.removeprefix(prefix) for path in self.secrets if path.startswith(prefix)]
        return tuple(sorted({f"{rest.partition('/')[0]}/" if "/" in rest else rest for rest in rests}))

    def write(self, path: str, data: Mapping[str, object], *, cas: int) -> int:
        """A new version."""
        self._called(f"write {path} {cas}")
        if self.on_write:
            self.on_write.pop(0)(path)
        cut = self.cuts.pop(0) if self.cuts else ""
        if cut == "before":
            raise trouble(Kind.UNKNOWN)
        known = self.secrets.get(path, _Versions())
        if cas != len(known.data):
            raise trouble(Kind.CONFLICT)
        self.put(path, data)
        if cut == "after":
            raise trouble(Kind.UNKNOWN)
        return cas + 1

    def annotate(self, path: str, custom: Mapping[str, str]) -> None:
        """Custom metadata."""
        self._called(f"annotate {path}")
        if not self.annotates:
            raise trouble(Kind.DENIED)
        self.secrets[path].custom = dict(custom)

    def delete(self, path: str) -> None:
        """The latest version, softly."""
        self._called(f"delete {path}")
        self.secrets[path].deleted = True

    def destroy(self, path: str) -> None:
        """The secret with its history."""
        self._called(f"destroy {path}")
        self.secrets.pop(path, None)

    def purge_versions(self, path: str, versions: Iterable[int]) -> None:
        """The data of these versions."""
        self._called(f"purge {path} {','.join(map(str, versions))}")
        for version in versions:
            self.secrets[path].data[version - 1] = None

    def _called(self, call: str) -> None:
        self.calls.append(call)
        if self.down is not None:
            raise trouble(self.down)


def trouble(kind: Kind) -> VaultError:
    """What a server does."""
    return VaultError("main", "secret/data/…", kind, f"it is {kind}", hint="look at it")

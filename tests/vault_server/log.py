"""What a server was asked, as far as it may be kept: no secret stands in it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from fnmatch import fnmatchcase

from tests.vault_server.wire import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One request."""

    method: str
    path: str
    accessor: str
    """Of its token; empty without one that lives."""
    token_sent: bool
    """Whether there was any at all."""
    keys: tuple[str, ...]
    """Of its body."""
    namespace: str
    status: int
    """0 when there was no answer."""
    processed: bool
    """Whether an engine saw it."""
    at: float
    host: str = ""
    """What the client calls the server."""


class RequestLog:
    """All requests, oldest first."""

    def __init__(self) -> None:
        """Starts empty."""
        self._entries: list[Entry] = []
        self._guard = threading.Lock()

    def add(self, entry: Entry) -> None:
        """Keeps one."""
        with self._guard:
            self._entries.append(entry)

    def clear(self) -> None:
        """Forgets all."""
        with self._guard:
            self._entries.clear()

    def entries(self, method: str = "*", path: str = "*") -> list[Entry]:
        """Those that fit."""
        with self._guard:
            return [entry for entry in self._entries if method in {"*", entry.method} and fnmatchcase(entry.path, path)]

    def count(self, method: str = "*", path: str = "*") -> int:
        """How many fit."""
        return len(self.entries(method, path))

    @property
    def logins(self) -> int:
        """How many times somebody asked for a token by logging in."""
        return self.count("POST", "auth/*/login*")

    @property
    def tokens_sent(self) -> int:
        """How many requests carried a token."""
        return sum(entry.token_sent for entry in self.entries())


def entry(request: Request, *, accessor: str, status: int, processed: bool, at: float, host: str) -> Entry:
    """What is kept of a request."""
    return Entry(
        method=request.method,
        path=request.path,
        accessor=accessor,
        token_sent=bool(request.token),
        keys=tuple(sorted(request.body)),
        namespace=request.namespace,
        status=status,
        processed=processed,
        at=at,
        host=host,
    )

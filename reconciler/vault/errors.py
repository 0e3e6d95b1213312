"""What can go wrong with a server: grouped by what is to be done about it."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """What is to be done about an error."""

    UNREACHABLE = "unreachable"
    """Nobody answered, or not in time, or TLS failed: try again later."""
    SEALED = "sealed"
    """It answers that it is sealed, not initialized, in maintenance or a standby without a leader: try again later."""
    BUSY = "busy"
    """It asks for patience (429, 412): try again after `retry_after`."""
    DENIED = "denied"
    """403 after one fresh login: policy, role or namespace. Only a person can help."""
    REFUSED = "refused"
    """It understood and will not (400, 405, 422): the same request will be refused again."""
    CONFLICT = "conflict"
    """Check-and-set: somebody wrote in between. Read again, then decide again."""
    ABSENT = "absent"
    """There is nothing at the path, or no engine."""
    UNKNOWN = "unknown"
    """A request that changes something was cut off after it was sent: it may have been carried out. Look up, never repeat."""
    CONFIGURATION = "configuration"
    """The connection cannot be right as it is declared: a redirect elsewhere, a certificate that does not verify, a secret
    that is missing."""
    NONSENSE = "nonsense"
    """The answer is not one of this API: HTML, too large, fields missing."""


_PASSING: Final = frozenset({Kind.UNREACHABLE, Kind.SEALED, Kind.BUSY, Kind.UNKNOWN, Kind.CONFLICT, Kind.NONSENSE})


class VaultError(Exception):
    """A call that did not do what was asked; never holds a token, or what a secret says."""

    def __init__(
        self,
        connection: str,
        path: str,
        kind: Kind,
        problem: str,
        *,
        hint: str = "",
        status: int = 0,
        retry_after: float = 0.0,
        messages: tuple[str, ...] = (),
    ) -> None:
        """Takes what a person needs to know.

        Args:
            connection: its name.
            path: in the API, without ``/v1/``; empty when it is about the connection itself.
            kind: what is to be done.
            problem: one clause.
            hint: the way out: one sentence without a full stop; empty when there is none to give.
            status: of HTTP, 0 without one.
            retry_after: seconds that the server asks for.
            messages: the server's ``errors``, shortened.
        """
        where = f"connection {connection}, {path}" if path else f"connection {connection}"
        super().__init__(f"{where}: {problem}")
        self.connection: Final = connection
        self.path: Final = path
        self.kind: Final = kind
        self.problem: Final = problem
        self.hint: Final = hint
        self.status: Final = status
        self.retry_after: Final = retry_after
        self.messages: Final = messages

    def at(self, path: str) -> VaultError:
        """The same about another path: what the server said of itself, not of what it was asked for."""
        return self._like(path, self.hint)

    def hinted(self, hint: str) -> VaultError:
        """The same with a way out."""
        return self._like(self.path, hint)

    def _like(self, path: str, hint: str) -> VaultError:
        return VaultError(
            self.connection,
            path,
            self.kind,
            self.problem,
            hint=hint,
            status=self.status,
            retry_after=self.retry_after,
            messages=self.messages,
        )

    @property
    def advice(self) -> str:
        """The whole of it in one line."""
        return f"{self}; {self.hint}" if self.hint else str(self)

    @property
    def reason(self) -> str:
        """The whole of it without the path: the same for everything that fails for the same reason."""
        told = f"connection {self.connection}: {self.problem}"
        return f"{told}; {self.hint}" if self.hint else told

    @property
    def retryable(self) -> bool:
        """Whether the same may work later without anybody changing the desired state or the server's configuration."""
        return self.kind in _PASSING

"""Logins that were refused: remembered, so that no loop uses up a secret or locks an account. Decisions, and their memory."""

from __future__ import annotations

from typing import Final

from reconciler.desired.vault import Auth
from reconciler.vault.errors import Kind, VaultError

#: Seconds until a refused login is tried again with the same secrets, doubled for each further one up to the longest. Vault locks
#: an alias for 15 minutes after 5 failures (<https://developer.hashicorp.com/vault/docs/concepts/user-lockout>).
FIRST: Final = 15.0
LONGEST: Final = 900.0

#: After these the server may have counted a use of the secret, or a failure.
_COUNTED: Final = frozenset({Kind.DENIED, Kind.REFUSED, Kind.UNKNOWN, Kind.NONSENSE})


class Refusals:
    """The last login that was refused. Belongs to one session, under its lock."""

    def __init__(self) -> None:
        self._error: VaultError | None = None
        self._fingerprint = b""
        self._number = 0
        self._until = 0.0

    def standing(self, fingerprint: bytes, now: float) -> VaultError | None:
        """The refusal that still stands; None when a login may be tried.

        Args:
            fingerprint: of the secrets; other ones may be tried at once.
            now: seconds of a clock that is never set.
        """
        return self._error if self._error is not None and fingerprint == self._fingerprint and now < self._until else None

    def left(self, now: float) -> float:
        """Seconds for which it stands."""
        return max(self._until - now, 0.0)

    def remember(self, error: VaultError, fingerprint: bytes, now: float) -> None:
        """A login was refused."""
        self._number = self._number + 1 if fingerprint == self._fingerprint else 1
        self._error, self._fingerprint = error, fingerprint
        self._until = now + min(FIRST * 2 ** min(self._number - 1, 16), LONGEST)

    def forget(self) -> None:
        """A login was accepted."""
        self._error, self._fingerprint, self._number = None, b"", 0


def may_have_used_up(error: VaultError) -> bool:
    """Whether a failed login may count against the secret or whoever it belongs to."""
    return error.kind in _COUNTED


def of_login(error: VaultError, auth: Auth, where: str) -> VaultError:
    """The error of a login, for people.

    Args:
        error: of the request.
        auth: the method.
        where: its secrets are.
    """
    kind, problem, hint = error.kind, error.problem, error.hint
    if kind in {Kind.DENIED, Kind.REFUSED}:
        kind, problem = Kind.DENIED, f"the login by {auth.method} is refused: {problem}"
        role = f"the role {auth.role}" if auth.role else "the role"
        hint = f"check {where or 'the client certificate'}, {role}, the auth mount and the namespace"
    elif kind is Kind.ABSENT:
        kind, problem = Kind.CONFIGURATION, f"the auth method {auth.method} is not mounted there: {problem}"
        hint = "check auth.mount and the namespace"
    elif kind is Kind.UNKNOWN:
        # Of the login only: nothing that was asked for has been sent.
        kind, hint = Kind.UNREACHABLE, "the login may have been counted, so it is not tried again at once"
    return _copy(error, kind, problem, hint, error.retry_after)


def again(error: VaultError, left: float) -> VaultError:
    """A refusal that stands, told once more without asking the server."""
    hint = f"{error.hint}; with these secrets it is tried again in {max(round(left), 1)} s"
    return _copy(error, error.kind, error.problem, hint, left)


def _copy(error: VaultError, kind: Kind, problem: str, hint: str, retry_after: float) -> VaultError:
    return VaultError(
        error.connection, error.path, kind, problem,
        hint=hint, status=error.status, retry_after=retry_after, messages=error.messages,
    )  # fmt: skip

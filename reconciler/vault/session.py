"""Being logged in: the token that calls are made with, got at first use, renewed in time, got anew when it ends."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from hvac.api.auth_methods import Token

from reconciler.desired.vault import Connection
from reconciler.vault import credentials, lease, refusals
from reconciler.vault.answers import Answer, judge
from reconciler.vault.bridge import Bridge
from reconciler.vault.errors import Kind, VaultError
from reconciler.vault.exchange import Method, Request
from reconciler.vault.lease import Due, Lease
from reconciler.vault.login import LOGINS
from reconciler.vault.refusals import Refusals
from reconciler.vault.servers import Servers

_log: Final = logging.getLogger(__name__)

#: Seconds after a login that a 403 caused in which another 403 causes none: it is policy then, and a daemon that is denied a
#: hundred paths must not log in a hundred times.
_DENIAL_STANDS: Final = 60.0
#: Seconds for a farewell.
_FAREWELL: Final = 5.0
#: Share of a call's time that may go into a renewal, while the token still lives.
_FOR_RENEWAL: Final = 1 / 3


class Session:
    """The token of a connection. Thread-safe: one thread at a time logs in, the others wait for it."""

    def __init__(
        self, connection: Connection, servers: Servers, *, environ: Mapping[str, str], monotonic: Callable[[], float]
    ) -> None:
        """Does not log in yet.

        Args:
            connection: says how.
            servers: where.
            environ: may hold secrets.
            monotonic: seconds of a clock that is never set.
        """
        self._connection: Final = connection
        self._servers: Final = servers
        self._environ: Final = environ
        self._monotonic: Final = monotonic
        self._lock: Final = threading.Lock()
        self._lease: Lease | None = None
        self._refusals: Final = Refusals()
        self._renewed_for_denial = float("-inf")

    def lease(self, until: float) -> Lease:
        """A token that is good now.

        Args:
            until: when it has to be there.

        Raises:
            VaultError: there is none to be had.
        """
        with self._alone(until):
            now = self._monotonic()
            if self._lease is None:
                return self._begin(until)
            match lease.due(self._lease, now):
                case Due.NOTHING:
                    return self._lease
                case Due.RENEWAL:
                    return self._renew(self._lease, until)
                case Due.LOGIN:
                    return self._replace(self._lease, until)

    def after_denial(self, used: Lease, until: float) -> Lease | None:
        """Another token, after a 403; None when another one would not help.

        Args:
            used: that was denied.
            until: when it has to be there.

        Raises:
            VaultError: there is none to be had.
        """
        with self._alone(until):
            if self._lease is not None and self._lease.token != used.token:
                return self._lease
            now = self._monotonic()
            if used.own and now - self._renewed_for_denial < _DENIAL_STANDS:
                return None
            if not used.own and self._credentials()["token"] == used.token:
                return None
            fresh = self._begin(until)
            self._renewed_for_denial = now
            return fresh

    def bridge(self, token: str, until: float, *, secrets: tuple[str, ...] = (), repeatable: bool = True) -> Bridge:
        """What hvac's classes send through, with one token.

        Args:
            token: to send; empty for none.
            until: when answers have to be there.
            secrets: what else must not appear in texts.
            repeatable: whether requests may be sent again after a cut.
        """

        def send(method: Method, path: str, params: Mapping[str, str], body: Mapping[str, object] | None) -> Answer:
            request = Request(method=method, path=path, params=params, body=body, token=token, repeatable=repeatable)
            return judge(self._servers.send(request, until), request, self._connection.name, (token, *secrets))

        return Bridge(send)

    def close(self) -> None:
        """Revokes the token when we got it by logging in; whatever goes wrong with that is only logged."""
        with self._lock:
            held, self._lease = self._lease, None
        if held is None or not held.own or lease.due(held, self._monotonic()) is Due.LOGIN:
            return
        until = self._monotonic() + min(_FAREWELL, self._connection.deadline.total_seconds())
        try:
            Token(adapter=self.bridge(held.token, until)).revoke_self()
        except VaultError as error:
            _log.debug("the token is not revoked: %s", error)

    @contextmanager
    def _alone(self, until: float) -> Iterator[None]:
        if not self._lock.acquire(timeout=max(until - self._monotonic(), 0.0)):
            problem = "another call has not logged in in time"
            raise VaultError(self._connection.name, "", Kind.UNREACHABLE, problem)
        try:
            yield
        finally:
            self._lock.release()

    def _begin(self, until: float) -> Lease:
        """A lease from what is in files and variables now."""
        found = self._credentials()
        method = self._connection.auth.method
        self._lease = self._given(found, until) if method == "token" else self._log_in(found, until)
        return self._lease

    def _credentials(self) -> credentials.Credentials:
        return credentials.read(self._connection.name, self._connection.auth, self._environ)

    def _replace(self, old: Lease, until: float) -> Lease:
        """A new lease for one that ends; the old one as long as it lives when there is none to be had right now."""
        try:
            return self._begin(until)
        except VaultError as error:
            # An AppRole's secret_id may be good for one login alone: the token that it gave is used to its end.
            now = self._monotonic()
            if not lease.lives(old, now):
                raise
            _log.warning("no new token yet: %s", error)
            self._lease = lease.postponed(old, now)
            return self._lease

    def _renew(self, old: Lease, until: float) -> Lease:
        now = self._monotonic()
        by = now + (until - now) * _FOR_RENEWAL
        try:
            answer = Token(adapter=self.bridge(old.token, by)).renew_self()
            ttl, renewable = _life(answer["auth"], "lease_duration", self._connection.name)
        except VaultError as error:
            if not error.retryable:
                _log.debug("the token is not renewed: %s", error)
                return self._replace(old, until)
            self._lease = lease.postponed(old, self._monotonic())
            return self._lease
        self._lease = lease.renewed(old, since=now, ttl=ttl, renewable=renewable)
        if lease.due(self._lease, self._monotonic()) is Due.LOGIN:
            return self._replace(self._lease, until)
        return self._lease

    def _log_in(self, found: credentials.Credentials, until: float) -> Lease:
        auth, name, now = self._connection.auth, self._connection.name, self._monotonic()
        remembered = self._refusals.standing(found.fingerprint, now)
        if remembered is not None:
            raise refusals.again(remembered, self._refusals.left(now))
        bridge = self.bridge("", until, secrets=found.secrets, repeatable=False)
        try:
            answer = LOGINS[auth.method](bridge, auth, found)["auth"]
            ttl, renewable = _life(answer, "lease_duration", name)
            token = _token(answer, name)
        except VaultError as error:
            failure = refusals.of_login(error, auth, credentials.named(auth))
            if refusals.may_have_used_up(error):
                self._refusals.remember(failure, found.fingerprint, now)
            raise failure from None
        self._refusals.forget()
        _log.debug("connection %s: logged in by %s for %g s", name, auth.method, ttl)
        return Lease(token=token, since=now, ttl=ttl, renewable=renewable, own=True, granted=ttl)

    def _given(self, found: credentials.Credentials, until: float) -> Lease:
        """A token that somebody else got: it says itself how long it lives."""
        token, now = found["token"], self._monotonic()
        ttl, renewable = 0.0, False
        try:
            answer = Token(adapter=self.bridge(token, until)).lookup_self()
            ttl, renewable = _life(answer["data"], "ttl", self._connection.name)
            if answer["data"].get("expire_time") is not None:
                # Whole seconds: in its last one it has 0 left, which for others means for ever.
                ttl = max(ttl, 1.0)
        except VaultError as error:
            # It may be valid and not allowed to ask: whether it is good for something, the call will tell.
            if error.kind is not Kind.DENIED:
                raise
        return Lease(token=token, since=now, ttl=ttl, renewable=renewable, own=False, granted=ttl)


def _life(answer: Mapping[str, object], field: str, connection: str) -> tuple[float, bool]:
    """Seconds that a token lives, 0 for ever, and whether it can be renewed."""
    ttl, renewable = answer.get(field), answer.get("renewable", False)
    if not isinstance(ttl, int) or isinstance(ttl, bool) or ttl < 0 or not isinstance(renewable, bool):
        raise VaultError(connection, "", Kind.NONSENSE, f"it tells of a token without a usable {field}")
    return float(ttl), renewable


def _token(answer: Mapping[str, object], connection: str) -> str:
    token = answer.get("client_token")
    if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
        raise VaultError(connection, "", Kind.NONSENSE, "it lets us log in, and gives no token")
    return token

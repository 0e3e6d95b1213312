"""The client of a connection: every call of the API goes through it, with its token, its patience and its deadline."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Collection, Mapping
from itertools import count
from typing import TYPE_CHECKING, Final, TypeVar

from reconciler.desired.vault import Connection
from reconciler.vault.answers import Answer, has_engine, is_open_ended, judge, judge_raw, remains
from reconciler.vault.errors import Kind, VaultError
from reconciler.vault.exchange import Method, Request, Response, check_path
from reconciler.vault.patience import pause_before_next
from reconciler.vault.permission import MISSING, denied

if TYPE_CHECKING:
    from hvac.adapters import Adapter

    from reconciler.vault.lease import Lease
    from reconciler.vault.servers import Servers
    from reconciler.vault.session import Session

T = TypeVar("T")
Judge = Callable[[Response, Request, str, Collection[str]], T]

#: Seconds, at most, that are spent on finding out which capability is missing.
_FOR_EXPLANATION: Final = 5.0


class Client:
    """Calls of one connection. Thread-safe; lives as long as the process, and logs in at the first call."""

    def __init__(
        self,
        connection: Connection,
        *,
        environ: Mapping[str, str],
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Reads nothing and connects to nobody yet.

        Args:
            connection: as it is declared.
            environ: where the connection may have its secrets; nothing else of it matters.
            monotonic: seconds of a clock that is never set.
            sleep: waits for seconds.
            jitter: chance, at least 0 and less than 1.
        """
        self.name: Final = connection.name
        self._connection: Final = connection
        self._environ: Final = environ
        self._monotonic: Final = monotonic
        self._sleep: Final = sleep
        self._jitter: Final = jitter
        self._opening: Final = threading.Lock()
        self._opened: tuple[Servers, Session] | None = None

    def read(self, path: str, params: Mapping[str, str] | None = None) -> Answer:
        """What is at a path.

        Args:
            path: of the API, without ``/v1/``.
            params: of the query.

        Raises:
            VaultError: ABSENT when there is nothing.
        """
        return self._call("GET", path, judge, params=params)

    def find(self, path: str, params: Mapping[str, str] | None = None) -> Answer:
        """As `read`, but what is left of something that was deleted is an answer, too: KV tells of it in a 404.

        Raises:
            VaultError: ABSENT when there never was anything.
        """
        return self._call("GET", path, _judge_remains, params=params)

    def list(self, path: str) -> tuple[str, ...]:
        """The names below a path, folders with a slash at their end; none when there is no such path.

        Raises:
            VaultError: ABSENT when there is no engine that could have it.
        """
        try:
            answer = self._call("LIST", path, judge)
        except VaultError as error:
            if error.kind is Kind.ABSENT and has_engine(error):
                return ()
            raise
        keys = answer.data.get("keys")
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            raise VaultError(self.name, path, Kind.NONSENSE, "it answers with something else than a list of names", status=200)
        return tuple(keys)

    def write(self, path: str, body: Mapping[str, object], *, repeatable: bool = False) -> Answer:
        """Writes, or has something done.

        Args:
            path: of the API.
            body: is sent as JSON.
            repeatable: whether it may be sent again when nobody knows whether it was carried out.

        Raises:
            VaultError: UNKNOWN when it may have been carried out.
        """
        return self._call("POST", path, judge, body=body, repeatable=repeatable)

    def delete(self, path: str) -> None:
        """Deletes what is at a path; nothing being there is no error of the API.

        Raises:
            VaultError: it cannot be.
        """
        self._call("DELETE", path, judge)

    def raw(self, path: str) -> bytes:
        """Something that is not JSON, such as a revocation list in DER; empty when there is none.

        Raises:
            VaultError: ABSENT when there is no such path.
        """
        return self._call("GET", path, judge_raw)

    @property
    def adapter(self) -> Adapter:
        """What hvac's classes of the API take: ``hvac.api.secrets_engines.Pki(adapter=client.adapter)``.

        A POST through it is not repeated after a cut.
        """
        from reconciler.vault.bridge import Bridge  # noqa: PLC0415 - imports hvac

        def send(method: Method, path: str, params: Mapping[str, str], body: Mapping[str, object] | None) -> Answer:
            return self._call(method, path, judge, params=params, body=body)

        return Bridge(send)

    def close(self) -> None:
        """Revokes the token that we got by logging in, best effort, and closes connections. A later call logs in again."""
        with self._opening:
            opened, self._opened = self._opened, None
        if opened is not None:
            servers, session = opened
            session.close()
            servers.close()

    def _call(
        self,
        method: Method,
        path: str,
        judging: Judge[T],
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
        repeatable: bool = False,
    ) -> T:
        """One call: tried as often as it may be, within the connection's deadline."""
        try:
            bare = check_path(path)
        except ValueError as error:
            raise VaultError(self.name, path, Kind.REFUSED, str(error)) from None
        request = Request(method=method, path=bare, params=params or {}, body=body, repeatable=repeatable)
        until = self._monotonic() + self._connection.deadline.total_seconds()
        for tries in count(1):
            try:
                return self._try(request, judging, until)
            except VaultError as error:
                left = until - self._monotonic()
                pause = pause_before_next(error, tries, left=left, jitter=self._jitter())
                if pause is None:
                    raise
                self._sleep(pause)
        raise AssertionError  # pragma: no cover - `count` does not end

    def _try(self, request: Request, judging: Judge[T], until: float) -> T:
        """One try, and one more with a fresh token after a 403."""
        servers, session = self._open()
        held = session.lease(until)
        try:
            return self._send(servers, request, judging, held, until)
        except VaultError as error:
            if error.kind is not Kind.DENIED:
                raise
            refused = error
        fresh = session.after_denial(held, until)
        if fresh is not None:
            held = fresh
            try:
                return self._send(servers, request, judging, held, until)
            except VaultError as error:
                if error.kind is not Kind.DENIED:
                    raise
                refused = error
        raise self._explained(refused, request, session, held, until)

    def _send(self, servers: Servers, request: Request, judging: Judge[T], held: Lease, until: float) -> T:
        asked = request.with_token(held.token)
        response = servers.send(asked, until)
        try:
            return judging(response, asked, self.name, (held.token,))
        except VaultError as error:
            if is_open_ended(error) and not request.may_repeat:
                raise _unknown(error) from None
            raise

    def _explained(self, error: VaultError, request: Request, session: Session, held: Lease, until: float) -> VaultError:
        """A 403 with what the token may do there, as far as it may ask."""
        from hvac.api.system_backend.capabilities import Capabilities  # noqa: PLC0415 - imports hvac

        by = min(until, self._monotonic() + _FOR_EXPLANATION)
        try:
            answer = Capabilities(adapter=session.bridge(held.token, by)).get_capabilities(paths=[request.path])
        except VaultError:
            return denied(error, request, self._connection, MISSING)
        return denied(error, request, self._connection, answer["data"])

    def _open(self) -> tuple[Servers, Session]:
        # These import requests and hvac, which a process without such connections need not.
        from reconciler.vault.servers import Servers  # noqa: PLC0415
        from reconciler.vault.session import Session  # noqa: PLC0415
        from reconciler.vault.transport import Transport  # noqa: PLC0415

        with self._opening:
            if self._opened is None:
                servers = Servers(self._connection, Transport(self._connection), monotonic=self._monotonic)
                self._opened = servers, Session(self._connection, servers, environ=self._environ, monotonic=self._monotonic)
            return self._opened


def _judge_remains(response: Response, request: Request, connection: str, secrets: Collection[str]) -> Answer:
    left = remains(response, request)
    return Answer(data=left) if left is not None else judge(response, request, connection, secrets)


def _unknown(error: VaultError) -> VaultError:
    hint = "it may have been carried out: look before it is sent again"
    return VaultError(
        error.connection, error.path, Kind.UNKNOWN, error.problem, hint=hint, status=error.status, messages=error.messages
    )

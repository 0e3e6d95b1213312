"""HTTP to a server: one exchange, over a session of requests that takes nothing from the environment."""

from __future__ import annotations

import logging
import ssl
import threading
from collections.abc import Iterator
from http.cookiejar import DefaultCookiePolicy
from typing import Final

import msgspec
import requests
import urllib3
from urllib3.exceptions import NameResolutionError

from reconciler import __version__
from reconciler.desired.vault import Connection
from reconciler.vault import tls
from reconciler.vault.addresses import Origin
from reconciler.vault.bodies import PIECE, BodyError, collect
from reconciler.vault.exchange import ExchangeError, Request, Response
from reconciler.vault.wire import Adapter, CutError, Exchange

_log: Final = logging.getLogger(__name__)

_HEADERS: Final = {
    "Accept": "application/json, */*;q=0.1",
    # A body that is not packed cannot unfold into gigabytes; see `bodies` for those who pack all the same.
    "Accept-Encoding": "identity",
    "User-Agent": f"cluster-pki/{__version__}",
    # Asked for by agents that stand between, against requests that were smuggled through a browser or a proxy.
    "X-Vault-Request": "true",
}


class Transport:
    """Sends requests to the addresses of a connection. Thread-safe."""

    def __init__(self, connection: Connection) -> None:
        """Opens nothing, and reads no file yet.

        Args:
            connection: as it is declared.
        """
        self._connection: Final = connection
        self._files: Final = tls.files_of(connection)
        self._lock: Final = threading.Lock()
        self._session: requests.Session | None = None
        self._seen: tls.Seen = ()

    def exchange(self, request: Request, origin: Origin, *, connect_within: float, within: float) -> Response:
        """Sends a request, and receives the whole answer.

        Args:
            request: what is asked.
            origin: one of the connection's addresses.
            connect_within: seconds until the request has to be on its way.
            within: seconds until the answer has to be there, all of it.

        Raises:
            ExchangeError: no answer came, or none that can be read.
        """
        if within <= 0:
            msg = "there is no time left for it"
            raise ExchangeError(msg, sent=False)
        session = self._current()
        prepared = self._prepared(session, request, origin)
        exchange = Exchange(lambda: _perform(session, prepared, (connect_within, within)), fresh=not request.may_repeat)
        try:
            _await(exchange, origin, connect_within, within)
        except BaseException:
            # An interrupt, say: what nobody waits for any more must not go out later.
            exchange.cut()
            raise
        outcome = exchange.outcome
        if isinstance(outcome, Response):
            _log.debug("%s %s at %s: %d, %d bytes", request.method, request.path, origin, outcome.status, len(outcome.body))
            return outcome
        failure = self._named(outcome, origin, sent=exchange.sent)
        _log.debug("%s %s at %s: %s", request.method, request.path, origin, failure.problem)
        raise failure from None

    def close(self) -> None:
        """Closes idle connections; those in use end with what they do."""
        with self._lock:
            session, self._session = self._session, None
        if session is not None:
            session.close()

    def _current(self) -> requests.Session:
        """The session, made anew when a file of it was replaced: certificates are renewed while we run."""
        with self._lock:
            seen = tls.look(self._files)
            if self._session is not None and seen == self._seen:
                return self._session
            try:
                session = _session(tls.context_for(self._connection), self._connection)
            except ExchangeError:
                # A pair of which only a half was seen leaves the one before in force.
                if self._session is None:
                    raise
                return self._session
            self._session, self._seen = session, seen
            return session

    def _prepared(self, session: requests.Session, request: Request, origin: Origin) -> requests.PreparedRequest:
        headers = dict(_HEADERS)
        if request.token:
            headers["X-Vault-Token"] = request.token
        if self._connection.namespace:
            headers["X-Vault-Namespace"] = self._connection.namespace
        body = None
        if request.body is not None:
            headers["Content-Type"] = "application/json"
            body = msgspec.json.encode(request.body)
        try:
            return session.prepare_request(
                requests.Request(request.method, f"{origin}{request.target}", headers=headers, data=body)
            )
        except (requests.RequestException, UnicodeError) as error:
            msg = f"no request to {origin} can be made ({type(error).__name__})"
            raise ExchangeError(msg, hint="check address and namespace", sent=False, fatal=True) from None

    def _named(self, error: object, origin: Origin, *, sent: bool) -> ExchangeError:
        """What failed, from the innermost of the exceptions that libraries have wrapped it in."""
        for cause in _causes(error):
            match cause:
                case BodyError():
                    return ExchangeError(str(cause), sent=sent, nonsense=True)
                case ssl.SSLError():
                    return tls.named(cause, origin.host, self._connection, sent=sent)
                case NameResolutionError():
                    return ExchangeError(f"the name {origin.host} has no address", sent=False)
                case TimeoutError() | CutError():
                    return ExchangeError(f"{origin} does not answer in time", sent=sent)
                case ConnectionRefusedError():
                    return ExchangeError(f"nothing listens at {origin}", sent=sent)
                case ConnectionError() | urllib3.exceptions.IncompleteRead():
                    return ExchangeError(f"{origin} broke the connection off", sent=sent)
                case _:
                    continue
        # The text of a library may hold anything; its type does not.
        return ExchangeError(f"the exchange with {origin} failed ({type(error).__name__})", sent=sent)


def _session(context: ssl.SSLContext, connection: Connection) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.headers.clear()
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = Adapter(context, connection.server_name, connection.requests)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _await(exchange: Exchange, origin: Origin, connect_within: float, within: float) -> None:
    """Waits until an exchange is over.

    Raises:
        ExchangeError: it takes too long, and is given up.
    """
    try:
        exchange.start()
    except RuntimeError:
        msg = "this machine gives us no more threads"
        raise ExchangeError(msg, sent=False) from None
    if not exchange.over.wait(min(connect_within, within)) and exchange.cut(unless_sent=True):
        msg = f"{origin} cannot be reached within {connect_within:.3g} s"
        raise ExchangeError(msg, sent=False)
    if not exchange.over.wait(max(within - connect_within, 0.0)):
        exchange.cut()
        msg = f"{origin} has not answered in full within {within:.3g} s"
        raise ExchangeError(msg, sent=exchange.sent)


def _perform(session: requests.Session, prepared: requests.PreparedRequest, timeout: tuple[float, float]) -> Response:
    """In the exchange's thread."""
    # By the adapter, not by `Session.send`: that one reads the body of a redirect, whatever its size, and what its Location says,
    # also when it is told not to follow it. Everything is said here, so that nothing is looked up: no proxy, no bundle.
    adapter = session.get_adapter(str(prepared.url))
    response = adapter.send(prepared, stream=True, timeout=timeout, verify=True, cert=None, proxies={})
    try:
        whole = collect(_pieces(response), response.headers.get("content-encoding", ""))
    finally:
        # After a body that was read to its end the connection is in the pool again, and stays open.
        response.close()
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Response(status=response.status_code, headers=headers, body=whole)


def _pieces(response: requests.Response) -> Iterator[bytes]:
    while piece := response.raw.read(PIECE, decode_content=False):
        yield piece


def _causes(error: object) -> Iterator[BaseException]:
    """An exception and those that it was made of, the innermost first."""
    found: list[BaseException] = []
    waiting = [error]
    while waiting:
        one = waiting.pop()
        if isinstance(one, BaseException) and one not in found:
            found.append(one)
            waiting += [getattr(one, "reason", None), one.__cause__, one.__context__, *one.args]
    yield from reversed(found)

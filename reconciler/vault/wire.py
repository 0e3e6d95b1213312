"""Connections that belong to one exchange at a time, which learns what was sent and can be cut off from outside.

urllib3 counts its timeouts for each read, and gives none to the look-up of a name. So an exchange runs in a thread of its own,
and whoever waits for it gives up at the deadline whatever the thread does then.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from reconciler.vault.exchange import Response

if TYPE_CHECKING:
    import ssl


class CutError(OSError):
    """The exchange was given up."""


class Exchange(threading.Thread):
    """One exchange, in a thread of its own."""

    def __init__(self, perform: Callable[[], Response], *, fresh: bool) -> None:
        """Does not begin yet.

        Args:
            perform: does it, on connections of this module.
            fresh: whether it needs a new connection: one that was idle may have been closed by the server in the moment
                that the request was sent, and then nobody knows whether it was carried out.
        """
        super().__init__(name="vault-exchange", daemon=True)
        self._perform: Final = perform
        self.fresh = fresh
        self.outcome: Response | Exception | None = None
        self.over: Final = threading.Event()
        self._lock: Final = threading.Lock()
        self._connection: HTTPConnection | None = None
        self._sent = False
        self._cut = False

    def run(self) -> None:
        """Performs it, and keeps what comes out."""
        try:
            self.outcome = self._perform()
        except Exception as error:  # noqa: BLE001 - whoever waits for it judges it
            self.outcome = error
        finally:
            self.over.set()

    @property
    def sent(self) -> bool:
        """Whether some of the request went out."""
        with self._lock:
            return self._sent

    def has(self, connection: HTTPConnection) -> bool:
        """Whether a connection was opened for it."""
        return self._connection is connection

    def take(self, connection: HTTPConnection) -> None:
        """Takes a connection that is about to be opened or used.

        Raises:
            CutError: it was given up.
        """
        with self._lock:
            if self._cut:
                raise CutError
            self._connection = connection

    def sending(self) -> None:
        """Called before bytes of the request go out.

        Raises:
            CutError: it was given up: nothing may go out any more.
        """
        with self._lock:
            if self._cut:
                raise CutError
            self._sent = True

    def cut(self, *, unless_sent: bool = False) -> bool:
        """Gives it up: nothing goes out after this, and what waits for the peer ends.

        Args:
            unless_sent: go on when something was sent.

        Returns:
            Whether it was given up.
        """
        with self._lock:
            if unless_sent and self._sent:
                return False
            self._cut = True
            sock = self._connection.sock if self._connection is not None else None
        if sock is not None:
            # Below TLS: `SSLSocket.shutdown` would take the session away from under the thread that reads.
            with suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
        return True


def _exchange() -> Exchange:
    current = threading.current_thread()
    if not isinstance(current, Exchange):
        msg = "connections are used by exchanges alone"
        raise TypeError(msg)
    return current


class _Observed(HTTPConnection):
    """Tells the exchange that uses it what happens."""

    def connect(self) -> None:
        """Opens the connection."""
        _exchange().take(self)
        super().connect()

    def request(self, *args: object, **options: object) -> None:
        """Sends a request, on a new connection where that is asked for."""
        exchange = _exchange()
        if exchange.fresh and self.sock is not None and not exchange.has(self):
            self.close()
        exchange.take(self)
        super().request(*args, **options)  # type: ignore[arg-type]

    def send(self, data: bytes) -> None:  # type: ignore[override]
        """Sends bytes of a request."""
        if self.sock is None:
            self.connect()
        _exchange().sending()
        super().send(data)


class _ObservedTls(_Observed, HTTPSConnection):
    """The same over TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Observed


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _ObservedTls


class Adapter(HTTPAdapter):
    """Puts requests' sessions on these connections, with one context for TLS."""

    def __init__(self, context: ssl.SSLContext, server_name: str, connections: int) -> None:
        """Opens nothing.

        Args:
            context: of TLS.
            server_name: that the certificate must be for; empty for the host of the address.
            connections: that are kept open when they are idle.
        """
        self._context = context
        self._server_name = server_name
        super().__init__(pool_maxsize=connections, max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **options: object) -> None:
        """Gives the pools our context and our connections; called by the base's constructor."""
        super().init_poolmanager(
            connections, maxsize, block, ssl_context=self._context, server_hostname=self._server_name or None, **options
        )
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

    def cert_verify(self, conn: object, url: str, verify: object, cert: object) -> None:
        """Nothing: the base would load the CAs of certifi into a context that has its own."""

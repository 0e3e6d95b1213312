"""The status server: health, metrics, the status as JSON and as a page. It only reads, and only what was published."""

from __future__ import annotations

import http.client
import logging
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from io import BufferedIOBase
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Protocol, Self, cast
from urllib.parse import urlsplit

import msgspec

from reconciler.daemon.connections import BoundedServer
from reconciler.daemon.listen import is_loopback
from reconciler.daemon.published import Published
from reconciler.daemon.tls import Contexts, TlsFiles
from reconciler.render.status_html import STATUS_PAGE_POLICY

if TYPE_CHECKING:
    import socket

_log: Final = logging.getLogger(__name__)

#: Clients at a time, and seconds for each of them.
MOST: Final = 32
LONGEST: Final = 30.0
#: Bytes of a request, its line and headers together: a browser sends one or two thousand.
_LARGEST: Final = 16 << 10
_TEXT: Final = "text/plain; charset=utf-8"
#: Open to all, also where clients are asked for a certificate: probes of a kubelet have none.
_OPEN: Final = frozenset({"/healthz", "/readyz"})
_NOT_FRAMED: Final = "frame-ancestors 'none'"
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Exposition(Protocol):
    """Where metrics come from."""

    def render(self, accept: str) -> tuple[bytes, str]:
        """The text, and its content type, for an ``Accept`` header."""
        ...


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent."""

    body: bytes
    status: HTTPStatus = HTTPStatus.OK
    content_type: str = _TEXT
    policy: str = f"default-src 'none'; {_NOT_FRAMED}"
    headers: Mapping[str, str] = {}


class StatusServer:
    """Serves what is published, from `start` to `close`."""

    def __init__(
        self,
        address: str,
        port: int,
        published: Published,
        metrics: Exposition,
        *,
        clock: Callable[[], datetime],
        live_within: float,
        tls: TlsFiles | None = None,
        most: int = MOST,
        longest: float = LONGEST,
    ) -> None:
        """Binds the address; answers nobody yet.

        Args:
            address: a host name or address.
            port: 0 for any free one.
            published: what is shown.
            metrics: what ``/metrics`` shows.
            clock: gives the time, aware.
            live_within: seconds after its last sign of life for which the loop counts as alive.
            tls: the pair to serve with; None for plain HTTP.
            most: clients at a time.
            longest: seconds for one client.

        Raises:
            OSError: the address cannot be used.
        """
        self._published: Final = published
        self._metrics: Final = metrics
        self._clock: Final = clock
        self._live_within: Final = live_within
        self._host: Final = address.lower()
        self._contexts: Final = Contexts(tls) if tls is not None else None
        self._asks_clients: Final = tls is not None and tls.client_ca is not None

        class Bound(_Handler):
            site = self

        self._server: Final = BoundedServer((address, port), Bound, most=most, longest=longest, secure=self._secure)
        self._thread: Final = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.2}, name="status-server", daemon=True
        )

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Answers from now on."""
        self._thread.start()

    def close(self, timeout: float = 2.0) -> None:
        """Answers nobody any more; threads get so many seconds to end."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join(timeout)
        self._server.close_clients(timeout)
        self._server.server_close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, _type: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None) -> None:
        self.close()

    def _secure(self, client: socket.socket) -> socket.socket | None:
        if self._contexts is None:
            return client
        context = self._contexts.current()
        if context is None:
            return None
        return context.wrap_socket(client, server_side=True, do_handshake_on_connect=False)

    def answer(self, path: str, *, host: str | None, accept: str, verified: bool) -> Answer:
        """What a request gets.

        Args:
            path: of the URL, without its query.
            host: the ``Host`` header; None when there is none.
            accept: the ``Accept`` header.
            verified: whether the client has proved who it is.
        """
        if host is not None and not self._is_ours(host):
            # A page of somebody else, whose name was made to lead here (DNS rebinding): RFC 9110 section 15.5.20.
            return Answer(body=b"this server does not go by that name\n", status=HTTPStatus.MISDIRECTED_REQUEST)
        if self._asks_clients and not verified and path not in _OPEN:
            return Answer(body=b"a client certificate is needed\n", status=HTTPStatus.FORBIDDEN)
        pages = {
            "/healthz": self._health,
            "/readyz": self._readiness,
            "/metrics": lambda: self._exposition(accept),
            "/status": self._status,
            "/": self._page,
        }
        page = pages.get(path)
        return page() if page is not None else Answer(body=b"there is no such page\n", status=HTTPStatus.NOT_FOUND)

    def _is_ours(self, host: str) -> bool:
        """Beyond loopback it may go by any name: there, TLS says who it is."""
        if not is_loopback(self._host):
            return True
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return is_loopback(name) or name == self._host

    def _health(self) -> Answer:
        age = self._published.age
        if age < self._live_within:
            return Answer(body=b"ok\n")
        text = f"the loop gave no sign of life for {age:.0f} s\n"
        return Answer(body=text.encode(), status=HTTPStatus.SERVICE_UNAVAILABLE)

    def _readiness(self) -> Answer:
        return Answer(body=b"ok\n") if self._published.ready else _not_yet()

    def _exposition(self, accept: str) -> Answer:
        body, content_type = self._metrics.render(accept)
        return Answer(body=body, content_type=content_type)

    def _status(self) -> Answer:
        body = self._published.json(now=self._clock())
        return Answer(body=body, content_type="application/json") if body is not None else _not_yet()

    def _page(self) -> Answer:
        body = self._published.page(now=self._clock())
        if body is None:
            return _not_yet()
        return Answer(body=body, content_type="text/html; charset=utf-8", policy=f"{STATUS_PAGE_POLICY}; {_NOT_FRAMED}")


def _not_yet() -> Answer:
    return Answer(body=b"no pass has come to its end without an error yet\n", status=HTTPStatus.SERVICE_UNAVAILABLE)


class _Capped:
    """A request, of which only so many bytes are read."""

    def __init__(self, inner: BufferedIOBase) -> None:
        self._inner: Final = inner
        self._left = _LARGEST

    def readline(self, size: int = -1) -> bytes:
        """A line; more than the cap is an error that the parser knows."""
        if self._left <= 0:
            what = "request"
            raise http.client.LineTooLong(what)
        line = self._inner.readline(min(self._left, size) if size >= 0 else self._left)
        self._left -= len(line)
        return line

    def drain(self, length: str) -> None:
        """Reads a small body: what is unread when a connection is closed can take the answer with it (RFC 9112 section 9.6)."""
        if length.isascii() and length.isdigit() and int(length) <= self._left:
            self._inner.read(int(length))

    def close(self) -> None:
        """At the end of the connection."""
        self._inner.close()


class _Handler(BaseHTTPRequestHandler):
    """One request on one connection: HTTP/1.0, which is closed after its answer."""

    site: StatusServer
    server_version = "cluster-pki"
    sys_version = ""

    def handle(self) -> None:
        """Reads one request and answers it; whatever is wrong with it is the client's trouble."""
        self.close_connection = True
        capped = _Capped(self.rfile)
        self.rfile = cast("Any", capped)
        try:
            self.raw_requestline = capped.readline()
            if self.raw_requestline and self.parse_request():
                capped.drain(self.headers.get("Content-Length", ""))
                self._send(self._answer())
        except (OSError, http.client.HTTPException, ValueError) as error:
            _log.debug("a request failed: %s", type(error).__name__)

    def _answer(self) -> Answer:
        if self.command not in ("GET", "HEAD"):
            return Answer(body=b"this server only tells\n", status=HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": "GET, HEAD"})
        hosts = self.headers.get_all("Host") or []
        # RFC 9112 section 3.2: more than one, or none in HTTP/1.1, is refused; so is a target that brings its own.
        if len(hosts) > 1 or (not hosts and self.request_version == "HTTP/1.1") or not self.path.startswith("/"):
            return Answer(body=b"bad request\n", status=HTTPStatus.BAD_REQUEST)
        verified = isinstance(self.connection, ssl.SSLSocket) and bool(self.connection.getpeercert())
        path = self.path.partition("?")[0]
        host = hosts[0] if hosts else None
        return self.site.answer(path, host=host, accept=self.headers.get("Accept", ""), verified=verified)

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in {
            "Content-Type": answer.content_type,
            "Content-Length": str(len(answer.body)),
            "Content-Security-Policy": answer.policy,
            "Connection": "close",
            **_HEADERS,
            **answer.headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """An error of the parser, without what the client sent."""
        del message, explain
        self.request_version = "HTTP/1.0"
        self.command = getattr(self, "command", None) or "GET"
        with suppress(OSError):
            self._send(Answer(body=b"bad request\n", status=HTTPStatus(code)))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """To the log of the program, for who wants everything. What a client sent is quoted."""
        _log.debug("%s: %r", self.address_string(), format % args)

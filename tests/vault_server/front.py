"""HTTP: reads requests, lets the script have its say, and writes answers. The only module that knows of sockets."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.vault_server.script import Misbehaviour
from tests.vault_server.wire import Refused, Request, Response

_NORMAL: Final = Misbehaviour()
_LARGEST: Final = 32 * 2**20


class Application(Protocol):
    """What answers requests."""

    def misbehaviour(self, request: Request) -> Misbehaviour | None:
        """What goes wrong with a request."""

    def answer(self, request: Request) -> Response:
        """The answer of the engines."""

    def note(self, request: Request, *, status: int, processed: bool, host: str) -> None:
        """Keeps that there was one."""

    def failed(self, problem: Exception) -> None:
        """Keeps a mistake of our own, which no test should pass over."""

    def control(self, method: str, path: str, body: Mapping[str, object]) -> Mapping[str, object] | None:
        """What tests ask of a server in another process; None when that is switched off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reply:
    status: int
    body: bytes
    headers: Mapping[str, str]


class Front:
    """A listener with its threads."""

    def __init__(self, application: Application, *, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        """Listens on loopback.

        Args:
            application: answers.
            port: 0 for any that is free.
            tls: makes it https.
        """
        self._server = _Server(("127.0.0.1", port), _handler(application))
        self._server.tls = tls
        self.port: Final = int(self._server.server_address[1])
        self.scheme: Final = "https" if tls else "http"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the listener and every connection."""
        self._server.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server.hang_up()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = True
    request_queue_size = 128
    tls: ssl.SSLContext | None = None

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self._open: set[socket.socket] = set()
        self._workers: set[threading.Thread] = set()
        self._guard = threading.Lock()
        self.closing: Final = threading.Event()

    def finish_request(self, request: object, client_address: object) -> None:
        """Shakes hands in the connection's own thread, so that a silent client stops nobody else."""
        assert isinstance(request, socket.socket)
        connection: socket.socket = request
        with self._guard:
            self._open.add(connection)
            self._workers.add(threading.current_thread())
        try:
            if self.tls is not None:
                with self._guard:
                    self._open.discard(connection)
                    connection = self.tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
                    self._open.add(connection)
                connection.do_handshake()
            self.RequestHandlerClass(connection, client_address, self)  # type: ignore[arg-type]
        except OSError:
            return
        finally:
            with self._guard:
                self._open.discard(connection)
                self._workers.discard(threading.current_thread())
            connection.close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Says nothing: clients hang up all the time here."""

    def hang_up(self) -> None:
        """Ends every connection, and waits for their threads."""
        with self._guard:
            connections, workers = list(self._open), list(self._workers)
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for worker in workers:
            worker.join(timeout=5)


def _handler(application: Application) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def handle_one_request(self) -> None:
            with suppress(ConnectionError, ssl.SSLError, TimeoutError, ValueError):
                super().handle_one_request()
                return
            self.close_connection = True

        def log_message(self, format: str, *_args: object) -> None:  # noqa: A002  (the name is that of the base class)
            """Says nothing; the request log knows."""

        def answer(self) -> None:
            _Exchange(self, application).carry_out()

        do_GET = do_LIST = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = answer  # noqa: N815  (names of the base class)

    return Handler


class _Exchange:
    """One request and its answer."""

    def __init__(self, handler: BaseHTTPRequestHandler, application: Application) -> None:
        self._handler, self._application = handler, application

    def carry_out(self) -> None:
        """Reads, decides, answers."""
        handler, application = self._handler, self._application
        path = unquote(urlsplit(handler.path).path)
        length = int(handler.headers.get("Content-Length") or 0)
        sent = handler.rfile.read(min(length, _LARGEST))
        if path.startswith("/test/"):
            told = application.control(handler.command, path.removeprefix("/test/"), json.loads(sent or b"{}"))
            self._send(_reply(Response(bare=told) if told is not None else Response(status=404, bare={"errors": []})), _NORMAL)
            return
        try:
            request = self._request(path, sent)
        except Refused as refused:
            self._send(_refusal(refused), _NORMAL)
            return
        host = handler.headers.get("Host", "")
        wrong = application.misbehaviour(request) or _NORMAL
        self._wait(wrong.delay)
        if wrong.cut == "before":
            application.note(request, status=0, processed=False, host=host)
            self._reset()
            return
        if wrong.status:
            application.note(request, status=wrong.status, processed=False, host=host)
            body = b'{"errors":[]}\n' if wrong.body is None else wrong.body
            self._send(_Reply(status=wrong.status, body=body, headers=dict(wrong.headers)), wrong)
            return
        reply = _carried_out(application, request)
        self._wait(wrong.late)
        cut = wrong.cut == "after"
        application.note(request, status=0 if cut else reply.status, processed=True, host=host)
        if cut:
            self._reset()
            return
        if wrong.body is not None:
            reply = _Reply(status=reply.status, body=wrong.body, headers={**reply.headers, **wrong.headers})
        self._send(reply, wrong)

    def _request(self, path: str, sent: bytes) -> Request:
        handler = self._handler
        if not path.startswith("/v1/"):
            raise Refused(404)
        query = dict(parse_qsl(urlsplit(handler.path).query, keep_blank_values=True))
        method = {"PUT": "POST"}.get(handler.command, handler.command)
        if method == "GET" and query.pop("list", "") == "true":
            method = "LIST"
        body: object = {}
        if sent and method in {"POST", "PATCH"}:
            try:
                body = json.loads(sent)
            except ValueError as problem:
                raise Refused(400, "failed to parse JSON input: invalid character") from problem
        if not isinstance(body, dict):
            raise Refused(400, "failed to parse JSON input: cannot unmarshal into a map")
        bearer = handler.headers.get("Authorization", "")
        connection = handler.connection
        shown = connection.getpeercert(binary_form=True) if isinstance(connection, ssl.SSLSocket) else None
        return Request(
            method=method,
            path=path.removeprefix("/v1/"),
            query=query,
            body=body,
            token=handler.headers.get("X-Vault-Token") or bearer.removeprefix("Bearer ").strip(),
            namespace=handler.headers.get("X-Vault-Namespace", "").strip("/"),
            certificate=shown or b"",
        )

    def _send(self, reply: _Reply, wrong: Misbehaviour) -> None:
        handler = self._handler
        handler.send_response(reply.status)
        for name, value in {"Cache-Control": "no-store", **reply.headers}.items():
            handler.send_header(name, value.replace("{target}", handler.path))
        empty = reply.status == 204
        if not empty:
            handler.send_header("Content-Length", str(wrong.huge or len(reply.body)))
        if wrong.cut:
            handler.send_header("Connection", "close")
        handler.end_headers()
        if empty or handler.command == "HEAD":
            return
        if wrong.huge:
            self._flood(wrong.huge)
        elif wrong.cut == "body":
            handler.wfile.write(reply.body[: len(reply.body) // 2])
            handler.wfile.flush()
            self._reset()
        elif wrong.drip:
            for byte in reply.body:
                handler.wfile.write(bytes([byte]))
                handler.wfile.flush()
                self._wait(wrong.drip)
        else:
            handler.wfile.write(reply.body)

    def _wait(self, seconds: float) -> None:
        """Waits, but not for longer than there is a server."""
        server = self._handler.server
        assert isinstance(server, _Server)
        if seconds:
            server.closing.wait(seconds)

    def _flood(self, size: int) -> None:
        chunk = b" " * 65536
        for start in range(0, size, len(chunk)):
            self._handler.wfile.write(chunk[: size - start])

    def _reset(self) -> None:
        """Ends the connection by RST, as a proxy does that dies."""
        self._handler.close_connection = True
        with suppress(OSError):
            self._handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with suppress(OSError):
            self._handler.wfile.flush()
        # Both files hold the socket: only when they are closed, too, does it end.
        for held in (self._handler.rfile, self._handler.connection):
            with suppress(OSError):
                held.close()


def _carried_out(application: Application, request: Request) -> _Reply:
    try:
        return _reply(application.answer(request))
    except Refused as refused:
        return _refusal(refused)
    except Exception as problem:  # noqa: BLE001  (kept, and raised where the server is closed)
        application.failed(problem)
        return _refusal(Refused(500, "internal error"))


def _refusal(refused: Refused) -> _Reply:
    body = json.dumps({"errors": list(refused.errors)}).encode() + b"\n"
    return _Reply(status=refused.status, body=body, headers={"Content-Type": "application/json"})


def _reply(response: Response) -> _Reply:
    if response.raw is not None:
        return _Reply(status=response.status, body=response.raw, headers={"Content-Type": response.content_type})
    body: Mapping[str, object] = (
        response.bare
        if response.bare is not None
        else {
            "request_id": str(uuid.uuid4()),
            "lease_id": "",
            "renewable": False,
            "lease_duration": 0,
            "data": response.data,
            "wrap_info": None,
            "warnings": list(response.warnings) or None,
            "auth": response.auth,
        }
    )
    return _Reply(status=response.status, body=json.dumps(body).encode() + b"\n", headers={"Content-Type": "application/json"})

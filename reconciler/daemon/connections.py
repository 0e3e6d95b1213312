"""A server that answers a bounded number of clients, each for a bounded time, each in a thread of its own.

A client that says nothing, or a byte a second, must neither hold up the others nor collect threads: when there are too
many, the oldest has to go.
"""

from __future__ import annotations

import logging
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

_log: Final = logging.getLogger(__name__)

Handler = Callable[[socket.socket, Any, socketserver.BaseServer], Any]


class _Connection:
    """A client that is being answered."""

    def __init__(self, client: socket.socket, since: float) -> None:
        self.client = client
        self.since: Final = since
        self.thread: threading.Thread | None = None


class BoundedServer(socketserver.TCPServer):
    """A TCP server with bounds. `secure` turns an accepted connection into the one that is talked on."""

    allow_reuse_address = True
    request_queue_size = 64

    def __init__(
        self,
        address: tuple[str, int],
        handler: Handler,
        *,
        most: int,
        longest: float,
        secure: Callable[[socket.socket], socket.socket | None],
    ) -> None:
        """Binds; answers nobody yet.

        Args:
            address: host and port; port 0 for any free one.
            handler: answers one client.
            most: clients at a time.
            longest: seconds for one client, from the connection to its end.
            secure: called in the client's own thread, before any handshake; None to hang up.

        Raises:
            OSError: the address cannot be used.
        """
        family, _, _, _, resolved = socket.getaddrinfo(*address, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        self.address_family = family
        self._most: Final = most
        self._longest: Final = longest
        self._secure: Final = secure
        self._lock: Final = threading.Lock()
        self._room: Final = threading.Condition(self._lock)
        self._clients: Final[list[_Connection]] = []
        super().__init__(resolved, handler)  # type: ignore[arg-type]

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as the base has it
        """Answers in a thread; of too many clients the oldest is let go first."""
        entry = _Connection(request, time.monotonic())
        with self._room:
            if len(self._clients) >= self._most:
                _hang_up(self._clients[0].client)
                self._room.wait_for(lambda: len(self._clients) < self._most, timeout=0.5)
            if len(self._clients) >= self._most:
                self.shutdown_request(request)
                return
            self._clients.append(entry)
        entry.thread = threading.Thread(target=self._answer, args=(entry, client_address), name="status", daemon=True)
        try:
            entry.thread.start()
        except RuntimeError:  # no more threads to be had
            self._forget(entry)

    def service_actions(self) -> None:
        """Called twice a second: whoever took too long is let go."""
        limit = time.monotonic() - self._longest
        with self._lock:
            for entry in self._clients:
                if entry.since < limit:
                    _hang_up(entry.client)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as the base has it
        """A client's trouble is not ours: no traceback."""
        del request
        _log.debug("a client failed: %s", client_address, exc_info=True)

    def close_clients(self, timeout: float) -> None:
        """Lets everybody go and waits for their threads, at most so many seconds."""
        with self._lock:
            entries = list(self._clients)
            for entry in entries:
                _hang_up(entry.client)
        deadline = time.monotonic() + timeout
        for entry in entries:
            if entry.thread is not None:
                entry.thread.join(max(0.0, deadline - time.monotonic()))

    def _answer(self, entry: _Connection, client_address: Any) -> None:  # noqa: ANN401 - as the base has it
        try:
            entry.client.settimeout(self._longest)
            secured = self._secure(entry.client)
            if secured is not None:
                with self._lock:
                    entry.client = secured
                if isinstance(secured, ssl.SSLSocket):
                    secured.do_handshake()
                self.finish_request(secured, client_address)
        except OSError as error:
            _log.debug("a client is gone: %s", type(error).__name__)
        except Exception:  # noqa: BLE001 - whatever a client does, the next one is answered
            self.handle_error(entry.client, client_address)
        finally:
            self._forget(entry)

    def _forget(self, entry: _Connection) -> None:
        with self._room:
            self._clients.remove(entry)
            with suppress(OSError):
                self.shutdown_request(entry.client)
            self._room.notify_all()


def _hang_up(client: socket.socket) -> None:
    """Ends reads and writes of the client's thread. Not by SSLSocket's own method, which takes the session away from it."""
    with suppress(OSError):
        socket.socket.shutdown(client, socket.SHUT_RDWR)

"""A server of a few lines that says byte by byte what a test wants: whole answers, halves of them, or nothing at all."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def line(self) -> str:
        """Method and target."""
        return f"{self.method} {self.target}"

    @property
    def token(self) -> str:
        """Of its header; empty without one."""
        return self.headers.get("x-vault-token", "")

    @property
    def json(self) -> object:
        """Its body."""
        return json.loads(self.body) if self.body else None


#: What is done with a connection after a request was read. Whoever returns False has the connection closed.
Act = Callable[[socket.socket, Received], bool]
Script = Callable[[Received], "bytes | Act"]


def http(status: int, body: object = b"", **headers: str) -> bytes:
    """A whole answer; objects are sent as JSON. Underscores in names of headers are hyphens."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"Content-Type": "application/json", "Content-Length": str(len(data))}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"HTTP/1.1 {status} Said\r\n{lines}\r\n".encode() + data


def dropping(data: bytes, pause: float = 0.02) -> Act:
    """Sends a byte at a time."""

    def act(peer: socket.socket, _received: Received) -> bool:
        waiting = threading.Event()
        for index in range(len(data)):
            peer.sendall(data[index : index + 1])
            waiting.wait(pause)
        return False

    return act


def closing(data: bytes = b"") -> Act:
    """Sends some bytes and closes."""

    def act(peer: socket.socket, _received: Received) -> bool:
        peer.sendall(data)
        return False

    return act


def resetting(peer: socket.socket, _received: Received) -> bool:
    """Breaks the connection with RST, after the request was read."""
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    return False


def endless(head: bytes, piece: bytes, most: int) -> Act:
    """Sends a head, and then so many bytes at most, as long as somebody takes them."""

    def act(peer: socket.socket, _received: Received) -> bool:
        peer.sendall(head)
        for _ in range(most // len(piece)):
            peer.sendall(piece)
        return False

    return act


class Hostile:
    """Listens on loopback, and does with each request what its script says."""

    def __init__(self, script: Script, context: ssl.SSLContext | None = None) -> None:
        self.script = script
        self.requests: list[Received] = []
        self.connections = 0
        self._context: Final = context
        self._socket: Final = socket.create_server(("127.0.0.1", 0))
        self._peers: Final[list[socket.socket]] = []
        self._threads: Final[list[threading.Thread]] = []

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._socket.getsockname()[1])

    @property
    def url(self) -> str:
        """Its address."""
        return f"http{'s' if self._context else ''}://127.0.0.1:{self.port}"

    @property
    def lines(self) -> list[str]:
        """Methods and targets of what came."""
        return [each.line for each in self.requests]

    def start(self) -> None:
        """Begins to take connections."""
        self._run(self._accept)

    def stop(self) -> None:
        """Ends, with all that is open."""
        for one in (self._socket, *self._peers):
            with suppress(OSError):
                socket.socket.shutdown(one, socket.SHUT_RDWR)
            one.close()
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()

    def _run(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                peer, _ = self._socket.accept()
                self.connections += 1
                self._peers.append(peer)
                self._run(self._serve, peer)

    def _serve(self, peer: socket.socket) -> None:
        with suppress(OSError, ValueError):
            if self._context is not None:
                peer = self._context.wrap_socket(peer, server_side=True, do_handshake_on_connect=False)
                self._peers.append(peer)
                if not _shaken(peer):
                    return
            with peer, peer.makefile("rb") as stream:
                while (received := _read(stream.readline, stream.read)) is not None:
                    self.requests.append(received)
                    does = self.script(received)
                    if isinstance(does, bytes):
                        peer.sendall(does)
                    elif not does(peer, received):
                        break


def _shaken(peer: ssl.SSLSocket) -> bool:
    """Whether the handshake succeeds. When not, what the client says is heard out: a reset would overtake the alert."""
    try:
        peer.do_handshake()
    except ssl.SSLError:
        socket.socket.shutdown(peer, socket.SHUT_WR)
        while socket.socket.recv(peer, 4096):
            pass
        peer.close()
        return False
    return True


def _read(line: Callable[[], bytes], read: Callable[[int], bytes]) -> Received | None:
    first = line().decode().split()
    if len(first) != 3:
        return None
    headers: dict[str, str] = {}
    while (header := line().strip()) != b"":
        name, _, value = header.decode().partition(":")
        headers[name.lower()] = value.strip()
    body = read(int(headers.get("content-length", "0")))
    return Received(method=first[0], target=first[1], headers=headers, body=body)


@contextmanager
def serving(script: Script, context: ssl.SSLContext | None = None) -> Iterator[Hostile]:
    """A server for the time of a block."""
    server = Hostile(script, context)
    server.start()
    try:
        yield server
    finally:
        server.stop()

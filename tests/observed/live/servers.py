"""Servers on loopback that present a certificate, or something else: one connection after the other, in a thread."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from tests.builders import Pair, make_ca, make_leaf

Play = Callable[[socket.socket], None]

AUTHORITY: Final = make_ca("live-ca")
SERVER: Final = make_leaf(AUTHORITY, "server", sans=("dns:server.example.com",))
CLIENT: Final = make_leaf(AUTHORITY, "client", sans=(), usages=("client auth",))


@contextmanager
def serving(play: Play, *, family: socket.AddressFamily = socket.AF_INET) -> Iterator[int]:
    """Plays every connection; gives the port. A peer that goes away ends only its connection."""
    host = "::1" if family == socket.AF_INET6 else "127.0.0.1"
    with socket.create_server((host, 0), family=family) as listener:
        ending = threading.Event()

        def serve() -> None:
            while not ending.is_set():
                connection, _ = listener.accept()
                with connection, suppress(OSError):
                    if not ending.is_set():
                        connection.settimeout(20)
                        play(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            ending.set()
            socket.create_connection(listener.getsockname()[:2]).close()
            thread.join()


def until_closed(connection: socket.socket) -> None:
    """Waits for the peer to go."""
    while connection.recv(4096):
        pass


def pair_files(home: Path, pair: Pair, name: str) -> tuple[str, str]:
    """Certificate and key as files; their paths."""
    certificate, key = home / f"{name}.crt", home / f"{name}.key"
    certificate.write_bytes(pair.chain_pem)
    key.write_bytes(pair.key.pem())
    return str(certificate), str(key)


def presenting(
    home: Path,
    pair: Pair = SERVER,
    *,
    versions: tuple[ssl.TLSVersion, ssl.TLSVersion] = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3),
    clients: Pair | None = None,
    names: list[str | None] | None = None,
) -> Play:
    """Speaks TLS from the first byte.

    Args:
        home: where its files are written.
        pair: what it presents.
        versions: the lowest and the highest version that it speaks.
        clients: the CA of the client certificates that it demands; None to ask for none.
        names: takes the server name of each connection.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version, context.maximum_version = versions
    context.load_cert_chain(*pair_files(home, pair, f"server-{pair.certificate.facts.serial}"))
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        # Which moment it is does not matter to these tests.
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
        context.load_verify_locations(cadata=clients.certificate.pem.decode())
    if names is not None:
        context.sni_callback = lambda _socket, name, _context: names.append(name)

    def play(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            until_closed(secured)

    return play

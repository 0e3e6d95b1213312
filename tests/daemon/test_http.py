"""The status server, over real sockets."""

from __future__ import annotations

import http.client
import json
import logging
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest

from reconciler.daemon.http import StatusServer
from reconciler.daemon.metrics import Metrics
from reconciler.daemon.published import Published
from reconciler.daemon.tls import TlsFiles
from reconciler.render.status_html import STATUS_PAGE_POLICY
from tests.builders import Pair, make_ca, make_leaf
from tests.render.page_stories import CALM, NOW, RICH

CA: Final = make_ca(now=datetime.now(NOW.tzinfo))
OTHER: Final = make_ca("other", now=datetime.now(NOW.tzinfo))


class Board(Published):
    """A board whose clock is set by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0
        super().__init__(monotonic=lambda: self.seconds)


@contextmanager
def serving(board: Published | None = None, *, address: str = "127.0.0.1", **options: Any) -> Iterator[StatusServer]:  # noqa: ANN401 - fields of any type
    """A server on a port of its own, with a status."""
    if board is None:
        board = Board()
        board.update(CALM)
    metrics = Metrics(lambda: board.document, version="1", clock=lambda: NOW)
    server = StatusServer(address, 0, board, metrics, **{"clock": lambda: NOW, "live_within": 60.0, **options})
    with server:
        yield server
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("status")] == []


def ask(server: StatusServer, path: str = "/healthz", method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """One request over plain HTTP."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    try:
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        return response.status, dict(response.headers), response.read()
    finally:
        connection.close()


def raw(server: StatusServer, data: bytes) -> bytes:
    """What comes back for these bytes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as line:
        line.sendall(data)
        parts = []
        try:
            while part := line.recv(1 << 16):
                parts.append(part)
        except ConnectionResetError:
            pass
        return b"".join(parts)


@pytest.mark.parametrize(
    ("path", "kind", "content"),
    [
        ("/healthz", "text/plain; charset=utf-8", b"ok\n"),
        ("/readyz", "text/plain; charset=utf-8", b"ok\n"),
        ("/metrics", "text/plain; version=", b"cluster_pki_build_info"),
        ("/metrics?x=1", "text/plain; version=", b"cluster_pki_build_info"),
        ("/status", "application/json", b'"cluster":"prod-eu-1"'),
        ("/", "text/html; charset=utf-8", b"All is well"),
    ],
)
def test_pages(path: str, kind: str, content: bytes) -> None:
    """Everything there is, with the headers that keep it where it is."""
    with serving() as server:
        status, headers, body = ask(server, path)
        head = ask(server, path, "HEAD")
    assert status == 200
    assert headers["Content-Type"].startswith(kind)
    assert content in body
    assert (headers["Cache-Control"], headers["X-Content-Type-Options"]) == ("no-store", "nosniff")
    assert headers["Content-Security-Policy"].endswith("; frame-ancestors 'none'")
    assert (head[0], head[1]["Content-Type"], head[2]) == (200, headers["Content-Type"], b"")


def test_the_page_has_its_policy_in_the_header() -> None:
    """A browser applies both policies: one that forbids the page's own style would leave it bare."""
    with serving() as server:
        _, headers, body = ask(server, "/")
    assert headers["Content-Security-Policy"] == f"{STATUS_PAGE_POLICY}; frame-ancestors 'none'"
    assert STATUS_PAGE_POLICY.encode() in body


def test_status_is_the_published_document() -> None:
    """The same object as everywhere."""
    board = Board()
    board.update(RICH)
    with serving(board) as server:
        body = json.loads(ask(server, "/status")[2])
    assert [condition["type"] for condition in body["conditions"]] == [each.type for each in RICH.conditions]


def test_openmetrics_for_who_asks() -> None:
    """By the Accept header."""
    with serving() as server:
        _, headers, body = ask(server, "/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert headers["Content-Type"].startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")


def test_before_the_first_pass() -> None:
    """It lives, and is not ready; there is nothing to show."""
    with serving(Board()) as server:
        found = {path: ask(server, path)[0] for path in ("/healthz", "/readyz", "/status", "/", "/metrics")}
    assert found == {"/healthz": 200, "/readyz": 503, "/status": 503, "/": 503, "/metrics": 200}


def test_a_loop_that_hangs_is_not_alive() -> None:
    """Health is the heartbeat of the loop, not the server's own."""
    board = Board()
    board.update(CALM)
    with serving(board, live_within=60.0) as server:
        board.seconds = 59.0
        assert ask(server)[0] == 200
        board.seconds = 61.0
        assert ask(server)[::2] == (503, b"the loop gave no sign of life for 61 s\n")
        board.beat()
        assert ask(server)[0] == 200
        assert ask(server, "/readyz")[0] == 200


@pytest.mark.parametrize("path", ["/x", "/status/", "/healthz/../status", "/%2e%2e/etc/passwd"])
def test_nothing_else(path: str) -> None:
    """There is no other page."""
    with serving() as server:
        assert ask(server, path)[0] == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_only_tells(method: str) -> None:
    """Whatever it is asked to do, it does not."""
    with serving() as server:
        status, headers, _ = ask(server, "/status", method)
    assert (status, headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("localhost:9808", 200),
        ("127.0.0.1:1", 200),
        ("127.1.2.3", 200),
        ("[::1]:9808", 200),
        ("evil.example.com", 421),
        ("localhost.evil.example.com", 421),
        ("127.0.0.1.evil.example.com:9808", 421),
        ("evil@localhost.x", 421),
        ("", 421),
        ("[::1", 421),
    ],
)
def test_names_of_others_are_refused(host: str, status: int) -> None:
    """A page in the operator's browser cannot read this by a name that it made to lead here."""
    with serving() as server:
        assert ask(server, "/status", Host=host)[0] == status


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /status HTTP/1.1\r\n\r\n",
        b"GET /status HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n",
        b"GET http://evil.example.com/status HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET * HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /status HTTP/2.0\r\nHost: localhost\r\n\r\n",
        b"GET /status HTTP/1.1 extra\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"\x00" * 100 + b"\r\n\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 150 + b"\r\n",
        b"GET / HTTP/1.1\r\nno colon\xff\r\nHost: localhost\r\n\r\n",
    ],
)
def test_garbage(request_bytes: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing that a client sends gets a page it should not, is echoed, or kills the server."""
    with serving() as server:
        answer = raw(server, request_bytes)
        assert ask(server)[0] == 200
    assert b"prod-eu-1" not in answer
    assert b"aaaa" not in answer
    assert answer[:13] not in (b"HTTP/1.0 500 ", b"HTTP/1.1 500 ")
    assert capfd.readouterr() == ("", "")


def test_old_clients_without_a_name() -> None:
    """HTTP/1.0 has no Host; no browser speaks it."""
    with serving() as server:
        assert raw(server, b"GET /healthz HTTP/1.0\r\n\r\n").endswith(b"ok\n")


def test_mute_clients_hold_nobody_up() -> None:
    """However many say nothing, the oldest has to go when another one comes."""
    with serving(most=4) as server:
        mute = [socket.create_connection(("127.0.0.1", server.port), timeout=5) for _ in range(12)]
        assert ask(server)[0] == 200
        assert mute[0].recv(1) == b""
        for line in mute:
            line.close()


def test_a_drip_is_cut_off() -> None:
    """A byte now and then does not extend the time of a client."""
    with serving(longest=0.3) as server, socket.create_connection(("127.0.0.1", server.port), timeout=5) as line:
        started = time.monotonic()
        line.sendall(b"GET / HTTP/1.1\r\n")
        with suppress(OSError):
            while time.monotonic() - started < 10:
                line.sendall(b"X: y\r\n")
                time.sleep(0.02)
        assert time.monotonic() - started < 5


def test_many_at_once() -> None:
    """Concurrent readers each get a whole answer."""
    with serving() as server:
        found: list[int] = []
        threads = [threading.Thread(target=lambda: found.append(len(ask(server, "/")[2]))) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(found) == 20
    assert len(set(found)) == 1


def test_closing_does_not_wait_for_clients() -> None:
    """An end comes also while somebody is connected."""
    with serving() as server:
        line = socket.create_connection(("127.0.0.1", server.port), timeout=5)
        started = time.monotonic()
    assert time.monotonic() - started < 3
    line.close()


def test_ipv6() -> None:
    """An IPv6 address is one like any other."""
    with serving(address="::1") as server:
        connection = http.client.HTTPConnection("::1", server.port, timeout=5)
        connection.request("GET", "/healthz")
        assert connection.getresponse().read() == b"ok\n"
        connection.close()


def test_a_taken_port_is_told() -> None:
    """Two servers on one port is a mistake that its owner hears of."""
    with serving() as server, pytest.raises(OSError, match="in use"):
        StatusServer(
            "127.0.0.1",
            server.port,
            Board(),
            Metrics(lambda: None, version="", clock=lambda: NOW),
            clock=lambda: NOW,
            live_within=1.0,
        )


def write(folder: Path, pair: Pair) -> TlsFiles:
    """Puts a pair there as a whole, as a publication does."""
    made = folder / f"generation-{pair.certificate.facts.serial[-8:]}"
    made.mkdir()
    (made / "tls.crt").write_bytes(pair.chain_pem)
    (made / "tls.key").write_bytes(pair.key.pem())
    (folder / "new").symlink_to(made.name)
    (folder / "new").rename(folder / "current")
    return TlsFiles(certificate=str(folder / "current" / "tls.crt"), key=str(folder / "current" / "tls.key"))


def leaf(name: str, ca: Pair = CA, *usages: str) -> Pair:
    """A pair that is valid now."""
    return make_leaf(ca, name, sans=("dns:localhost",), usages=usages or ("server auth",), now=datetime.now(NOW.tzinfo))


def ask_tls(server: StatusServer, path: str, client: Path | None = None) -> int:
    """The status of an answer over TLS."""
    context = ssl.create_default_context(cadata=CA.root.pem.decode())
    if client is not None:
        context.load_cert_chain(client / "current" / "tls.crt", client / "current" / "tls.key")
    connection = http.client.HTTPSConnection("localhost", server.port, timeout=5, context=context)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def presented(server: StatusServer) -> str:
    """The common name of the certificate that is presented now."""
    context = ssl.create_default_context(cadata=CA.root.pem.decode())
    with (
        socket.create_connection(("127.0.0.1", server.port), timeout=5) as line,
        context.wrap_socket(line, server_hostname="localhost") as secured,
    ):
        subject: Any = secured.getpeercert()
        return str(subject["subject"][0][0][1])


def test_tls_takes_up_a_renewed_pair(tmp_path: Path) -> None:
    """The next connection after a renewal gets the new certificate; half a pair changes nothing."""
    files = write(tmp_path, leaf("first"))
    with serving(tls=files) as server:
        assert (ask_tls(server, "/status"), presented(server)) == (200, "first")
        write(tmp_path, leaf("second"))
        assert presented(server) == "second"
        (tmp_path / "current" / "tls.key").write_bytes(leaf("third").key.pem())
        assert presented(server) == "second"
        os.unlink(tmp_path / "current")  # noqa: PTH108 - a link
        assert presented(server) == "second"
        write(tmp_path, leaf("fourth"))
        assert presented(server) == "fourth"


def test_tls_before_there_is_a_pair(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A server that makes its own certificate starts before it is there; it hangs up, says so once, and takes it up."""
    files = TlsFiles(certificate=str(tmp_path / "current" / "tls.crt"), key=str(tmp_path / "current" / "tls.key"))
    with serving(tls=files) as server, caplog.at_level(logging.WARNING):
        for _ in range(3):
            with pytest.raises(OSError, match=r"."):
                presented(server)
        write(tmp_path, leaf("first"))
        assert presented(server) == "first"
    assert [record.getMessage() for record in caplog.records] == [
        f"the status server cannot use {files.certificate}: FileNotFoundError"
    ]


def test_tls_of_old_is_refused(tmp_path: Path) -> None:
    """TLS 1.2 at least."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        serving(tls=write(tmp_path, leaf("first"))) as server,
        socket.create_connection(("127.0.0.1", server.port)) as line,
        pytest.raises(ssl.SSLError, match=r"."),
    ):
        context.wrap_socket(line)


def test_tls_with_mute_and_plain_clients(tmp_path: Path) -> None:
    """Who says nothing, or no TLS, does not keep others from their handshake."""
    with serving(tls=write(tmp_path, leaf("first")), most=4) as server:
        mute = [socket.create_connection(("127.0.0.1", server.port), timeout=5) for _ in range(6)]
        assert presented(server) == "first"
        assert b"prod-eu-1" not in raw(server, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert presented(server) == "first"
        for line in mute:
            line.close()


@pytest.mark.parametrize(
    ("path", "without", "verified"),
    [("/healthz", 200, 200), ("/readyz", 200, 200), ("/status", 403, 200), ("/", 403, 200), ("/x", 403, 404)],
)
def test_client_certificates(tmp_path: Path, path: str, without: int, verified: int) -> None:
    """Health is open to all, everything else is for who has a certificate of the bundle's CAs."""
    server_folder, client_folder = tmp_path / "server", tmp_path / "client"
    server_folder.mkdir()
    client_folder.mkdir()
    files = write(server_folder, leaf("first"))
    write(client_folder, leaf("reader", CA, "client auth"))
    bundle = tmp_path / "ca.crt"
    bundle.write_bytes(CA.root.pem)
    asking = TlsFiles(certificate=files.certificate, key=files.key, client_ca=str(bundle))
    with serving(tls=asking) as server:
        assert ask_tls(server, path) == without
        assert ask_tls(server, path, client_folder) == verified


@pytest.mark.parametrize(("ca", "usages"), [(OTHER, ("client auth",)), (CA, ("server auth",))])
def test_wrong_client_certificates(tmp_path: Path, ca: Pair, usages: tuple[str, ...]) -> None:
    """One of another CA, or for another purpose, gets nothing at all."""
    server_folder, client_folder = tmp_path / "server", tmp_path / "client"
    server_folder.mkdir()
    client_folder.mkdir()
    files = write(server_folder, leaf("first"))
    write(client_folder, leaf("intruder", ca, *usages))
    bundle = tmp_path / "ca.crt"
    bundle.write_bytes(CA.root.pem)
    with serving(tls=TlsFiles(certificate=files.certificate, key=files.key, client_ca=str(bundle))) as server:
        with pytest.raises((OSError, http.client.HTTPException)):
            ask_tls(server, "/healthz", client_folder)
        assert ask_tls(server, "/healthz") == 200


def test_a_missing_bundle_opens_nothing(tmp_path: Path) -> None:
    """Without the CAs that vouch for clients nobody is answered, rather than everybody."""
    files = write(tmp_path, leaf("first"))
    asking = TlsFiles(certificate=files.certificate, key=files.key, client_ca=str(tmp_path / "none.crt"))
    with serving(tls=asking) as server, pytest.raises(OSError, match=r"."):
        ask_tls(server, "/healthz")

"""An endpoint is asked which certificate it presents; whoever plays foul is unreachable, in time and in words."""

from __future__ import annotations

import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.desired.live import Probe
from reconciler.observed.live import connection as connections
from reconciler.observed.live.inquiries import Inquiry
from reconciler.observed.live.probe import probe_all
from tests.builders import make_ca, make_leaf
from tests.observed.live.asking import FINGERPRINT, NOW, ask, ok, target, unreachable
from tests.observed.live.servers import AUTHORITY, CLIENT, SERVER, Play, pair_files, presenting, serving, until_closed

OLD = make_leaf(AUTHORITY, "server", serial=0x1F6A, lifetime=timedelta(days=8))
SHORT = timedelta(milliseconds=300)
TLS_1_2 = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2)
TLS_1_3 = (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_3)


@contextmanager
def openssl(home: Path, *options: str) -> Iterator[int]:
    """A real ``openssl s_server`` with the pair of `SERVER`; gives the port."""
    certificate, key = pair_files(home, SERVER, "server")
    command = ("openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", certificate, "-key", key, "-naccept", "9")
    with subprocess.Popen(
        [*command, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as server:
        assert server.stdout is not None
        try:
            said = b""
            while not said.startswith(b"ACCEPT"):
                said = server.stdout.readline()
            yield int(said.rpartition(b":")[2])
        finally:
            server.kill()


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_what_is_on_disk(tmp_path: Path, version: str) -> None:
    """A server that presents it is ok; a real one, in both versions."""
    with openssl(tmp_path, version) as port:
        assert ask(port) == ok(port)


def test_another_certificate(tmp_path: Path) -> None:
    """What is presented instead is told so that a person finds it."""
    with serving(presenting(tmp_path, OLD)) as port:
        seen = [ask(port), ask(port, now=NOW + timedelta(days=30))]
    words = f"127.0.0.1:{port} presents serial 1f6a of CN=live-ca, which"
    assert [(one.state, one.presented, one.detail) for one in seen] == [
        ("stale", OLD.certificate.facts.fingerprint, f"{words} expires on 2026-12-01."),
        ("stale", OLD.certificate.facts.fingerprint, f"{words} expired on 2026-12-01."),
    ]


@pytest.mark.parametrize(("name", "sent"), [("api.example.com", ["api.example.com"]), ("", [None])])
def test_the_server_name(tmp_path: Path, name: str, sent: list[str | None]) -> None:
    """It is sent as it stands in the desired state; without one, none is."""
    names: list[str | None] = []
    with serving(presenting(tmp_path, names=names)) as port:
        assert ask(port, server_name=name) == ok(port)
    assert names == sent


def test_a_server_name_that_cannot_be_sent(tmp_path: Path) -> None:
    """A name that TLS has no room for."""
    with serving(presenting(tmp_path)) as port:
        words = f'"{"x" * 80}" cannot be sent as a server name; correct serverName under `probe`'
        assert ask(port, server_name="x" * 80) == unreachable(port, words)


def test_over_ipv6(tmp_path: Path) -> None:
    """An address in brackets is shown, and one without is used."""
    with serving(presenting(tmp_path), family=socket.AF_INET6) as port:
        assert ask(port, host="::1") == ok(port, "[::1]")


@contextmanager
def full(port: int) -> Iterator[str]:
    """An address at that port on which nobody answers: its queue is full, so the kernel drops what comes (listen(2))."""
    with ExitStack() as stack:
        stack.enter_context(socket.create_server(("127.0.0.2", port), backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.2", port))
        yield "127.0.0.2"


def test_a_name_with_several_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that does not answer, or refuses, leaves time for the next."""
    with serving(presenting(tmp_path)) as port, full(port) as silent:

        def resolve(*_: object) -> list[tuple[int, int, tuple[str, int]]]:
            return [(socket.AF_INET, socket.SOCK_STREAM, (address, port)) for address in (silent, "127.0.0.3", "127.0.0.1")]

        monkeypatch.setattr(connections, "resolve", resolve)
        assert ask(port, host="api.example.com", timeout=timedelta(seconds=3)) == ok(port, "api.example.com")


@pytest.mark.parametrize("versions", [TLS_1_2, TLS_1_3], ids=["1.2", "1.3"])
def test_a_server_that_asks_for_a_client(tmp_path: Path, versions: tuple[ssl.TLSVersion, ssl.TLSVersion]) -> None:
    """With a pair of a client that it accepts it is asked in every version."""
    with serving(presenting(tmp_path, versions=versions, clients=AUTHORITY)) as port:
        assert ask(port, client=pair_files(tmp_path, CLIENT, "client")) == ok(port)


def test_a_client_is_demanded(tmp_path: Path) -> None:
    """TLS 1.3 shows the certificate all the same; before, the handshake ends, and it is said what to do."""
    with openssl(tmp_path, "-tls1_3", "-Verify", "1", "-verify_return_error") as port:
        assert ask(port) == ok(port)
    with openssl(tmp_path, "-tls1_2", "-Verify", "1", "-verify_return_error") as port:
        advice = "if it demands a client certificate, name a client component under probe.client"
        assert ask(port) == unreachable(port, f"it refused the TLS handshake (sslv3 alert handshake failure); {advice}")


def test_a_client_that_is_refused(tmp_path: Path) -> None:
    """A certificate of another CA is not what the server wants."""
    stranger = make_leaf(make_ca("other-ca"), "client", sans=(), usages=("client auth",))
    with serving(presenting(tmp_path, versions=TLS_1_2, clients=AUTHORITY)) as port:
        advice = "if it asks for a client certificate, the one under probe.client is not what it wants"
        assert ask(port, client=pair_files(tmp_path, stranger, "client")) == unreachable(
            port, f"it refused the TLS handshake (tlsv1 alert unknown ca); {advice}"
        )


@pytest.mark.parametrize("kind", ["missing", "not a pair", "no PEM"])
def test_a_client_without_files(tmp_path: Path, kind: str) -> None:
    """Whoever demands none is asked all the same; whoever does, cannot be, for a reason that is told."""
    certificate, key = pair_files(tmp_path, CLIENT, "client")
    problem = f"{certificate} and {key} are not a certificate and its key"
    if kind == "missing":
        Path(key).unlink()
        problem = f"there is no {key}"
    else:
        Path(key).write_bytes(SERVER.key.pem() if kind == "not a pair" else b"nothing")
    with serving(presenting(tmp_path)) as port:
        assert ask(port, client=(certificate, key)) == ok(port)
    with serving(presenting(tmp_path, versions=TLS_1_2, clients=AUTHORITY)) as port:
        detail = ask(port, client=(certificate, key)).detail
    assert detail.endswith(f" name a client component under probe.client. The client certificate cannot be presented: {problem}.")


def test_nobody_listens() -> None:
    """A process that is down."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert ask(port) == unreachable(port, "nothing listens there")


def test_a_name_without_an_address() -> None:
    """RFC 6761 section 6.4: names under invalid have none."""
    seen = ask(443, host="api.invalid")
    assert (seen.state, seen.detail) == ("unreachable", "api.invalid:443: the name api.invalid has no address.")


def test_a_resolver_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for it any longer than for a server."""
    look_up = socket.getaddrinfo

    def hang(*_: object, **options: object) -> object:
        if "flags" in options:
            raise socket.gaierror
        time.sleep(2)
        return look_up("127.0.0.1", 1)

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    began = time.monotonic()
    seen = ask(443, host="api.example.com", timeout=SHORT)
    assert (seen.state, time.monotonic() - began < 1.5) == ("unreachable", True)


def close_at_once(_connection: socket.socket) -> None:
    """Accepts and hangs up."""


def reset(connection: socket.socket) -> None:
    """Breaks the connection off in the middle of the handshake."""
    connection.recv(1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def plain_http(connection: socket.socket) -> None:
    """Answers a handshake with a page."""
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    until_closed(connection)


def garbage(connection: socket.socket) -> None:
    """Answers with noise that looks like a record for a while."""
    connection.recv(4096)
    connection.sendall(b"\x16\x03\x03\x00\x40" + bytes(range(64)))
    until_closed(connection)


@pytest.mark.parametrize(
    ("play", "detail"),
    [
        (close_at_once, "it closed the connection "),
        (reset, "it closed the connection during the TLS handshake; if it demands a client certificate, name"),
        (plain_http, "it does not speak TLS; name the protocol under starttls if it begins in the clear"),
        (garbage, "it does not speak TLS"),
    ],
)
def test_who_does_not_speak_tls(play: Play, detail: str) -> None:
    """Each is told for what it is."""
    with serving(play) as port:
        seen = ask(port)
    start = f"127.0.0.1:{port}: {detail}"
    assert (seen.state, seen.detail[: len(start)]) == ("unreachable", start)


def drip(connection: socket.socket) -> None:
    """The record of a ServerHello, a byte at a time."""
    connection.recv(4096)
    for byte in b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc" + bytes(16000):
        connection.sendall(bytes((byte,)))
        time.sleep(0.05)


@pytest.mark.parametrize("play", [drip, until_closed])
def test_who_takes_too_long(play: Play) -> None:
    """A byte now and then buys no more time than silence."""
    began = time.monotonic()
    with serving(play) as port:
        seen = ask(port, timeout=SHORT)
        elapsed = time.monotonic() - began
    assert (seen.state, "no certificate was seen within" in seen.detail, elapsed < 5) == ("unreachable", True, True)


def test_many_at_a_time(tmp_path: Path) -> None:
    """Results come by address, in order; what had no time to begin is left out rather than guessed."""
    silent = serving(until_closed)
    with serving(presenting(tmp_path)) as port, silent as hole:
        good = Inquiry(probe=target(port), expected=FINGERPRINT)
        slow = Inquiry(probe=Probe(host="127.0.0.1", port=hole, timeout=SHORT), expected=FINGERPRINT)
        asked = {"component.a": good, "component.b": slow, "component.c": good}
        seen = probe_all(asked, now=lambda: NOW, monotonic=time.monotonic)
        none = probe_all(asked, now=lambda: NOW, monotonic=time.monotonic, stop=lambda: True)
        late = probe_all(asked, now=lambda: NOW, monotonic=time.monotonic, workers=1, within=timedelta(0))
    assert [(address, one.state) for address, one in seen.items()] == [
        ("component.a", "ok"),
        ("component.b", "unreachable"),
        ("component.c", "ok"),
    ]
    assert (none, late, probe_all({}, now=lambda: NOW, monotonic=time.monotonic)) == ({}, {}, {})


def test_many_wait_together() -> None:
    """Eight that do not answer cost the time of one."""
    with socket.create_server(("127.0.0.1", 0), backlog=20) as hole:
        target_ = Probe(host="127.0.0.1", port=hole.getsockname()[1], timeout=SHORT)
        asked = {f"component.c{number}": Inquiry(probe=target_, expected="") for number in range(8)}
        began = time.monotonic()
        seen = probe_all(asked, now=lambda: NOW, monotonic=time.monotonic)
    assert ({one.state for one in seen.values()}, time.monotonic() - began < 2.0) == ({"unreachable"}, True)

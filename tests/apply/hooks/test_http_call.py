"""One request, straight to its host, with what changed; a server can neither hang nor fool us."""

from __future__ import annotations

import json
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.apply.hooks.occasion import HookResult
from reconciler.desired.live import HttpHook
from tests.apply.hooks.occasions import OCCASION, run_here
from tests.builders import make_ca, make_leaf
from tests.observed.live.servers import serving, until_closed

SHORT = timedelta(milliseconds=300)
#: Valid now, whenever that is: the standard library asks the real clock.
NOW = datetime.now(UTC)
AUTHORITY = make_ca("hook-ca", now=NOW)


class Recorder:
    """Answers every request alike and keeps the requests."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.requests: list[tuple[str, dict[str, str], Any]] = []

    def __call__(self, connection: socket.socket) -> None:
        """Plays a connection."""
        head, _, body = self._read(connection).partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        self.requests.append((first, headers, json.loads(body) if body else None))
        connection.sendall(self.answer)

    @staticmethod
    def _read(connection: socket.socket) -> bytes:
        data = b""
        while True:
            head, end, body = data.partition(b"\r\n\r\n")
            size = next((int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length:")), 0)
            if end and len(body) >= size:
                return data
            part = connection.recv(4096)
            if not part:
                raise ConnectionError
            data += part


@contextmanager
def recording(answer: bytes) -> Iterator[tuple[Recorder, int]]:
    """A recorder and its port."""
    recorder = Recorder(answer)
    with serving(recorder) as port:
        yield recorder, port


def test_what_is_sent() -> None:
    """Facts of the certificate as JSON; the password of the URL goes where it belongs."""
    with recording(b"HTTP/1.1 204 No Content\r\n\r\n") as (recorder, port):
        result = run_here(HttpHook(url=f"http://u%40x:p@127.0.0.1:{port}/re load?now=1&x=%20#part"))
    assert result == HookResult(status="ok")
    ((first, headers, body),) = recorder.requests
    assert (first, headers["Host"], headers["Authorization"], headers["Content-Type"], body) == (
        "POST /re%20load?now=1&x=%20 HTTP/1.1",
        f"127.0.0.1:{port}",
        "Basic dUB4OnA=",
        "application/json",
        {
            "address": OCCASION.address,
            "cluster": "demo",
            "node": "cp-1",
            "serial": "1f6a",
            "fingerprint": OCCASION.fingerprint,
            "not_after": "2026-12-01T08:30:00Z",
            "reasons": ["RenewalDue", "SanMismatch"],
        },
    )


def test_get_has_no_body() -> None:
    """A GET asks; it tells nothing."""
    with recording(b"HTTP/1.0 200 OK\r\n\r\nreloaded\n") as (recorder, port):
        result = run_here(HttpHook(url=f"http://127.0.0.1:{port}", method="GET"))
    ((first, headers, body),) = recorder.requests
    assert (result, first, body, "Content-Length" in headers) == (
        HookResult(status="ok", output="reloaded"),
        "GET / HTTP/1.1",
        None,
        False,
    )


def test_no_proxy_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the environment says of proxies is for others."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with recording(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as (_, port):
        assert run_here(HttpHook(url=f"http://127.0.0.1:{port}/")) == HookResult(status="ok")


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        (
            b"HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nno \x1b[\r\n2\r\n1m\r\n0\r\n\r\n",
            HookResult(status="failed", detail="it answered with status 500", output="no"),
        ),
        (
            b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
            HookResult(
                status="failed",
                detail="it answered with status 302; redirects are not followed, name the final URL",
            ),
        ),
        (b"SSH-2.0-OpenSSH\r\n", HookResult(status="failed", detail="it does not answer as an HTTP server does")),
        (b"", HookResult(status="failed", detail="it closed the connection without an answer")),
        (
            b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000,
            HookResult(status="failed", detail="it does not answer as an HTTP server does"),
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut", HookResult(status="ok", output="cut")),
    ],
    ids=["error", "redirect", "other protocol", "closed", "many headers", "cut body"],
)
def test_answers(answer: bytes, result: HookResult) -> None:
    """Only a status of success is one."""
    with recording(answer) as (_, port):
        assert run_here(HttpHook(url=f"http://127.0.0.1:{port}/")) == result


def drip(connection: socket.socket) -> None:
    """A header that never ends, byte by byte."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    for _ in range(200):
        connection.sendall(b"x")
        time.sleep(0.05)


def flood(connection: socket.socket) -> None:
    """A body without an end."""
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b"x" * 65536)


@pytest.mark.parametrize("play", [drip, until_closed])
def test_servers_that_take_their_time(play: Callable[[socket.socket], None]) -> None:
    """The timeout is for the whole exchange, however it is spent."""
    began = time.monotonic()
    with serving(play) as port:
        result = run_here(HttpHook(url=f"http://127.0.0.1:{port}/", timeout=SHORT))
        elapsed = time.monotonic() - began
    assert (result.status, result.detail.startswith("there was no whole answer"), elapsed < 5) == ("failed", True, True)


def test_a_body_without_an_end() -> None:
    """A few kilobytes of it are enough."""
    with serving(flood) as port:
        result = run_here(HttpHook(url=f"http://127.0.0.1:{port}/"))
    assert (result.status, len(result.output)) == ("ok", 4096)


def test_nobody_listens() -> None:
    """That is said without the URL, which may hold a password."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    result = run_here(HttpHook(url=f"http://user:secret@127.0.0.1:{port}/"))
    assert result == HookResult(status="failed", detail="nothing listens there")


@pytest.fixture
def trusted(tmp_path: Path) -> Path:
    """The CA of the https servers of these tests."""
    path = tmp_path / "ca.crt"
    path.write_bytes(AUTHORITY.certificate.pem)
    return path


@contextmanager
def tls(tmp_path: Path, san: str) -> Iterator[int]:
    """An https server with that name in its certificate; gives the port."""
    leaf = make_leaf(AUTHORITY, "hook-server", sans=(san,), now=NOW)
    (tmp_path / "pair.pem").write_bytes(leaf.chain_pem + leaf.key.pem())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "pair.pem")
    recorder = Recorder(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    def play(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            recorder(secured)

    with serving(play) as port:
        yield port


def test_a_server_that_is_trusted(tmp_path: Path, trusted: Path) -> None:
    """With its CA named, and its own name in the certificate, it is told."""
    with tls(tmp_path, "ip:127.0.0.1") as port:
        result = run_here(HttpHook(url=f"https://127.0.0.1:{port}/", ca_file=str(trusted)))
    assert result == HookResult(status="ok", output="ok")


@pytest.mark.parametrize(
    ("san", "named", "detail"),
    [
        ("dns:other.example.com", True, "its certificate is not trusted (IP address mismatch, certificate is not valid for"),
        ("ip:127.0.0.1", False, "its certificate is not trusted (unable to get local issuer certificate); name its CA"),
    ],
)
def test_a_server_that_is_not(tmp_path: Path, trusted: Path, san: str, detail: str, *, named: bool) -> None:
    """Nothing is told to somebody else."""
    with tls(tmp_path, san) as port:
        result = run_here(HttpHook(url=f"https://127.0.0.1:{port}/", ca_file=str(trusted) if named else ""))
    assert (result.status, result.detail[: len(detail)]) == ("failed", detail)


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (None, "{path}, which caFile names, cannot be read: no such file or directory"),
        (b"no PEM", "there is no certificate in {path}, which caFile names"),
    ],
)
def test_a_ca_file_that_is_none(tmp_path: Path, content: bytes | None, detail: str) -> None:
    """A mistake in caFile is a failed hook."""
    path = tmp_path / "ca.crt"
    if content is not None:
        path.write_bytes(content)
    result = run_here(HttpHook(url="https://127.0.0.1:1/", ca_file=str(path)))
    assert result == HookResult(status="failed", detail=detail.format(path=path))


def test_a_server_without_tls(trusted: Path) -> None:
    """Plain http behind an https URL."""
    with recording(b"HTTP/1.1 200 OK\r\n\r\n") as (_, port):
        result = run_here(HttpHook(url=f"https://127.0.0.1:{port}/", ca_file=str(trusted), timeout=timedelta(seconds=1)))
    assert result.status == "failed"

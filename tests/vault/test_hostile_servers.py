"""Servers that misbehave, and those between: each call ends in time, in bounds, with an error that says what to do."""

from __future__ import annotations

import gzip
import time
from typing import Final

import pytest

from reconciler.vault import bodies
from reconciler.vault.errors import Kind
from tests.vault.hostile import Act, closing, dropping, endless, http, resetting, serving
from tests.vault.scene import Clock, Vault, calls, client_of, connection, failing

HTML: Final = b"<html><body><h1>Welcome to nginx</h1></body></html>"
DATA: Final = http(200, {"data": {"value": 1}})
#: Two gigabytes of nothing.
BOMB: Final = gzip.compress(gzip.compress(bytes(64 << 20)) * 2)
HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    ("answer", "of_read", "of_write"),
    [
        pytest.param(http(200, HTML, Content_Type="text/html"), Kind.NONSENSE, Kind.UNKNOWN, id="a web page"),
        pytest.param(http(200, b""), Kind.NONSENSE, None, id="nothing"),
        pytest.param(http(200, b"null"), Kind.NONSENSE, Kind.UNKNOWN, id="null"),
        pytest.param(http(200, [1, 2]), Kind.NONSENSE, Kind.UNKNOWN, id="a list"),
        pytest.param(http(200, {"data": [1]}), Kind.NONSENSE, Kind.UNKNOWN, id="data that is a list"),
        pytest.param(http(200, {"data": None}), Kind.NONSENSE, None, id="data that is null"),
        pytest.param(http(200, b"[" * 100_000), Kind.NONSENSE, Kind.UNKNOWN, id="deep nesting"),
        pytest.param(http(200, b'{"data": {"a": "\xff"}}'), Kind.NONSENSE, Kind.UNKNOWN, id="not UTF-8"),
        pytest.param(http(200, b'{"data": {"a": 1}'), Kind.NONSENSE, Kind.UNKNOWN, id="half a document"),
        pytest.param(http(404, HTML, Content_Type="text/html"), Kind.NONSENSE, Kind.NONSENSE, id="a 404 of something else"),
        pytest.param(http(400, {"errors": [{}]}), Kind.REFUSED, Kind.REFUSED, id="errors that are objects"),
        pytest.param(http(400, {"errors": 7}), Kind.REFUSED, Kind.REFUSED, id="errors that are a number"),
        pytest.param(http(302, b"", Location="/ui/"), Kind.CONFIGURATION, Kind.CONFIGURATION, id="302"),
        pytest.param(http(301, b"", Location="/ui/"), Kind.CONFIGURATION, Kind.CONFIGURATION, id="301"),
        pytest.param(http(299, {"data": {}}), Kind.NONSENSE, Kind.UNKNOWN, id="a strange status"),
        pytest.param(http(200, DATA, Content_Encoding="br"), Kind.NONSENSE, Kind.UNKNOWN, id="brotli"),
        pytest.param(http(200, DATA, Content_Encoding="gzip"), Kind.NONSENSE, Kind.UNKNOWN, id="not gzip"),
        pytest.param(http(200, BOMB, Content_Encoding="gzip"), Kind.NONSENSE, Kind.UNKNOWN, id="a bomb"),
        pytest.param(http(200, BOMB, Content_Encoding="gzip, gzip"), Kind.NONSENSE, Kind.UNKNOWN, id="a bomb in a bomb"),
        pytest.param(closing(HEAD + b"Content-Length: 100\r\n\r\n{"), Kind.UNREACHABLE, Kind.UNKNOWN, id="half a body"),
        pytest.param(
            closing(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{"), Kind.UNREACHABLE, Kind.UNKNOWN, id="half a chunk"
        ),
        pytest.param(closing(HEAD), Kind.NONSENSE, Kind.UNKNOWN, id="half a head"),
        pytest.param(closing(b"SSH-2.0-OpenSSH_9.2\r\n"), Kind.UNREACHABLE, Kind.UNKNOWN, id="another protocol"),
        pytest.param(closing(), Kind.UNREACHABLE, Kind.UNKNOWN, id="a close after the request"),
        pytest.param(resetting, Kind.UNREACHABLE, Kind.UNKNOWN, id="a reset after the request"),
        pytest.param(http(500, HTML, Content_Type="text/html"), Kind.UNREACHABLE, Kind.UNKNOWN, id="500"),
        pytest.param(http(502, HTML, Content_Type="text/html"), Kind.UNREACHABLE, Kind.UNKNOWN, id="502"),
        pytest.param(http(503, {"errors": ["Vault is sealed"]}), Kind.SEALED, Kind.SEALED, id="503"),
        pytest.param(http(501, {"errors": []}), Kind.SEALED, Kind.SEALED, id="501"),
    ],
)
def test_every_bad_answer_is_an_error_that_says_what_to_do(answer: bytes | Act, of_read: Kind, of_write: Kind | None) -> None:
    """What is asked for may be read again; what was to be changed may have been, unless the answer says otherwise."""
    script = Vault(bad=answer)
    with serving(script) as server, client_of(connection(server.url), Clock()) as client:
        with failing() as read:
            client.read("bad")
        assert (read[0].kind, read[0].connection, read[0].path) == (of_read, "main", "bad")
        if of_write is None:
            assert client.write("bad", {"a": 1}).data == {}
        else:
            with failing() as written:
                client.write("bad", {"a": 1})
            assert written[0].kind == of_write
        assert server.lines.count("POST /v1/bad") == 1
        assert all(len(line) < 700 and line.isprintable() for line in (str(read[0]), read[0].advice))


@pytest.mark.parametrize("answer", [closing(), resetting, http(502, HTML), closing(HEAD + b"Content-Length: 100\r\n\r\n{")])
def test_what_may_be_repeated_is(answer: bytes | Act) -> None:
    """Reading, deleting and what is declared repeatable come through after a cut; a plain write is sent once."""
    script = Vault().say("GET a", answer, answer, DATA).say("DELETE b", answer, http(204))
    script.say("POST c", answer, DATA).say("POST d", answer, DATA)
    with serving(script) as server, client_of(connection(server.url), Clock()) as client:
        assert client.read("a").data == {"value": 1}
        client.delete("b")
        assert client.write("c", {}, repeatable=True).data == {"value": 1}
        with failing() as found:
            client.write("d", {})
        assert found[0].kind is Kind.UNKNOWN
        assert calls(server) == ["GET /v1/a"] * 3 + ["DELETE /v1/b"] * 2 + ["POST /v1/c"] * 2 + ["POST /v1/d"]


@pytest.mark.parametrize("answer", [dropping(HEAD + b"\r\n" + b" " * 1000), dropping(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)])
def test_a_server_that_drips_gets_no_more_time_than_a_silent_one(answer: Act) -> None:
    """The deadline is that of the whole call, not of each read."""
    with serving(Vault(slow=answer)) as server, client_of(connection(server.url, deadline=0.5)) as client:
        begun = time.monotonic()
        with failing() as found:
            client.read("slow")
        assert (found[0].kind, time.monotonic() - begun < 2) == (Kind.UNREACHABLE, True)
        with failing() as found:
            client.write("slow", {})
        assert (found[0].kind, time.monotonic() - begun < 3) == (Kind.UNKNOWN, True)


def test_a_body_without_an_end_is_cut_off() -> None:
    """No more is held than the largest body, and the server is not listened to any longer."""
    answer = endless(HEAD + b"\r\n", bytes(1 << 20), 200 << 20)
    with serving(Vault(large=answer)) as server, client_of(connection(server.url)) as client, failing() as found:
        client.read("large")
    assert (found[0].kind, f"{bodies.LARGEST >> 20} MiB" in str(found[0])) == (Kind.NONSENSE, True)


@pytest.mark.parametrize("packing", ["gzip", "x-gzip", "deflate"])
def test_an_answer_that_was_packed_on_the_way_is_read(packing: str) -> None:
    """Something between may pack although we ask for nothing."""
    import zlib  # noqa: PLC0415 - only here

    body = b'{"data": {"value": 1}}'
    packed = zlib.compress(body) if packing == "deflate" else gzip.compress(body)
    answer = http(200, packed, Content_Encoding=packing)
    with serving(Vault(packed=answer)) as server, client_of(connection(server.url)) as client:
        assert client.read("packed").data == {"value": 1}
        assert server.requests[-1].headers["accept-encoding"] == "identity"


def test_a_connection_that_was_idle_carries_no_write() -> None:
    """The server may close an idle connection in the moment that a request goes out, and nobody would know."""
    with serving(Vault(a=DATA)) as server, client_of(connection(server.url)) as client:
        for _ in range(5):
            client.read("a")
        before = server.connections
        client.write("a", {})
        client.write("a", {})
        client.write("a", {}, repeatable=True)
        assert (before, server.connections) == (1, 3)


def test_a_connection_that_the_server_closed_meanwhile_is_not_used() -> None:
    """Each answer is followed by a close that was not announced, and every call comes through on the first try."""
    with serving(Vault(a=closing(DATA))) as server, client_of(connection(server.url), Clock()) as client:
        for _ in range(5):
            assert client.read("a").data == {"value": 1}
            time.sleep(0.05)
        assert calls(server) == ["GET /v1/a"] * 5


def test_cookies_are_not_kept() -> None:
    """A cookie is a state that nobody declared."""
    answer = http(200, {"data": {}}, Set_Cookie="route=a; Path=/")
    with serving(Vault(a=answer)) as server, client_of(connection(server.url)) as client:
        client.read("a")
        client.read("a")
        assert [each.headers.get("cookie") for each in server.requests] == [None] * 3

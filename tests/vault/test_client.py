"""Calls: what is asked, how often, of which server, and for how long."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from reconciler.vault.errors import Kind
from tests.vault.hostile import Received, http, serving
from tests.vault.scene import ENVIRON, Clock, Vault, calls, client_of, connection, failing

DATA = http(200, {"data": {"value": 1}, "warnings": ['TTL of "24h" is longer than permitted maxTTL']})
GONE = "http://127.0.0.1:1"
BUSY = http(429, {"errors": ["rate limit quota exceeded"]}, Retry_After="7")
SEALED = http(503, {"errors": ["Vault is sealed"]})


def test_the_calls_of_the_api() -> None:
    """Each method of the client is one request, with a path that is quoted."""
    script = Vault().say("GET a/b%20c%3F", DATA).say("LIST a", http(200, {"data": {"keys": ["x", "y/"]}}))
    script.say("POST a", DATA).say("DELETE a", http(204)).say(
        "GET crl", http(200, b"\x30\x82", Content_Type="application/pkix-crl")
    )
    script.say("GET empty", http(204))
    with serving(script) as server, client_of(connection(server.url)) as client:
        read = client.read("/a/b c?", {"version": "2", "q": "x&y"})
        assert (read.data, read.warnings) == ({"value": 1}, ('TTL of "24h" is longer than permitted maxTTL',))
        assert (client.list("a/"), client.list("none")) == (("x", "y/"), ())
        assert client.write("a", {"common_name": "ünï"}).data == {"value": 1}
        client.delete("a")
        assert (client.raw("crl"), client.raw("empty")) == (b"\x30\x82", b"")
        assert calls(server) == [
            "GET /v1/a/b%20c%3F?version=2&q=x%26y", "LIST /v1/a", "LIST /v1/none", "POST /v1/a", "DELETE /v1/a",
            "GET /v1/crl", "GET /v1/empty",
        ]  # fmt: skip
        assert server.requests[4].json == {"common_name": "ünï"}
        assert [name for name in vars(client) if "value" in repr(read)] == []


@pytest.mark.parametrize("path", ["", "a//b", "a/../b", "..", "./a", "a/.", "a\nb", "a\x00"])
def test_a_path_that_leads_elsewhere_is_not_sent(path: str) -> None:
    """Dots would be resolved on the way: what a name says never chooses another place."""
    with serving(Vault()) as server, client_of(connection(server.url)) as client:
        with failing() as found:
            client.read(path)
        assert (found[0].kind, server.connections) == (Kind.REFUSED, 0)


def test_absent_is_told_from_no_engine() -> None:
    """A list of names below a path that no engine has is no empty list."""
    nobody = http(404, {"errors": ['no handler for route "nobody/a". route entry not found.']})
    with serving(Vault(nobody=nobody)) as server, client_of(connection(server.url)) as client:
        for call in (lambda: client.read("nobody"), lambda: client.list("nobody")):
            with failing() as found:
                call()
            assert (found[0].kind, "no engine" in str(found[0])) == (Kind.ABSENT, True)


def test_patience_when_the_server_asks_for_it() -> None:
    """429 is waited for as long as it asks, whatever the request, and 412 with growing pauses."""
    stale = http(412, {"errors": ["required index state not present"]})
    script = Vault().say("POST a", BUSY, DATA).say("GET b", stale, stale, DATA)
    clock = Clock()
    with serving(script) as server, client_of(connection(server.url), clock) as client:
        assert client.write("a", {}).data == {"value": 1}
        assert client.read("b").data == {"value": 1}
        assert clock.slept == [7.0, 0.125, 0.25]
        assert calls(server) == ["POST /v1/a"] * 2 + ["GET /v1/b"] * 3


def test_more_patience_than_there_is_time_for() -> None:
    """Nothing is waited for in vain: the caller hears at once how long it would take."""
    clock = Clock()
    with serving(Vault(a=BUSY)) as server, client_of(connection(server.url, deadline=5), clock) as client:
        with failing() as found:
            client.read("a")
        assert (found[0].kind, found[0].retry_after, found[0].status, clock.slept) == (Kind.BUSY, 7.0, 429, [])


def test_the_budget_of_a_call() -> None:
    """A server that fails is asked five times, with pauses that grow."""
    clock = Clock()
    failed = http(500, {"errors": ["internal error"]})
    with serving(Vault(a=failed)) as server, client_of(connection(server.url), clock) as client:
        with failing() as found:
            client.read("a")
        assert (found[0].kind, found[0].messages) == (Kind.UNREACHABLE, ("internal error",))
        assert (len(calls(server)), clock.slept) == (5, [0.125, 0.25, 0.5, 1.0])


def test_a_sealed_server_is_asked_once() -> None:
    """No login, no pause: somebody has to unseal it. What it says is told."""
    clock = Clock()
    script = Vault(a=SEALED)
    script.say("POST auth/approle/login", SEALED)
    with serving(script) as server, client_of(connection(server.url), clock) as client:
        with failing() as found:
            client.read("a")
        assert (found[0].kind, found[0].messages, clock.slept) == (Kind.SEALED, ("Vault is sealed",), [])
        assert server.lines == ["POST /v1/auth/approle/login"]


@pytest.mark.parametrize(
    "answer",
    [SEALED, http(501), http(472), http(473), http(500, {"errors": ["local node not active but active cluster node not found"]})],
)
@pytest.mark.parametrize("call", ["read", "write"])
def test_another_node_may_do_better(answer: bytes, call: str) -> None:
    """A node that is sealed, a standby or a secondary has carried nothing out; it is asked last for a while."""
    clock = Clock()
    with serving(Vault(a=answer)) as first, serving(Vault(a=DATA)) as second:
        first.script = lambda _: answer
        with client_of(connection(first.url, second.url), clock) as client:
            for _ in range(3):
                result = client.read("a") if call == "read" else client.write("a", {})
                assert result.data == {"value": 1}
            assert len(first.requests) == 1
            clock.now += 31
            client.read("a")
            assert len(first.requests) == 2


def test_a_performance_standby_that_answers_has_answered() -> None:
    """Its status is fine for what it reads."""
    with serving(Vault(a=http(473, {"data": {"value": 1}}))) as server, client_of(connection(server.url)) as client:
        assert client.read("a").data == {"value": 1}
        with failing() as found:
            client.write("a", {})
        assert found[0].kind is Kind.SEALED


def test_an_address_where_nobody_listens_is_passed_over() -> None:
    """Nothing was sent, so a write goes to the next one, too."""
    with serving(Vault(a=DATA)) as server, client_of(connection(GONE, server.url), Clock()) as client:
        assert client.write("a", {}).data == {"value": 1}
        assert calls(server) == ["POST /v1/a"]


def test_an_address_that_swallows_packets_leaves_time_for_the_others() -> None:
    """A listener whose queue is full never answers a connection."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        stuffed = [socket.socket() for _ in range(4)]
        try:
            for one in stuffed:
                one.setblocking(False)
                one.connect_ex(full.getsockname())
            time.sleep(0.05)
            swallowing = f"http://127.0.0.1:{full.getsockname()[1]}"
            with serving(Vault(a=DATA)) as server, client_of(connection(swallowing, server.url, deadline=4)) as client:
                assert client.write("a", {}).data == {"value": 1}
        finally:
            for one in stuffed:
                one.close()


def test_nobody_anywhere() -> None:
    """All addresses, a few times, and what is wrong with the last of them."""
    clock = Clock()
    with client_of(connection(GONE, "https://127.0.0.1:2"), clock) as client:
        with failing() as found:
            client.write("a", {})
        assert (found[0].kind, "nothing listens" in str(found[0]), len(clock.slept)) == (Kind.UNREACHABLE, True, 4)


def test_a_name_that_has_no_address() -> None:
    """Told as that."""
    with client_of(connection("https://vault.invalid:8200"), Clock()) as client, failing() as found:
        client.read("a")
    assert (found[0].kind, "vault.invalid" in str(found[0])) == (Kind.UNREACHABLE, True)


def test_a_write_that_was_cut_off_goes_to_no_other_server() -> None:
    """It may have been carried out."""

    def script(received: Received) -> bytes:
        return b"" if received.target == "/v1/a" else Vault()(received)  # type: ignore[return-value]

    with serving(Vault(a=DATA)) as second, serving(script) as first:
        with client_of(connection(first.url, second.url, deadline=0.5)) as client, failing() as found:
            client.write("a", {})
        assert (found[0].kind, calls(second)) == (Kind.UNKNOWN, [])


def test_no_more_requests_at_a_time_than_declared() -> None:
    """Others wait for their turn, and log in but once."""
    lock, now, most = threading.Lock(), [0], [0]
    answer = Vault(a=DATA)

    def script(received: Received) -> object:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.03)
        with lock:
            now[0] -= 1
        return answer(received)

    with serving(script) as server, client_of(connection(server.url, requests=2)) as client:  # type: ignore[arg-type]
        threads = [threading.Thread(target=client.read, args=("a",)) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (most, server.lines.count("POST /v1/auth/approle/login"), len(calls(server))) == ([2], 1, 10)


def test_hvac_on_our_transport() -> None:
    """Its classes of the API send through the client, and raise its errors."""
    from hvac.api.secrets_engines import Pki  # noqa: PLC0415 - as its users do

    script = Vault().say("GET pki/role/x", DATA).say("LIST pki/roles", http(200, {"data": {"keys": ["r"]}}))
    script.say("POST pki/sign/r", http(400, {"errors": ["common name b.example not allowed by this role"]}))
    with serving(script) as server, client_of(connection(server.url)) as client:
        pki = Pki(adapter=client.adapter)
        assert pki.list_roles(mount_point="pki")["data"] == {"keys": ["r"]}
        with failing() as found:
            pki.sign_certificate("r", "CSR", "b.example", mount_point="pki")
        assert found[0].kind is Kind.REFUSED
        assert str(found[0]) == (
            "connection main, pki/sign/r: it refuses the request (common name b.example not allowed by this role)"
        )
        assert server.requests[-1].json == {"csr": "CSR", "common_name": "b.example"}


def test_what_a_server_echoes_is_not_told() -> None:
    """Errors may repeat the request: tokens and keys do not come out."""
    said = [f"bad request: token={ENVIRON['TOKEN']} and -----BEGIN PRIVATE KEY-----\nMIG", f"with {ENVIRON['TOKEN']}", "SAN a.b"]
    with serving(Vault(a=http(400, {"errors": said}))) as server, client_of(connection(server.url)) as client:
        with failing() as found:
            client.write("a", {})
        assert found[0].messages == ("[not shown: it holds a private key]", "with [secret]", "SAN a.b")

"""The scripted server misbehaves as it is told, and knows what it was asked."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.vault_server import clocks
from tests.vault_server.api import Reply, Vault
from tests.vault_server.csr import Csr
from tests.vault_server.pki_mounts import PkiMount
from tests.vault_server.script import HTML, SEALED, Mean, Misbehaviour, busy, gzip_bomb, redirect
from tests.vault_server.server import VaultServer, vault_server
from tests.vault_server.wire import Refused


def over(server: VaultServer) -> Vault:
    """Raw calls to it."""
    return Vault(server.address, server.root_token, scripted=server)


@pytest.fixture
def kv(server: VaultServer) -> Vault:
    """A server with ``secret/`` and ``secret/data/a``."""
    server.call("POST", "sys/mounts/secret", {"type": "kv", "options": {"version": "2"}})
    server.call("POST", "secret/data/a", {"data": {"x": "1"}})
    return over(server)


def read(vault: Vault) -> Reply:
    """Reads the secret."""
    return vault.call("GET", "secret/data/a")


def write(vault: Vault, cas: int) -> Reply:
    """Writes the secret."""
    return vault.call("POST", "secret/data/a", {"data": {"x": "2"}, "options": {"cas": cas}})


def test_the_nth_request_that_fits_goes_wrong(kv: Vault, server: VaultServer) -> None:
    """And so many after it; others are answered as they should be."""
    server.script.on("GET", "secret/data/*", SEALED, nth=2, times=2)
    assert [read(kv).status for _ in range(5)] == [200, 503, 503, 200, 200]
    server.script.on("*", "secret/*", SEALED, times=0)
    assert [read(kv).status, read(kv).status, kv.call("GET", "sys/health").status] == [503, 503, 200]
    server.script.clear()
    assert read(kv).status == 200


def test_answers_come_one_after_the_other(kv: Vault, server: VaultServer) -> None:
    """As a list says."""
    server.script.answers("GET", "secret/data/a", [busy(7), busy(1, 503), Misbehaviour(status=412), HTML, redirect("http://x/")])
    told = [read(kv) for _ in range(6)]
    assert [reply.status for reply in told] == [429, 503, 412, 200, 307, 200]
    assert [told[0].headers["retry-after"], told[3].headers["content-type"][:9], told[4].headers["location"]] == [
        "7",
        "text/html",
        "http://x/",
    ]


def test_a_request_that_is_cut_before_is_not_carried_out(kv: Vault, server: VaultServer) -> None:
    """One that is cut after is."""
    server.script.on("POST", "secret/data/a", Misbehaviour(cut="before"))
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        write(kv, 1)
    assert read(kv).data["data"] == {"x": "1"}
    server.script.on("POST", "secret/data/a", Misbehaviour(cut="after"))
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        write(kv, 1)
    assert read(kv).data["data"] == {"x": "2"}
    written = server.log.entries("POST", "secret/data/a")
    assert [(entry.status, entry.processed) for entry in written] == [(0, False), (0, True)]


def test_half_a_body_is_less_than_was_promised(kv: Vault, server: VaultServer) -> None:
    """The client notices by the length."""
    server.script.on("GET", "secret/data/a", Misbehaviour(cut="body"))
    with pytest.raises((ConnectionError, http.client.IncompleteRead)):
        read(kv)
    assert read(kv).status == 200


def test_answers_can_be_late_and_slow_and_large(kv: Vault, server: VaultServer) -> None:
    """By seconds before, seconds between bytes, and bytes."""
    server.script.on("GET", "secret/data/a", Misbehaviour(delay=0.3))
    server.script.on("GET", "secret/data/a", Misbehaviour(drip=0.01), nth=2)
    server.script.on("GET", "secret/data/a", Misbehaviour(huge=3_000_000), nth=3)
    begun = time.monotonic()
    assert read(kv).status == 200
    assert time.monotonic() - begun >= 0.3
    begun = time.monotonic()
    assert read(kv).data["data"] == {"x": "1"}
    assert time.monotonic() - begun >= 1
    assert len(read(kv).raw) == 3_000_000


def test_an_answer_can_come_too_late(kv: Vault, server: VaultServer) -> None:
    """All is done before the wait; closing the server ends it."""
    server.script.on("POST", "secret/data/a", Misbehaviour(late=60))
    with socket.create_connection(("127.0.0.1", server.port)) as waiting:
        body = b'{"data":{"x":"2"}}'
        head = f"POST /v1/secret/data/a HTTP/1.1\r\nX-Vault-Token: root\r\nContent-Length: {len(body)}\r\n\r\n"
        waiting.sendall(head.encode() + body)
        deadline = time.monotonic() + 5
        while read(kv).data["data"] != {"x": "2"}:
            assert time.monotonic() < deadline
        begun = time.monotonic()
        server.close()
        assert time.monotonic() - begun < 3


def test_what_is_packed_can_be_larger_than_it_looks(kv: Vault, server: VaultServer) -> None:
    """By a thousand times."""
    server.script.on("GET", "secret/data/a", gzip_bomb(1_000_000))
    reply = read(kv)
    assert (reply.headers["content-encoding"], len(reply.raw) < 2000, len(gzip.decompress(reply.raw))) == (
        "gzip",
        True,
        1_000_000,
    )


def test_two_nodes_have_one_state(kv: Vault, server: VaultServer) -> None:
    """And each its own script and log; one may send the client to the other."""
    with vault_server(twin=server) as other:
        assert read(over(other)).data["data"] == {"x": "1"}
        other.script.on("*", "*", redirect(f"{server.address}{{target}}"), times=0)
        assert read(over(other)).headers["location"] == f"{server.address}/v1/secret/data/a"
        assert write(kv, 1).status == 200
        assert (other.log.count(), server.log.count()) == (2, 1)


def test_vault_has_less_than_openbao() -> None:
    """No ``certs/detailed``, no ``not_before`` with a certificate."""
    with vault_server(flavour="vault") as server:
        mount = PkiMount(over(server))
        mount.root("r1")
        mount.role("any", ttl="1h")
        reply = mount.signed("any", Csr(common_name="x"))
        assert set(reply.data) == {"ca_chain", "certificate", "expiration", "issuing_ca", "serial_number"}
        assert (mount.list("certs/detailed").status, mount.list("certs").status) == (404, 200)
        assert mount.get("roles/any").data["not_before"] == ""


def test_a_body_can_be_replaced_after_all_was_done(kv: Vault, server: VaultServer) -> None:
    """The engine has carried it out."""
    server.script.on("POST", "secret/data/a", Misbehaviour(body=b'{"errors":[{}]}'))
    reply = write(kv, 1)
    assert (reply.status, reply.raw, read(kv).data["data"]) == (200, b'{"errors":[{}]}', {"x": "2"})


def test_a_client_that_hangs_up_stops_nobody(kv: Vault, server: VaultServer) -> None:
    """Nor does one that says nothing."""
    silent = socket.create_connection(("127.0.0.1", server.port))
    half = socket.create_connection(("127.0.0.1", server.port))
    half.sendall(b"POST /v1/secret/data/a HTTP/1.1\r\nContent-Length: 100\r\n\r\n{")
    assert read(kv).status == 200
    silent.close()
    half.close()
    assert read(kv).status == 200


def test_a_sealed_server_says_503_to_all_but_health(kv: Vault, server: VaultServer) -> None:
    """Whose own status says so, too, unless it is asked for another."""
    server.seal()
    assert [read(kv).status, kv.call("POST", "auth/token/renew-self", {}).status, kv.call("GET", "nowhere").status] == [503] * 3
    assert read(kv).errors == ["Vault is sealed"]
    health = kv.call("GET", "sys/health", token="")
    assert (health.status, health.body["sealed"]) == (503, True)
    assert kv.call("GET", "sys/health", params={"sealedcode": "299"}).status == 299
    server.unseal()
    assert read(kv).status == 200


@pytest.mark.parametrize(("standby", "status"), [("standby", 429), ("performance", 473), ("secondary", 472)])
def test_health_of_a_server_that_is_not_active(server: VaultServer, standby: str, status: int) -> None:
    """A status for each kind."""
    server.world.standby = standby
    assert over(server).call("GET", "sys/health").status == status


def test_health_of_a_server_that_is_not_initialized(server: VaultServer) -> None:
    """501; all else is 503."""
    server.world.initialized = False
    assert [over(server).call("GET", path).status for path in ("sys/health", "sys/mounts")] == [501, 503]


def test_the_log_knows_requests_and_no_secrets(kv: Vault, server: VaultServer) -> None:
    """Accessors, not tokens; keys of bodies, not values."""
    write(kv, 1)
    kv.call("GET", "sys/health", token="")
    kv.call("POST", "auth/nowhere/login", {"role_id": "r", "secret_id": "hidden"}, token="")
    root = server.world.tokens.tokens[server.root_token]
    told = [(entry.method, entry.path, entry.accessor, entry.token_sent, entry.keys) for entry in server.log.entries()]
    assert told == [
        ("POST", "secret/data/a", root.accessor, True, ("data", "options")),
        ("GET", "sys/health", "", False, ()),
        ("POST", "auth/nowhere/login", "", False, ("role_id", "secret_id")),
    ]
    assert (server.log.logins, server.log.tokens_sent) == (1, 1)
    assert "hidden" not in repr(server.log.entries())
    assert server.log.entries()[0].host == f"127.0.0.1:{server.port}"


def test_certificates_that_live_are_counted_by_key(server: VaultServer) -> None:
    """Those that are not stored, too; not those of CAs, nor what is revoked."""
    mount = PkiMount(over(server))
    mount.root("r1")
    mount.role("any", ttl="1h", no_store=True)
    csr = Csr(common_name="x")
    first, _ = (mount.signed("any", csr) for _ in range(2))
    mount.signed("any", Csr(common_name="x"))
    assert sorted(server.live_certificates().values()) == [1, 2]
    mount.post("revoke", {"certificate": first.data["certificate"]})
    assert sorted(server.live_certificates().values()) == [1, 1]
    assert sum(server.live_certificates(with_cas=True).values()) == 3


def test_the_time_can_be_moved() -> None:
    """Tokens and certificates age with it."""
    clock = clocks.Manual(datetime(2026, 1, 2, tzinfo=UTC))
    with vault_server(clock=clock) as server:
        vault = over(server)
        token = vault.token("default", ttl="20s")
        mount = PkiMount(vault)
        mount.root("r1")
        mount.role("any", ttl="1h")
        mount.signed("any", Csr(common_name="x"))
        statuses = []
        for _ in range(3):
            statuses.append(vault.call("GET", "auth/token/lookup-self", token=token).status)
            clock.advance(timedelta(seconds=10))
        assert (statuses, sum(server.live_certificates().values())) == ([200, 200, 403], 1)
        clock.advance(timedelta(hours=1))
        assert sum(server.live_certificates().values()) == 0


def test_fields_that_are_not_known_are_only_told_of_when_it_is_lenient() -> None:
    """As a real server does."""
    with vault_server(strict=False) as server:
        reply = over(server).call("POST", "sys/mounts/kv", {"type": "kv", "options": {"version": "2"}, "colour": "red"})
        assert reply.status == 204
        reply = over(server).call("POST", "kv/data/a", {"data": {}, "colour": "red"})
        assert reply.warnings == ["Endpoint ignored these unrecognized parameters: [colour]"]


def test_a_mistake_of_the_server_itself_is_not_passed_over() -> None:
    """It is answered by 500, and raised when the server is closed."""
    server = VaultServer()
    server.listen()
    server.world.namespaces[""].mounts["sys/"].engine = None  # type: ignore[assignment]
    assert over(server).call("GET", "sys/mounts").status == 500
    with pytest.raises(ExceptionGroup) as caught:
        server.close()
    assert [type(problem) for problem in caught.value.exceptions] == [AttributeError]


def test_the_engines_can_be_asked_past_http(server: VaultServer) -> None:
    """For what a test prepares: neither script nor log see it."""
    server.script.on("*", "*", SEALED, times=0)
    server.call("POST", "sys/mounts/secret", {"type": "kv", "options": {"version": "2"}})
    with pytest.raises(Refused):
        server.call("GET", "secret/data/a")
    assert server.log.count() == 0


def patient(vault: Vault, method: str, path: str, body: dict[str, object] | None = None) -> Reply:
    """A client that repeats until there is an answer: only for what may be repeated."""
    for _ in range(10):
        try:
            reply = vault.call(method, path, body)
            json.loads(reply.raw or b"{}")
        except (OSError, http.client.HTTPException, ValueError):
            continue
        if reply.status not in {412, 429, 502, 503}:
            return reply
    msg = f"no answer to {method} {path}"
    raise AssertionError(msg)


@pytest.mark.parametrize("seed", range(5))
def test_a_patient_client_succeeds_with_a_mean_server(seed: int) -> None:
    """Which does go wrong, in every way, and never too often in a row."""
    mean = Mean(seed)
    with vault_server(mean=mean) as server:
        server.call("POST", "sys/mounts/secret", {"type": "kv", "options": {"version": "2"}})
        vault = over(server)
        for number in range(40):
            path = f"secret/data/{number % 4}"
            assert patient(vault, "POST", path, {"data": {"n": number}}).status == 200
            assert patient(vault, "GET", path).data["data"] == {"n": number}
    assert sum(mean.happened.values()) > 10


def test_a_seed_decides_what_goes_wrong() -> None:
    """The same seed, the same requests, the same misbehaviour."""

    def story(seed: int) -> list[tuple[int, bool]]:
        with vault_server(mean=Mean(seed)) as server:
            vault = over(server)
            for _ in range(30):
                try:
                    vault.call("GET", "auth/token/lookup-self")
                except (OSError, http.client.HTTPException):
                    continue
            return [(entry.status, entry.processed) for entry in server.log.entries()]

    assert story(1) == story(1)
    assert story(1) != story(2)

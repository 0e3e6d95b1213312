"""Who the server is: every way in which its certificate can be wrong is fatal and has a name, and nothing is sent."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from reconciler.desired.vault import Auth
from reconciler.vault.errors import Kind
from tests.vault.authorities import ours, server_context, strange
from tests.vault.hostile import Hostile, http, serving
from tests.vault.scene import Clock, Vault, client_of, connection, failing

DATA = http(200, {"data": {"value": 1}})


@pytest.mark.parametrize(
    ("pair", "problem"),
    [
        pytest.param(lambda: strange().pair("127.0.0.1"), "is not from a CA in {ca}", id="another CA"),
        pytest.param(lambda: ours().pair("127.0.0.1", begins=-3, ends=-1), "has expired", id="expired"),
        pytest.param(lambda: ours().pair("127.0.0.1", begins=1), "is not yet valid", id="not yet valid"),
        pytest.param(lambda: ours().pair("127.0.0.2"), "is not for the name 127.0.0.1", id="another address"),
        pytest.param(lambda: ours().pair("localhost"), "is not for the name 127.0.0.1", id="a name"),
    ],
)
def test_a_certificate_that_does_not_verify_is_fatal_and_named(
    pair: object, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address with the wrong certificate is not passed over for a second one that is right."""
    assert callable(pair)
    (tmp_path / "good").mkdir()
    ca = ours().file(tmp_path)
    # With what the environment says the other CA would be trusted.
    (tmp_path / "strange.pem").write_bytes(strange().pem)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "VAULT_CACERT"):
        monkeypatch.setenv(name, str(tmp_path / "strange.pem"))
    good = server_context(tmp_path / "good", ours().pair("127.0.0.1"))
    with (
        serving(Vault(a=DATA), server_context(tmp_path, pair())) as bad,
        serving(Vault(a=DATA), good) as other,
        client_of(connection(bad.url, other.url, ca_file=ca)) as client,
        failing() as found,
    ):
        client.read("a")
    assert (found[0].kind, found[0].retryable) == (Kind.CONFIGURATION, False)
    assert problem.format(ca=ca) in str(found[0])
    assert (bad.requests, bad.connections, other.connections) == ([], 1, 0)


def test_the_right_certificate_is_accepted(tmp_path: Path) -> None:
    """By the address, or by the name that is declared for it."""
    ca = ours().file(tmp_path)
    with (
        serving(Vault(a=DATA), server_context(tmp_path, ours().pair("127.0.0.1", "vault.internal"))) as server,
        client_of(connection(server.url, ca_file=ca)) as plain,
        client_of(connection(server.url, ca_file=ca, server_name="vault.internal")) as pinned,
    ):
        assert [client.read("a").data for client in (plain, pinned)] == [{"value": 1}] * 2


def test_a_pinned_name_is_the_only_one_that_counts(tmp_path: Path) -> None:
    """A certificate for the address is not enough when another name is declared."""
    ca = ours().file(tmp_path)
    with (
        serving(Vault(a=DATA), server_context(tmp_path, ours().pair("127.0.0.1"))) as server,
        client_of(connection(server.url, ca_file=ca, server_name="vault.internal")) as client,
        failing() as found,
    ):
        client.read("a")
    assert (found[0].kind, "is not for the name vault.internal" in str(found[0])) == (Kind.CONFIGURATION, True)


@pytest.mark.parametrize("content", [None, b"", b"not a certificate\n"])
def test_a_ca_file_that_cannot_be_used_is_named(content: bytes | None, tmp_path: Path) -> None:
    """Missing, empty or something else: nothing is trusted in its place."""
    ca = tmp_path / "ca.pem"
    if content is not None:
        ca.write_bytes(content)
    with (
        serving(Vault(a=DATA), server_context(tmp_path, ours().pair("127.0.0.1"))) as server,
        client_of(connection(server.url, ca_file=str(ca))) as client,
        failing() as found,
    ):
        client.read("a")
    assert (found[0].kind, str(ca) in str(found[0]), server.connections) == (Kind.CONFIGURATION, True, 0)


def test_a_ca_file_that_was_replaced_is_read_again(tmp_path: Path) -> None:
    """Vault's own CA rotates while we run; a file of which only a part was seen changes nothing."""
    (tmp_path / "second").mkdir()
    ca = Path(ours().file(tmp_path))
    with (
        serving(Vault(a=DATA), server_context(tmp_path, ours().pair("127.0.0.1"))) as first,
        serving(Vault(a=DATA), server_context(tmp_path / "second", strange().pair("127.0.0.1"))) as second,
        client_of(connection(first.url, second.url, ca_file=str(ca))) as client,
    ):
        assert client.read("a").data == {"value": 1}
        ca.write_bytes(b"-----BEGIN CERT")
        assert client.read("a").data == {"value": 1}
        first.stop()
        ca.write_bytes(strange().pem)
        assert client.read("a").data == {"value": 1}
        assert [each.line for each in second.requests] == ["GET /v1/a"]


@pytest.fixture
def cert_auth(tmp_path: Path) -> Auth:
    """A client certificate of ours."""
    pair = ours().pair("reconciler")
    certificate, key = tmp_path / "client.crt", tmp_path / "client.key"
    certificate.write_bytes(pair)
    key.write_bytes(pair)
    return Auth(method="cert", mount="cert", role="pki", certificate_file=str(certificate), key_file=str(key))


def test_logging_in_by_certificate(tmp_path: Path, cert_auth: Auth) -> None:
    """Every connection presents it; the role goes into the login."""
    context = server_context(tmp_path, ours().pair("127.0.0.1"), clients=ours())
    to = Vault(a=DATA)
    with (
        serving(to, context) as server,
        client_of(connection(server.url, ca_file=ours().file(tmp_path), auth=cert_auth)) as client,
    ):
        assert client.read("a").data == {"value": 1}
        assert (server.lines[0], server.requests[0].json) == ("POST /v1/auth/cert/login", {"name": "pki"})


def test_a_client_certificate_that_the_server_turns_down(tmp_path: Path, cert_auth: Auth) -> None:
    """The alert comes after the handshake in TLS 1.3, with the first answer: it is told as what it is."""
    context = server_context(tmp_path, ours().pair("127.0.0.1"), clients=strange())
    with serving(Vault(a=DATA), context) as server:
        to = connection(server.url, ca_file=ours().file(tmp_path), auth=cert_auth)
        with client_of(to) as client, failing() as found:
            client.read("a")
    assert (found[0].kind, "turns our client certificate down" in str(found[0])) == (Kind.CONFIGURATION, True)


@pytest.mark.parametrize("broken", ["missing", "encrypted"])
def test_a_client_pair_that_cannot_be_used_is_named(broken: str, tmp_path: Path, cert_auth: Auth) -> None:
    """Nobody is asked for a passphrase."""
    path = Path(cert_auth.key_file)
    if broken == "missing":
        path.unlink()
    else:
        key = ec.generate_private_key(ec.SECP256R1())
        path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")))
    to = connection("https://127.0.0.1:1", ca_file=ours().file(tmp_path), auth=cert_auth)
    with client_of(to) as client, failing() as found:
        client.read("a")
    assert (found[0].kind, str(path) in str(found[0])) == (Kind.CONFIGURATION, True)


def test_a_server_without_tls_is_named(tmp_path: Path) -> None:
    """HTTP at an https address."""
    with serving(Vault()) as server:
        to = connection(server.url.replace("http:", "https:"), ca_file=ours().file(tmp_path))
        with client_of(to, Clock()) as client, failing() as found:
            client.read("a")
    assert found[0].kind in {Kind.CONFIGURATION, Kind.UNREACHABLE}
    assert "TLS" in str(found[0])


@pytest.mark.parametrize(
    "address", ["http://vault.internal:8200", "http://192.0.2.1:8200", "ftp://127.0.0.1", "https://", "https://u:p@127.0.0.1"]
)
def test_an_address_that_no_token_may_go_to(address: str) -> None:
    """HTTP is for loopback alone."""
    with client_of(connection(address)) as client, failing() as found:
        client.read("a")
    assert found[0].kind is Kind.CONFIGURATION


def test_no_verification_cannot_be_asked_for() -> None:
    """There is no way to switch it off, and the code does not have one."""
    folder = Path(__file__).resolve().parents[2] / "reconciler" / "vault"
    off = ("verify=False", "CERT_NONE", "_create_unverified_context", "check_hostname = False", "verify_mode = ")
    assert [path.name for path in folder.rglob("*.py") if any(text in path.read_text(encoding="utf-8") for text in off)] == []


def test_the_log_shows_no_token(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """At its most talkative, with everything that the libraries below say."""
    caplog.set_level(logging.DEBUG)
    server: Hostile
    with serving(Vault(a=DATA), server_context(tmp_path, ours().pair("127.0.0.1"))) as server:
        to = connection(server.url, ca_file=ours().file(tmp_path))
        with client_of(to) as client:
            client.read("a")
            client.write("a", {"value": "very-secret-value"}, repeatable=True)
        token, secret = server.requests[1].token, "9f7e6d5c-secret-of-ours"
    assert "GET a at https://127.0.0.1" in caplog.text
    assert [text for text in (token, secret, "very-secret-value", "role-of-ours") if text in caplog.text] == []

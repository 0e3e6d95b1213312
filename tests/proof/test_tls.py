"""The handshake: both sides, both versions, and who breaks off why; a key leaves no trace."""

from __future__ import annotations

import os
import re
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.proof.credentials import Credentials, certificates_pem
from reconciler.proof.tls import handshake
from reconciler.proof.trials import stand_in
from reconciler.trust.trial import Refusal
from reconciler.x509.facts import KeyAlgorithm
from reconciler.x509.names import NameConstraints
from tests.builders import NOW, YEAR, Pair, make_ca, make_key, make_leaf

CA = make_ca("kubernetes-ca")
OTHER = make_ca("etcd-ca")
SERVER = make_leaf(CA, "server", sans=("dns:api.example.com", "ip:192.0.2.1"))
CLIENT = make_leaf(CA, "client", sans=(), usages=("client auth",))
VERSIONS = (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2)
UNTRUSTED, PURPOSE, HOST, ADDRESS = 20, 26, 62, 64


def credentials(pair: Pair) -> Credentials:
    """What a party presents: its certificate and the intermediates above it."""
    return Credentials(chain=tuple(each.der for each in pair.chain), key=pair.key)


def trusting(*cas: Pair) -> bytes:
    """A bundle."""
    return certificates_pem([ca.certificate.der for ca in cas])


def meet(
    *,
    client: Pair | None = CLIENT,
    client_trust: Pair | None = CA,
    server: Pair = SERVER,
    server_trust: Pair | None = CA,
    host: str = "api.example.com",
    version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
    strict: bool = False,
) -> Refusal | None:
    """One handshake."""
    return handshake(
        client=credentials(client) if client else None,
        client_anchors=trusting(client_trust) if client_trust else None,
        server=credentials(server),
        server_anchors=trusting(server_trust) if server_trust else None,
        host=host,
        version=version,
        strict=strict,
    )


def why(refusal: Refusal | None) -> tuple[str, int] | None:
    """Who broke off, and with which code."""
    return None if refusal is None else (refusal.by, refusal.code)


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
def test_who_breaks_off_and_why(version: ssl.TLSVersion) -> None:
    """In TLS 1.3 the client is through before the server has judged it: the byte that does not come tells."""
    outcomes = {
        "through": meet(version=version),
        "an address": meet(host="192.0.2.1", version=version),
        "without a client certificate": meet(client=None, server_trust=None, version=version),
        "a certificate that nobody asks for": meet(server_trust=None, version=version),
        "an unverified server": meet(client_trust=None, host="elsewhere", version=version),
        "an unknown server": meet(client_trust=OTHER, version=version),
        "an unknown client": meet(server_trust=OTHER, version=version),
        "no client certificate": meet(client=None, version=version),
        "a server as client": meet(client=SERVER, version=version),
        "a client as server": meet(server=CLIENT, host="", version=version),
        "another name": meet(host="elsewhere.example.com", version=version),
        "another address": meet(host="192.0.2.2", version=version),
    }
    assert {name: why(refusal) for name, refusal in outcomes.items()} == {
        "through": None,
        "an address": None,
        "without a client certificate": None,
        "a certificate that nobody asks for": None,
        "an unverified server": None,
        "an unknown server": ("client", UNTRUSTED),
        "an unknown client": ("server", UNTRUSTED),
        "no client certificate": ("server", 0),
        "a server as client": ("server", PURPOSE),
        "a client as server": ("client", PURPOSE),
        "another name": ("client", HOST),
        "another address": ("client", ADDRESS),
    }


@pytest.mark.parametrize("algorithm", KeyAlgorithm)
def test_every_kind_of_key(algorithm: KeyAlgorithm) -> None:
    """RSA, ECDSA and Ed25519, on either side."""
    server = make_leaf(CA, "server", sans=("dns:api.example.com",), key=make_key("server", algorithm))
    client = make_leaf(CA, "client", sans=(), usages=("client auth",), key=make_key("client", algorithm))
    assert [meet(server=server, client=client, version=version) for version in VERSIONS] == [None, None]


def test_what_is_trusted_is_an_anchor_whoever_signed_it() -> None:
    """An intermediate in a bundle ends the path, as in Go; a server that does not send it needs no more."""
    between = make_ca("between", parent=CA)
    leaf = make_leaf(between, "server", sans=("dns:api.example.com",))
    bare = Pair(certificate=leaf.certificate, key=leaf.key)
    outcomes = [meet(server=bare, client_trust=between), meet(server=bare), meet(server=leaf)]
    assert [why(each) for each in outcomes] == [None, ("client", UNTRUSTED), None]


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
def test_nothing_is_sent_but_what_is_presented(version: ssl.TLSVersion) -> None:
    """OpenSSL would complete a lone leaf from what its side trusts; whoever uses Go would not, and is refused."""
    between = make_ca("between", parent=CA)
    server = make_leaf(between, "server", sans=("dns:api.example.com",))
    client = make_leaf(between, "client", sans=(), usages=("client auth",))
    bare = [Credentials(chain=(pair.certificate.der,), key=pair.key) for pair in (server, client)]
    full = [credentials(pair) for pair in (server, client)]
    both = trusting(between, CA)
    cases = ((bare[0], full[1], trusting(CA), both), (full[0], bare[1], both, trusting(CA)), (full[0], full[1], both, both))
    outcomes = [
        handshake(client=near, client_anchors=trust, server=far, server_anchors=asked, host="api.example.com", version=version)
        for far, near, trust, asked in cases
    ]
    assert [why(each) for each in outcomes] == [("client", UNTRUSTED), ("server", UNTRUSTED), None]


def test_names_of_a_common_name_are_no_host() -> None:
    """Python falls back to the common name unless it is told not to; Go has no such thing."""
    nameless = make_leaf(CA, "api.example.com", sans=(), usages=("client auth",))
    assert why(meet(server=nameless, client_trust=None)) is None
    assert why(meet(server=make_leaf(CA, "api.example.com", sans=("dns:other",)))) == ("client", HOST)


def test_name_constraints_are_enforced() -> None:
    """A CA that may not certify a name does not."""
    narrow = make_ca("narrow", name_constraints=NameConstraints(permitted=("dns:example.org",)))
    leaf = make_leaf(narrow, "server", sans=("dns:api.example.org",))
    assert meet(server=leaf, client_trust=narrow, host="api.example.org") is None


@pytest.mark.parametrize("years", [-3, 3])
def test_dates_are_left_to_others(years: int) -> None:
    """Edges are judged at any time, so no clock of this machine has a say: what is expired or not yet valid gets through."""
    at = NOW + years * YEAR
    ca = make_ca("elsewhen", now=at, lifetime=YEAR)
    leaf = make_leaf(ca, "server", sans=("dns:api.example.com",), now=at, lifetime=YEAR)
    assert meet(server=leaf, client_trust=ca, server_trust=None) is None


def test_strict_is_stricter() -> None:
    """To the letter of RFC 5280 an authority key identifier must be there; without that letter it need not."""
    from cryptography import x509  # noqa: PLC0415 - one test needs it

    from tests.builders import ca_extensions, forge, raw_key  # noqa: PLC0415

    old = forge("old-ca", extensions=ca_extensions())
    names = x509.SubjectAlternativeName([x509.DNSName("api.example.com")])
    leaf = forge(
        "old-leaf",
        issuer="old-ca",
        signer=raw_key("old-ca"),
        public_key=raw_key("old-leaf").public_key(),
        extensions=[(names, False)],
    )
    bare = Credentials(chain=(leaf.der,), key=make_key("old-leaf"))
    outcomes = [
        handshake(
            client=None,
            client_anchors=old.pem,
            server=bare,
            server_anchors=None,
            host="api.example.com",
            version=ssl.TLSVersion.TLSv1_3,
            strict=strict,
        )
        for strict in (False, True)
    ]
    assert outcomes[0] is None
    assert outcomes[1] is not None
    assert outcomes[1].by == "client"


def test_a_key_of_another_certificate_cannot_be_tried() -> None:
    """OpenSSL does not load it, which is nobody's refusal."""
    refusal = handshake(
        client=None,
        client_anchors=None,
        server=Credentials(chain=(SERVER.certificate.der,), key=CLIENT.key),
        server_anchors=None,
        host="",
        version=ssl.TLSVersion.TLSv1_3,
    )
    assert refusal is not None
    assert (refusal.by, refusal.code) == ("none", 0)


def test_the_machine_s_configuration_does_not_decide(tmp_path: Path) -> None:
    """OPENSSL_CONF can lower the security level for everybody: RSA with 1024 bits is refused all the same."""
    (tmp_path / "openssl.cnf").write_text(
        "openssl_conf = main\n[main]\nssl_conf = ssl\n[ssl]\nsystem_default = all\n[all]\nCipherString = DEFAULT@SECLEVEL=0\n"
    )
    code = (
        "import ssl\n"
        "from reconciler.proof import tls\n"
        "context = tls._context(ssl.PROTOCOL_TLS_SERVER, None, None, ssl.TLSVersion.TLSv1_3, strict=False)\n"
        "print(context.security_level)\n"
    )
    environment = {**os.environ, "OPENSSL_CONF": str(tmp_path / "openssl.cnf")}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "2"


def test_a_key_touches_no_disk_and_leaves_no_descriptor(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is loaded through a descriptor in memory, which is closed when OpenSSL has it."""
    seen: list[str] = []
    real = ssl.SSLContext.load_cert_chain

    def load(context: ssl.SSLContext, path: str) -> None:
        seen.append(str(Path(path).readlink()))
        real(context, path)

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", load)
    before = sorted(Path("/proc/self/fd").iterdir())
    assert meet() is None
    assert sorted(Path("/proc/self/fd").iterdir()) == before
    assert seen
    assert all(re.fullmatch(r"/memfd:\S+ \(deleted\)", path) for path in seen)


def test_credentials_show_no_key() -> None:
    """What may end up in a log names the key and does not hold it."""
    shown = repr(credentials(SERVER))
    assert "PRIVATE" not in shown
    assert SERVER.key.facts.spki_sha256 in shown


def test_the_stand_in_is_the_same_for_a_whole_run() -> None:
    """A server whose certificate is not ours: made once, verified by nobody."""
    assert stand_in() is stand_in()
    assert meet(client_trust=None, server=Pair(certificate=SERVER.certificate, key=SERVER.key)) is None

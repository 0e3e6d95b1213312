"""Certificate signing requests: what is asked for stands in them, and only a key of its own signs one."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448
from cryptography.hazmat.primitives.serialization import Encoding

from reconciler.x509 import pem
from reconciler.x509.build import asked_extensions, distinguished_name
from reconciler.x509.csr import read_request, signing_request
from reconciler.x509.errors import Problem, UnreadableError
from reconciler.x509.facts import KeyAlgorithm
from reconciler.x509.keys import PrivateKey
from reconciler.x509.names import NameConstraints, Subject
from reconciler.x509.profile import Request
from tests.builders import NOW, YEAR, make_ca, make_key

REQUEST = Request(
    subject=Subject(common_name="api", organizations=("a", "b")),
    sans=("dns:api.example.com", "ip:192.0.2.1", "uri:spiffe://td/x", "email:a@example.com"),
    usages=("server auth", "client auth"),
    not_before=NOW,
    not_after=NOW + YEAR,
    serial=1,
)
AUTHORITY = Request(
    subject=Subject(common_name="sub"),
    is_ca=True,
    path_length=0,
    name_constraints=NameConstraints(permitted=("dns:example.com",)),
    not_before=NOW,
    not_after=NOW + YEAR,
    serial=1,
)


@pytest.mark.parametrize("request_", [REQUEST, AUTHORITY], ids=["leaf", "authority"])
@pytest.mark.parametrize("algorithm", [a for a in KeyAlgorithm if a not in {KeyAlgorithm.RSA_3072, KeyAlgorithm.RSA_4096}])
def test_a_request_says_what_is_asked_for(request_: Request, algorithm: KeyAlgorithm, tmp_path: Path) -> None:
    """Subject and every extension that the certificate would have but the identifiers; openssl finds the signature good."""
    key = make_key("csr", algorithm)
    made = signing_request(request_, key)
    parsed = x509.load_der_x509_csr(made.der)
    assert (made.spki_sha256, made.subject) == (key.facts.spki_sha256, distinguished_name(request_.subject))
    assert list(parsed.extensions) == list(asked_extensions(request_, key.facts.key))
    assert read_request(made.pem.encode()) == made
    (tmp_path / "csr").write_text(made.pem)
    said = subprocess.run(
        ["openssl", "req", "-in", "csr", "-verify", "-noout"], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert "verify OK" in said.stdout + said.stderr


def test_names_are_critical_when_they_are_all_there_is() -> None:
    """An empty subject makes the alternative names critical (RFC 5280 section 4.2.1.6)."""
    request = Request(
        subject=Subject(), sans=("dns:a.example",), usages=("server auth",), not_before=NOW, not_after=NOW + YEAR, serial=1
    )
    parsed = x509.load_der_x509_csr(signing_request(request, make_key()).der)
    assert parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).critical


def test_a_name_that_stays_stays_to_the_byte() -> None:
    """A CA that is renewed keeps its name as it is encoded, whatever order we would write it in."""
    name = x509.Name(
        [
            x509.NameAttribute(x509.NameOID.COMMON_NAME, "sub"),
            x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "o"),
        ]
    )
    made = signing_request(AUTHORITY, make_key(), subject=name)
    assert x509.load_der_x509_csr(made.der).subject.public_bytes() == name.public_bytes()


def forged() -> bytes:
    """A request whose last byte was changed."""
    der = bytearray(signing_request(REQUEST, PrivateKey.generate(KeyAlgorithm.ED25519)).der)
    der[-1] ^= 1
    return pem.join("CERTIFICATE REQUEST", bytes(der))


def of_a_key(key: ec.EllipticCurvePrivateKey | ed448.Ed448PrivateKey) -> bytes:
    """A request of a raw key."""
    digest = None if isinstance(key, ed448.Ed448PrivateKey) else hashes.SHA256()
    return x509.CertificateSigningRequestBuilder(x509.Name([])).sign(key, digest).public_bytes(Encoding.PEM)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        pytest.param(b"", Problem.EMPTY, id="empty"),
        pytest.param(b"<html>", Problem.NOT_PEM, id="page"),
        pytest.param(make_ca().certificate.pem, Problem.WRONG_TYPE, id="certificate"),
        pytest.param(signing_request(REQUEST, make_key()).pem.encode() * 2, Problem.WRONG_TYPE, id="two"),
        pytest.param(pem.join("CERTIFICATE REQUEST", b"\x30\x00"), Problem.UNPARSABLE, id="nothing inside"),
        pytest.param(forged(), Problem.UNPARSABLE, id="signature"),
        pytest.param(of_a_key(ed448.Ed448PrivateKey.generate()), Problem.WRONG_TYPE, id="ed448"),
    ],
)
def test_what_is_no_request(data: bytes, problem: Problem) -> None:
    """Another type, more than one, a broken signature and keys that are of no use are told apart."""
    with pytest.raises(UnreadableError) as caught:
        read_request(data)
    assert caught.value.problem == problem


def test_nothing_of_the_private_key_is_shown() -> None:
    """Neither the object nor its text holds more than the public key."""
    key = make_key()
    made = signing_request(REQUEST, key)
    private = pem.split(key.pem())[0].der
    assert private[7:39] not in made.der
    assert "der" not in repr(made)

"""Certificates as they are found: ours, kubeadm's, and stranger ones."""

from __future__ import annotations

import hashlib
import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from reconciler.x509 import pem
from reconciler.x509.errors import Problem, UnreadableError
from reconciler.x509.facts import CertificateFacts
from reconciler.x509.names import NameConstraints, Subject
from reconciler.x509.read import Certificate, read_certificates, read_der
from tests.builders import NOW, ca_extensions, forge, make_ca, make_key, make_leaf, raw_key
from tests.clusters.openssl import OpenSSL

CA = make_ca()
LEAF = make_leaf(CA, organizations=("b", "a"), usages=("server auth", "client auth"), serial=0xABCDEF)


def test_every_fact_of_a_leaf() -> None:
    """A leaf of ours is read whole."""
    assert LEAF.certificate.facts == CertificateFacts(
        fingerprint=hashlib.sha256(LEAF.certificate.der).hexdigest(),
        spki_sha256=LEAF.key.facts.spki_sha256,
        subject=Subject(common_name="kube-apiserver", organizations=("b", "a")),
        issuer=Subject(common_name="kubernetes-ca"),
        serial="abcdef",
        not_before=datetime(2026, 11, 23, 11, 55, tzinfo=UTC),
        not_after=datetime(2027, 11, 23, 11, 55, tzinfo=UTC),
        sans=("dns:api.example.com", "ip:192.0.2.11"),
        usages=("client auth", "server auth"),
        key_usages=("digital signature",),
        key="ecdsa-p256",
        signature_hash="sha256",
        is_ca=False,
        path_length=None,
        ski=x509.SubjectKeyIdentifier.from_public_key(LEAF.key.public_key).digest.hex(),
        aki=CA.certificate.facts.ski,
        self_signed=False,
    )


def test_every_fact_of_a_ca() -> None:
    """So is an intermediate with constraints, and a root is seen to sign itself."""
    constraints = NameConstraints(permitted=("dns:example.com", "ip:192.0.2.0/24"), excluded=("email:example.org",))
    facts = make_ca("inter", parent=CA, path_length=0, name_constraints=constraints).certificate.facts
    assert (facts.is_ca, facts.path_length, facts.name_constraints, facts.self_signed) == (True, 0, constraints, False)
    assert facts.key_usages == ("cert sign", "crl sign", "digital signature")
    assert (CA.certificate.facts.self_signed, CA.certificate.facts.aki) == (True, "")


@pytest.mark.parametrize(("serial", "shown"), [(0x00, "0"), (0xFF, "-1")])
def test_a_serial_that_nobody_may_use(serial: int, shown: str) -> None:
    """The CAs of k3s have serial 0: they are read like others, without a warning (which would fail this test)."""
    der = bytearray(forge("bare", serial=1).der)
    at = der.index(bytes.fromhex("020101")) + 2
    der[at] = serial
    assert read_der(bytes(der)).facts.serial == shown


def test_the_order_of_a_file_is_kept() -> None:
    """Leaf first stays leaf first."""
    data = LEAF.certificate.pem + CA.certificate.pem
    assert read_certificates(data) == (LEAF.certificate, CA.certificate)


def test_a_certificate_is_its_bytes() -> None:
    """Equality, hash and PEM follow the DER; the repr does not hold it."""
    again = read_der(LEAF.certificate.der)
    assert again == LEAF.certificate
    assert hash(again) == hash(LEAF.certificate)
    assert pem.split(again.pem)[0].der == again.der
    assert "der=" not in repr(again)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (make_key().pem(), Problem.WRONG_TYPE),
        (LEAF.certificate.pem + make_key().pem(), Problem.WRONG_TYPE),
        (pem.join("CERTIFICATE REQUEST", LEAF.certificate.der), Problem.WRONG_TYPE),
        (pem.join("CERTIFICATE", b"\x30\x00"), Problem.UNPARSABLE),
        (pem.join("CERTIFICATE", LEAF.certificate.der + b"\0"), Problem.UNPARSABLE),
        (
            pem.join("CERTIFICATE", LEAF.certificate.der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x09")),
            Problem.UNPARSABLE,
        ),
        (LEAF.certificate.pem + CA.certificate.pem[:100], Problem.TRUNCATED),
    ],
)
def test_what_is_no_certificate_file(data: bytes, problem: Problem) -> None:
    """A key, a request, trailing bytes, another version and a torn tail each have their word."""
    with pytest.raises(UnreadableError) as caught:
        read_certificates(data)
    assert caught.value.problem == problem


def test_a_certificate_without_extensions() -> None:
    """Absent extensions are empty facts."""
    facts = forge("bare", serial=1).facts
    assert (facts.sans, facts.usages, facts.key_usages, facts.is_ca, facts.path_length) == ((), (), (), False, None)
    assert (facts.ski, facts.aki, facts.self_signed, facts.serial) == ("", "", True, "1")


def test_strange_extensions() -> None:
    """Other forms of names, unknown usages, every key usage bit and an AKI without a key identifier are told, not refused."""
    facts = forge(
        extensions=[
            (
                x509.SubjectAlternativeName(
                    [
                        x509.DNSName("API.Example.com"),
                        x509.DNSName("api.example.com"),
                        x509.IPAddress(ipaddress.ip_address("2001:DB8:0::1")),
                        x509.OtherName(x509.ObjectIdentifier("1.2.3"), b"\x05\x00"),
                        x509.RegisteredID(x509.ObjectIdentifier("1.2.3")),
                        x509.DirectoryName(x509.Name([])),
                        x509.UniformResourceIdentifier("spiffe://td/X"),
                        x509.RFC822Name("Jane@example.com"),
                    ]
                ),
                False,
            ),
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE, ExtendedKeyUsageOID.SERVER_AUTH]), True),
            (x509.KeyUsage(*[True] * 9), False),
            (x509.AuthorityKeyIdentifier(None, [x509.DNSName("x")], 5), False),
            (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"x"), False),
        ]
    ).facts
    assert facts.sans == (
        "dns:api.example.com",
        "email:Jane@example.com",
        "ip:2001:db8::1",
        "other:1.2.3",
        "other:DirectoryName",
        "other:RegisteredID",
        "uri:spiffe://td/X",
    )
    assert facts.usages == ("2.5.29.37.0", "server auth")
    assert facts.key_usages == (
        "cert sign",
        "content commitment",
        "crl sign",
        "data encipherment",
        "decipher only",
        "digital signature",
        "encipher only",
        "key agreement",
        "key encipherment",
    )
    assert facts.aki == ""


def test_broken_extensions_are_unparsable() -> None:
    """A certificate whose extension is no DER of its kind is refused with a word, not with a traceback."""
    broken = forge(extensions=[(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"xx"), False)])
    oid = bytes.fromhex("06032a0304")
    assert oid in broken.der
    with pytest.raises(UnreadableError) as caught:
        read_der(broken.der.replace(oid, bytes.fromhex("0603551d11")))  # subjectAltName
    assert caught.value.problem == Problem.UNPARSABLE


def test_subjects_keep_what_they_have_no_place_for() -> None:
    """Of several common names the last counts, as in Go; it and unknown types make two subjects differ."""
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, "first"),
            x509.NameAttribute(NameOID.COMMON_NAME, "last"),
            x509.NameAttribute(NameOID.EMAIL_ADDRESS, "a@example.com"),
            x509.NameAttribute(NameOID.COUNTRY_NAME, "CH"),
            x509.NameAttribute(NameOID.STATE_OR_PROVINCE_NAME, "ZH"),
            x509.NameAttribute(NameOID.LOCALITY_NAME, "Zürich"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "ops"),
        ]
    )
    subject = _signed(name).facts.subject
    assert subject == Subject(
        common_name="last",
        countries=("CH",),
        provinces=("ZH",),
        localities=("Zürich",),
        organizational_units=("ops",),
        others=("1.2.840.113549.1.9.1=a@example.com", "2.5.4.3=first"),
    )
    assert not subject.same_as(Subject(common_name="last", countries=("CH",)))


def test_a_name_that_only_looks_self_signed() -> None:
    """Equal names with a signature of another key are not self-signed."""
    impostor = forge("root", issuer="root", signer=raw_key("other"), public_key=raw_key("root").public_key())
    assert not impostor.facts.self_signed


@pytest.mark.parametrize(
    ("key", "described"),
    [
        (ec.derive_private_key(9, ec.SECP521R1()), "ec-secp521r1"),
        (rsa.generate_private_key(public_exponent=65537, key_size=1024), "rsa-1024"),  # noqa: S505
    ],
)
def test_keys_that_cannot_be_asked_for_are_described(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, described: str) -> None:
    """Other curves and sizes are told apart."""
    assert forge(signer=key, extensions=ca_extensions()).facts.key == described


def _signed(name: x509.Name) -> Certificate:
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415 - for this helper alone

    key = raw_key()
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), 5)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return read_der(built.public_bytes(serialization.Encoding.DER))


def test_version_1_is_a_ca_when_it_signed_itself(tmp_path: Path) -> None:
    """`openssl x509 -req -signkey` makes roots without basicConstraints: a signature of its own tells a CA from a leaf there."""
    openssl = OpenSSL(directory=tmp_path)
    openssl.old_root("ca", "/CN=ca")
    openssl.leaf("leaf", "/CN=leaf")
    ca, leaf = (read_certificates((tmp_path / f"{name}.crt").read_bytes())[0].facts for name in ("ca", "leaf"))
    assert (ca.is_ca, ca.path_length, ca.key_usages) == (True, None, ())
    assert (leaf.is_ca, leaf.self_signed) == (False, False)

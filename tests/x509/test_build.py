"""Issuing: linted before the key is touched, and compared with the request afterwards."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NoReturn

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from msgspec.structs import replace

from reconciler.x509.build import deviations, issue, new_serial, self_signed
from reconciler.x509.errors import LintError
from reconciler.x509.facts import KeyAlgorithm
from reconciler.x509.keys import PrivateKey
from reconciler.x509.names import NameConstraints, Subject
from reconciler.x509.profile import Request
from reconciler.x509.read import Certificate, read_der
from tests.builders import NOW, YEAR, ca_extensions, forge, make_ca, make_key, make_leaf, raw_key
from tests.x509.judges import run

CA = make_ca()
GOOD = Request(
    subject=Subject(
        common_name="kube-apiserver",
        organizations=("b", "a"),
        organizational_units=("ops",),
        countries=("CH",),
        provinces=("ZH",),
        localities=("Zürich",),
    ),
    sans=("ip:192.0.2.1", "dns:b.example.com", "dns:a.example.com", "uri:spiffe://td/x", "email:a@example.com"),
    usages=("server auth", "client auth"),
    not_before=NOW,
    not_after=NOW + YEAR,
    serial=1 << 100,
)
CRITICAL = {"keyUsage": True, "extendedKeyUsage": False, "basicConstraints": True, "subjectKeyIdentifier": False}


class UntouchableKey(PrivateKey):
    """A CA key that must not be used."""

    def sign_certificate(self, builder: x509.CertificateBuilder) -> NoReturn:
        """Fails the test."""
        raise AssertionError(builder)


class CarelessKey(PrivateKey):
    """A CA key that signs something else than it was given."""

    def sign_certificate(self, builder: x509.CertificateBuilder) -> x509.Certificate:
        """Drops an extension and changes the serial."""
        parts = [extension for extension in builder._extensions if not isinstance(extension.value, x509.ExtendedKeyUsage)]
        builder._extensions[:] = parts
        builder._serial_number = 7
        return super().sign_certificate(builder)


def extensions(certificate: Certificate) -> dict[str, bool]:
    """Names of the extensions in their order, and whether they are critical."""
    return {extension.oid._name: extension.critical for extension in certificate.parsed.extensions}


def test_what_is_asked_for_comes_out() -> None:
    """Subject, names in the order asked, usages and dates; nothing else."""
    certificate = issue(GOOD, make_key().public_key, CA.certificate, CA.key)
    facts = certificate.facts
    assert facts.subject == GOOD.subject
    assert facts.issuer == CA.certificate.facts.subject
    assert (facts.not_before, facts.not_after, facts.serial) == (NOW, NOW + YEAR, f"{1 << 100:x}")
    assert facts.sans == tuple(sorted(GOOD.sans))
    written = certificate.parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [type(name).__name__ for name in written] == [
        "IPAddress",
        "DNSName",
        "DNSName",
        "UniformResourceIdentifier",
        "RFC822Name",
    ]
    assert deviations(facts, GOOD, issuer=CA.certificate.facts, spki=make_key().facts.spki_sha256) == ()
    assert certificate.parsed.version is x509.Version.v3


def test_extensions_of_a_leaf() -> None:
    """Order and criticality as kubeadm has them, plus the key identifiers."""
    assert extensions(make_leaf(CA).certificate) == {
        **CRITICAL,
        "authorityKeyIdentifier": False,
        "subjectAltName": False,
    }
    assert list(extensions(make_leaf(CA).certificate))[:3] == ["keyUsage", "extendedKeyUsage", "basicConstraints"]


def test_names_are_critical_when_there_is_no_subject() -> None:
    """RFC 5280 section 4.1.2.6: with an empty subject the subjectAltName is critical."""
    assert extensions(make_leaf(CA, "").certificate)["subjectAltName"] is True


def test_extensions_of_cas() -> None:
    """A root has no authority key identifier; an intermediate has one, and its constraints are critical."""
    root = make_ca("root", usages=("client auth",), sans=("dns:root",)).certificate
    assert extensions(root) == {**CRITICAL, "subjectAltName": False}
    constraints = NameConstraints(permitted=("dns:example.com",), excluded=("ip:10.0.0.0/8",))
    inter = make_ca("inter", parent=CA, path_length=0, name_constraints=constraints).certificate
    assert extensions(inter) == {
        "keyUsage": True,
        "basicConstraints": True,
        "subjectKeyIdentifier": False,
        "authorityKeyIdentifier": False,
        "nameConstraints": True,
    }
    assert (inter.facts.path_length, inter.facts.name_constraints) == (0, constraints)


def test_the_subject_in_der_is_gos_order() -> None:
    """C, O, OU, L, ST, CN, one attribute per RDN, organizations in the order given."""
    subject = issue(GOOD, make_key().public_key, CA.certificate, CA.key).parsed.subject
    assert subject.rfc4514_string() == "CN=kube-apiserver,ST=ZH,L=Zürich,OU=ops,O=a,O=b,C=CH"
    assert all(len(list(rdn)) == 1 for rdn in subject.rdns)


@pytest.mark.parametrize("ski", [b"\x01" * 20, b"truncated sha-256!!!", b"short"], ids=["sha1-like", "go-1.25", "short"])
def test_the_aki_is_the_issuers_ski(ski: bytes) -> None:
    """Whatever the issuer's key identifier was made of, its octets are copied, without issuer and serial."""
    issuer = forge("foreign", extensions=(*ca_extensions(), (x509.SubjectKeyIdentifier(ski), False)))
    leaf = issue(GOOD, make_key().public_key, issuer, make_key("foreign"))
    value = leaf.parsed.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert value == x509.AuthorityKeyIdentifier(ski, None, None)


def test_an_issuer_without_ski() -> None:
    """The authority key identifier is then the SHA-1 of its key, which every verifier computes alike."""
    issuer = forge("foreign", extensions=ca_extensions())
    leaf = issue(GOOD, make_key().public_key, issuer, make_key("foreign"))
    expected = x509.SubjectKeyIdentifier.from_public_key(raw_key("foreign").public_key()).digest
    assert leaf.facts.aki == expected.hex()


@pytest.mark.parametrize(
    "bad",
    [
        replace(GOOD, subject=Subject(common_name="x" * 65)),
        replace(GOOD, usages=()),
        replace(GOOD, serial=0),
        replace(GOOD, not_after=CA.certificate.facts.not_after.replace(year=2050)),
        replace(GOOD, sans=("dns:a b",)),
    ],
)
def test_lint_comes_before_the_key(bad: Request) -> None:
    """A request that must not be signed never reaches the CA's key."""
    key = UntouchableKey(raw_key("kubernetes-ca"))
    with pytest.raises(LintError) as caught:
        issue(bad, make_key().public_key, CA.certificate, key)
    assert len(caught.value.problems) == 1
    with pytest.raises(LintError):
        self_signed(replace(bad, is_ca=True, not_after=bad.not_before), key)


@pytest.mark.parametrize(
    "issuer",
    [
        forge("bare"),
        forge("half", extensions=ca_extensions(cert_sign=False)),
        forge("not", extensions=ca_extensions(ca=False, cert_sign=False)),
        make_leaf(CA, "leaf").certificate,
    ],
)
def test_what_is_no_ca_does_not_sign(issuer: Certificate) -> None:
    """A certificate without CA bit or keyCertSign signs nothing."""
    with pytest.raises(LintError, match="the issuer"):
        issue(GOOD, make_key().public_key, issuer, UntouchableKey(raw_key(issuer.facts.subject.common_name)))


def test_the_key_of_another_ca() -> None:
    """A CA's certificate with another key is refused before signing."""
    with pytest.raises(LintError, match="does not belong to its certificate"):
        issue(GOOD, make_key().public_key, CA.certificate, UntouchableKey(raw_key("other")))


def test_keys_that_are_not_certified() -> None:
    """A public key of a type that cannot be asked for is refused before signing."""
    key = ec.derive_private_key(5, ec.SECP521R1()).public_key()
    with pytest.raises(LintError, match="certificates for ec-secp521r1 keys are not issued"):
        issue(GOOD, key, CA.certificate, UntouchableKey(raw_key("kubernetes-ca")))


def test_what_comes_out_is_compared() -> None:
    """A signature over something else is not handed out."""
    with pytest.raises(LintError) as caught:
        issue(GOOD, make_key().public_key, CA.certificate, CarelessKey(raw_key("kubernetes-ca")))
    assert caught.value.problems == (
        f"serial: asked for {1 << 100:x}, got 7",
        "extended key usages: asked for ('client auth', 'server auth'), got ()",
    )


def test_every_deviation_is_told() -> None:
    """An issuer that changes everything is described whole."""
    facts = issue(GOOD, make_key().public_key, CA.certificate, CA.key).facts
    changed = msgspec.structs.replace(
        facts,
        spki_sha256="00",
        serial="1",
        not_before=NOW.replace(year=2025),
        not_after=NOW.replace(year=2026, month=12),
        sans=(),
        usages=(),
        key_usages=(),
        is_ca=True,
        path_length=3,
        name_constraints=NameConstraints(),
        subject=Subject(common_name="other"),
        issuer=Subject(common_name="other"),
        aki="00",
    )
    found = deviations(changed, GOOD, issuer=CA.certificate.facts, spki=facts.spki_sha256)
    assert [problem.partition(":")[0] for problem in found] == [
        "public key",
        "serial",
        "notBefore",
        "notAfter",
        "subject alternative names",
        "extended key usages",
        "key usages",
        "CA bit",
        "path length",
        "name constraints",
        "subject",
        "issuer",
        "key identifiers",
    ]


def test_serials() -> None:
    """A hundred thousand are positive, fit into 20 octets, and are all different."""
    serials = {new_serial() for _ in range(100_000)}
    assert len(serials) == 100_000
    assert 0 < min(serials) < max(serials) < 1 << 159
    assert max(serials).bit_length() > 150


@pytest.mark.parametrize(
    ("instant", "form"),
    [
        (datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC), "UTCTIME           :491231235959Z"),
        (datetime(2050, 1, 1, tzinfo=UTC), "GENERALIZEDTIME   :20500101000000Z"),
        (datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), "GENERALIZEDTIME   :99991231235959Z"),
    ],
)
def test_times_are_encoded_as_rfc5280_says(instant: datetime, form: str) -> None:
    """UTCTime through 2049, GeneralizedTime from 2050 on, as openssl sees them."""
    root = replace(GOOD, is_ca=True, sans=(), usages=(), not_after=instant)
    certificate = self_signed(root, make_key())
    assert certificate.facts.not_after == instant
    assert form in run("openssl", "asn1parse", "-inform", "DER", stdin=certificate.der).stdout


@pytest.mark.parametrize("algorithm", [KeyAlgorithm.ECDSA_P384, KeyAlgorithm.ED25519, KeyAlgorithm.RSA_2048])
def test_any_ca_signs_any_leaf(algorithm: KeyAlgorithm) -> None:
    """The CA's algorithm and the leaf's are independent."""
    ca = make_ca("mixed", key=make_key("mixed", algorithm))
    leaf = make_leaf(ca).certificate
    assert leaf.facts.key == "ecdsa-p256"
    assert read_der(leaf.parsed.public_bytes(Encoding.DER)) == leaf

"""Revocation lists say what was asked for, and other programs read and believe them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from reconciler.x509.crl import RevocationList, build, read_crl, read_crls, signed_by
from reconciler.x509.errors import LintError, UnreadableError
from reconciler.x509.facts import CrlEntry, CrlFacts, KeyAlgorithm
from tests.builders import NOW, Pair, make_ca, make_key, make_leaf, raw_key
from tests.x509.judges import run

CA: Final = make_ca("crl-ca")
OTHER: Final = make_ca("other-ca")
BEGIN: Final = NOW - timedelta(minutes=5)
END: Final = NOW + timedelta(days=7)
REASONS: Final = ("unspecified", "keyCompromise", "cACompromise", "affiliationChanged", "superseded", "cessationOfOperation")
ENTRIES: Final = tuple(CrlEntry(serial=f"{number:x}", at=NOW, reason=reason) for number, reason in enumerate(REASONS, start=10))


def made(ca: Pair = CA, entries: tuple[CrlEntry, ...] = ENTRIES, **changes: Any) -> RevocationList:  # noqa: ANN401 - any argument
    """A list of a CA."""
    options: dict[str, Any] = {"number": 7, "this_update": BEGIN, "next_update": END} | changes
    return build(entries, **options, issuer=ca.certificate, key=ca.key)


@pytest.mark.parametrize(
    "algorithm", [KeyAlgorithm.ECDSA_P256, KeyAlgorithm.ECDSA_P384, KeyAlgorithm.RSA_2048, KeyAlgorithm.ED25519]
)
@pytest.mark.parametrize("entries", [(), ENTRIES], ids=["empty", "with every reason"])
def test_a_list_says_what_was_asked_for(algorithm: KeyAlgorithm, entries: tuple[CrlEntry, ...]) -> None:
    """Version 2, with crlNumber and the issuer's key identifier, for each kind of key that a CA may have."""
    ca = make_ca(f"ca-{algorithm}", key=make_key(f"ca-{algorithm}", algorithm))
    found = made(ca, entries)
    hashed = {"ecdsa-p384": "sha384", "ed25519": "none"}.get(algorithm, "sha256")
    assert found.facts == CrlFacts(
        fingerprint=found.facts.fingerprint,
        number=7,
        this_update=BEGIN,
        next_update=END,
        aki=ca.certificate.facts.ski,
        signature_hash=hashed,
        entries=entries,
    )
    assert signed_by(found, ca.certificate)
    assert not found.parsed.extensions.get_extension_for_class(x509.CRLNumber).critical


def test_pem_and_der_are_the_same_list() -> None:
    """And a PEM file may hold several."""
    first, second = made(), made(OTHER)
    assert read_crl(first.der) == first
    assert read_crls(first.pem + second.pem) == (first, second)
    assert [crl.facts for crl in read_crls(first.pem + second.pem)] == [first.facts, second.facts]


def test_an_unspecified_reason_is_left_out() -> None:
    """RFC 5280 section 5.3.1: the extension should be absent then."""
    entry = made(entries=ENTRIES[:1]).parsed.get_revoked_certificate_by_serial_number(10)
    assert entry is not None
    assert not list(entry.extensions)


def test_who_signed_is_found_by_key_and_name() -> None:
    """A CA of another key, and one of the same key under another name, did not."""
    renamed = make_ca("renamed", key=CA.key)
    found = made()
    assert [signed_by(found, each.certificate) for each in (CA, OTHER, renamed)] == [True, False, False]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"next_update": BEGIN}, "a revocation list that ends before it begins"),
        ({"this_update": BEGIN.replace(microsecond=1)}, "the revocation list did not come out as asked for"),
    ],
)
def test_what_must_not_be_signed_is_refused(changes: dict[str, Any], problem: str) -> None:
    """Dates that make no sense."""
    with pytest.raises(LintError, match=problem):
        made(**changes)


def test_another_key_does_not_sign() -> None:
    """The key must be the certificate's."""
    with pytest.raises(LintError, match="the CA's key does not belong to its certificate"):
        build((), number=1, this_update=BEGIN, next_update=END, issuer=CA.certificate, key=OTHER.key)


def forged(*extensions: tuple[x509.ExtensionType, bool], entries: tuple[x509.RevokedCertificate, ...] = ()) -> bytes:
    """A list past every check, as DER."""
    builder = (
        x509.CertificateRevocationListBuilder().issuer_name(CA.certificate.parsed.subject).last_update(BEGIN).next_update(END)
    )
    for value, critical in extensions:
        builder = builder.add_extension(value, critical)
    for entry in entries:
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(raw_key("crl-ca"), hashes.SHA256()).public_bytes(Encoding.DER)


SCOPE: Final = x509.IssuingDistributionPoint(
    full_name=None,
    relative_name=None,
    only_contains_user_certs=True,
    only_contains_ca_certs=False,
    only_some_reasons=None,
    indirect_crl=False,
    only_contains_attribute_certs=False,
)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        pytest.param(b"", "empty", id="empty"),
        pytest.param(b"\x00" * 512, "unparsable", id="zeros after a power loss"),
        pytest.param(made().der[:-40], "unparsable", id="cut short"),
        pytest.param(made().pem, "unparsable", id="PEM, which etcd refuses"),
        pytest.param(CA.certificate.der, "unparsable", id="a certificate"),
        pytest.param(forged((x509.DeltaCRLIndicator(3), True)), "wrong-type", id="a delta list"),
        pytest.param(forged((SCOPE, True)), "wrong-type", id="a list of limited scope"),
    ],
)
def test_what_is_no_complete_list_is_unreadable(data: bytes, problem: str) -> None:
    """Never a shorter list, never a part taken for the whole."""
    with pytest.raises(UnreadableError) as error:
        read_crl(data)
    assert error.value.problem == problem


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "empty"),
        (made().pem[:-30], "truncated"),
        (CA.certificate.pem, "wrong-type"),
        (made().pem + CA.certificate.pem, "wrong-type"),
        (made().der, "not-pem"),
    ],
    ids=["empty", "cut short", "a certificate", "a certificate behind it", "DER"],
)
def test_a_pem_file_holds_lists_and_nothing_else(data: bytes, problem: str) -> None:
    """One bad block makes all of it suspect."""
    with pytest.raises(UnreadableError) as error:
        read_crls(data)
    assert error.value.problem == problem


def test_lists_of_others_are_read_with_what_they_lack() -> None:
    """Without a number and a key identifier, and with a reason that we do not write."""
    held = x509.RevokedCertificateBuilder(0xABC, NOW.replace(tzinfo=None))
    entry = held.add_extension(x509.CRLReason(x509.ReasonFlags.privilege_withdrawn), critical=False).build()
    facts = read_crl(forged(entries=(entry,))).facts
    assert (facts.number, facts.aki) == (None, "")
    assert facts.entries == (CrlEntry(serial="abc", at=NOW, reason="privilegeWithdrawn"),)


def test_a_long_list_is_signed_and_read_in_seconds() -> None:
    """Fifty thousand revocations, as after a mass revocation: linear, not quadratic."""
    entries = tuple(CrlEntry(serial=f"{number:x}", at=NOW) for number in range(1 << 64, (1 << 64) + 50_000))
    assert len(made(entries=entries).facts.serials) == 50_000


# -- other programs


@pytest.fixture(name="files")
def _files(tmp_path: Path) -> Path:
    """A good leaf and a revoked one, their CA, and its lists."""
    begin, end = datetime.now(tz=UTC).replace(microsecond=0) - timedelta(minutes=5), datetime.now(tz=UTC).replace(microsecond=0)
    ca = make_ca("judged-ca", now=begin - timedelta(days=1))
    good, bad = make_leaf(ca, "good", now=begin), make_leaf(ca, "bad", now=begin)
    entry = CrlEntry(serial=bad.certificate.facts.serial, at=begin, reason="keyCompromise")
    for name, entries, until in (
        ("empty", (), end + timedelta(days=7)),
        ("listed", (entry,), end + timedelta(days=7)),
        ("ended", (), begin + timedelta(minutes=1)),
    ):
        crl = made(ca, entries, this_update=begin, next_update=until)
        (tmp_path / f"{name}.crl").write_bytes(crl.pem)
        (tmp_path / f"{name}.der").write_bytes(crl.der)
    stranger = make_ca("judged-ca", key=make_key("stranger"), now=begin - timedelta(days=1))
    (tmp_path / "stranger.crl").write_bytes(made(stranger, (), this_update=begin, next_update=end + timedelta(days=7)).pem)
    for name, pair in (("ca", ca), ("good", good), ("bad", bad)):
        (tmp_path / f"{name}.crt").write_bytes(pair.certificate.pem)
    return tmp_path


@pytest.mark.parametrize(
    ("crl", "leaf", "verdict"),
    [
        ("empty", "good", ""),
        ("empty", "bad", ""),
        ("listed", "good", ""),
        ("listed", "bad", "certificate revoked"),
        ("ended", "good", "CRL has expired"),
        ("stranger", "good", "unable to get certificate CRL"),
    ],
)
def test_openssl_judges_certificates_by_our_lists(files: Path, crl: str, leaf: str, verdict: str) -> None:
    """``openssl verify -crl_check``: what is listed is refused, and so is everything when the list is no good."""
    options = ("-x509_strict", "-crl_check", "-CAfile", str(files / "ca.crt"), "-CRLfile", str(files / f"{crl}.crl"))
    done = run("openssl", "verify", *options, str(files / f"{leaf}.crt"))
    assert (done.returncode == 0) == (verdict == "")
    assert verdict in done.stderr


@pytest.mark.parametrize(("crl", "verdict"), [("empty", "verify OK"), ("listed", "verify OK")])
def test_openssl_verifies_our_der(files: Path, crl: str, verdict: str) -> None:
    """Its exit status says nothing, so its words are read."""
    der = files / f"{crl}.der"
    done = run("openssl", "crl", "-inform", "DER", "-in", str(der), "-CAfile", str(files / "ca.crt"), "-noout")
    assert done.stderr.strip() == verdict


@pytest.mark.parametrize(
    ("crl", "verdict"),
    [("empty", "Verified"), ("listed", "Verified"), ("ended", "Not verified"), ("stranger", "Not verified")],
)
def test_gnutls_verifies_our_lists(files: Path, crl: str, verdict: str) -> None:
    """``certtool --verify-crl`` looks at signature and dates."""
    options = ("--load-ca-certificate", str(files / "ca.crt"), "--infile", str(files / f"{crl}.crl"))
    done = run("certtool", "--verify-crl", *options)
    assert f"{verdict}." in done.stdout

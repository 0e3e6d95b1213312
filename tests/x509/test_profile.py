"""The profile: dates, key usages, and everything that must not be signed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest

from reconciler.x509.facts import CertificateFacts
from reconciler.x509.names import NameConstraints, Subject
from reconciler.x509.profile import LAST_INSTANT, Request, key_usages_of, lint, validity, weak_key
from tests.builders import NOW, YEAR, ca_extensions, forge, make_ca

CA = make_ca().certificate.facts
GOOD = Request(
    subject=Subject(common_name="kube-apiserver"),
    sans=("dns:api.example.com",),
    usages=("server auth",),
    not_before=NOW,
    not_after=NOW + YEAR,
    serial=1 << 100,
)
SUB = msgspec.structs.replace(CA, path_length=1)


def but(**changes: object) -> Request:
    """The good request with something changed."""
    return Request(**{name: getattr(GOOD, name) for name in GOOD.__struct_fields__} | changes)


def ca(**changes: object) -> CertificateFacts:
    """The CA's facts with something changed."""
    return msgspec.structs.replace(CA, **changes)


def test_a_good_request() -> None:
    """There is nothing against it, nor against one for a root or an intermediate."""
    assert lint(GOOD, CA) == ()
    assert lint(but(is_ca=True, sans=(), usages=(), path_length=0), None) == ()
    assert lint(but(is_ca=True, sans=("dns:etcd-ca",), usages=(), path_length=0), SUB) == ()
    assert lint(but(subject=Subject()), CA) == ()
    assert lint(but(sans=(), usages=("client auth",)), CA) == ()
    assert lint(but(key_usages=("key encipherment", "content commitment")), CA) == ()


@pytest.mark.parametrize(
    ("request_", "problem"),
    [
        (but(subject=Subject(common_name="x" * 65)), "the common name has 65 characters, at most 64 are allowed"),
        (but(subject=Subject(common_name="a", organizations=("x" * 65,))), "the organization has 65 characters"),
        (but(subject=Subject(common_name="a", organizations=("",))), "an organization is empty"),
        (but(subject=Subject(common_name="a", localities=("",))), "a locality is empty"),
        (but(subject=Subject(common_name="a", countries=("ch",))), "the country 'ch' is not two capital letters"),
        (but(subject=Subject(common_name="a\0b")), "the common name holds a character that cannot be printed"),
        (but(subject=Subject(common_name="a", others=("1.2.3=x",))), "attributes of a type that is not supported"),
        (but(subject=Subject(), sans=(), usages=("client auth",)), "neither a subject nor a subject alternative name"),
        (but(subject=Subject(), is_ca=True), "a CA needs a subject"),
        (but(sans=("dns:API.example.com",)), "dns:API.example.com: not a DNS name"),
        (but(sans=("dns:10.0.0.1",)), "dns:10.0.0.1: looks like an IP address, use ip:"),
        (but(sans=("dns:a.example.com", "dns:a.example.com")), "a subject alternative name is given twice"),
        (but(sans=("dns:*.example.com",), usages=("client auth",)), "a wildcard name is for servers"),
        (but(sans=(), usages=("server auth",)), "a server certificate needs a DNS name or an IP address"),
        (but(sans=("uri:spiffe://a/b",)), "a server certificate needs a DNS name or an IP address"),
        (but(usages=()), "a leaf certificate needs at least one extended key usage"),
        (but(usages=("server auth", "any")), "'any' is not an extended key usage that can be asked for"),
        (but(usages=("server auth", "2.5.29.37.0")), "'2.5.29.37.0' is not an extended key usage"),
        (but(key_usages=("encipher only",)), "'encipher only' is not a key usage that can be asked for"),
        (but(key_usages=("cert sign",)), "only a CA may sign"),
        (but(key_usages=("crl sign",)), "only a CA may sign"),
        (but(path_length=0), "path length and name constraints are for CAs"),
        (but(name_constraints=NameConstraints()), "path length and name constraints are for CAs"),
        (but(is_ca=True, path_length=-1), "the path length is negative"),
        (but(serial=0), "the serial number is not between 1 and 2^159"),
        (but(serial=-1), "the serial number is not between 1 and 2^159"),
        (but(serial=1 << 159), "the serial number is not between 1 and 2^159"),
        (but(not_before=NOW + YEAR), "the certificate would end before it begins"),
        (but(not_after=NOW.replace(tzinfo=None) + YEAR), "notAfter is not in whole seconds of UTC"),
        (but(not_before=NOW.replace(microsecond=1)), "notBefore is not in whole seconds of UTC"),
        (but(not_before=NOW.astimezone(timezone(timedelta(hours=2)))), "notBefore is not in whole seconds of UTC"),
        (but(not_after=CA.not_after + timedelta(seconds=1)), "the certificate would outlive its issuer (2036-11-20T11:55:00Z)"),
        (but(not_before=CA.not_before - timedelta(seconds=1)), "would begin before its issuer is valid (2026-11-23T11:55:00Z)"),
        (but(not_before=CA.not_after, not_after=CA.not_after + YEAR), "the issuer has expired (2036-11-20T11:55:00Z)"),
    ],
)
def test_requests_that_must_not_be_signed(request_: Request, problem: str) -> None:
    """Each mistake is named."""
    assert any(problem in found for found in lint(request_, CA)), lint(request_, CA)


@pytest.mark.parametrize(
    ("issuer", "request_", "problem"),
    [
        (ca(is_ca=False), GOOD, "the issuer is not a CA"),
        (ca(key_usages=("digital signature",)), GOOD, "the issuer may not sign certificates"),
        (ca(key="rsa-1024"), GOOD, "the issuer's key is too weak (rsa-1024)"),
        (ca(signature_hash="sha1"), GOOD, "the issuer's certificate is signed with sha1"),
        (ca(path_length=0), but(is_ca=True, usages=()), "the issuer's path length 0 leaves no room"),
        (ca(path_length=1), but(is_ca=True, usages=(), path_length=1), "the issuer's path length 1 leaves no room"),
        (ca(usages=("client auth",)), GOOD, "the issuer may not certify 'server auth'"),
        (ca(name_constraints=NameConstraints(permitted=("dns:example.org",))), GOOD, "dns:api.example.com is outside"),
        (ca(name_constraints=NameConstraints(excluded=("dns:example.com",))), GOOD, "dns:api.example.com is outside"),
        (forge("bare").facts, GOOD, "the issuer is not a CA"),
        (forge("half", extensions=ca_extensions(cert_sign=False)).facts, GOOD, "the issuer may not sign certificates"),
    ],
)
def test_issuers_that_must_not_sign(issuer: CertificateFacts, request_: Request, problem: str) -> None:
    """What the issuer is and may is checked before its key is used."""
    assert any(problem in found for found in lint(request_, issuer)), lint(request_, issuer)


def test_all_problems_at_once() -> None:
    """Nothing hides behind the first mistake."""
    found = lint(but(subject=Subject(common_name="x" * 65), sans=(), serial=0, not_after=NOW), ca(is_ca=False))
    assert len(found) == 5


def test_a_leaf_does_not_sign_itself() -> None:
    """Without an issuer only a CA may be asked for."""
    assert lint(GOOD, None) == ("a certificate that signs itself is for CAs",)


MIDNIGHT = datetime(2028, 2, 29, 0, 0, 0, 999_999, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "lifetime", "not_before", "not_after"),
    [
        (NOW, YEAR, "2026-11-23T11:55:00", "2027-11-23T11:55:00"),
        (NOW + timedelta(microseconds=1), YEAR, "2026-11-23T11:55:00", "2027-11-23T11:55:00"),
        (NOW.astimezone(timezone(timedelta(hours=9))), YEAR, "2026-11-23T11:55:00", "2027-11-23T11:55:00"),
        (MIDNIGHT, YEAR, "2028-02-28T23:55:00", "2029-02-27T23:55:00"),
        (NOW, timedelta(minutes=10), "2026-11-23T11:59:00", "2026-11-23T12:09:00"),
        (NOW, timedelta(seconds=5), "2026-11-23T12:00:00", "2026-11-23T12:00:05"),
        (NOW, timedelta(days=10**7), "2026-11-23T11:55:00", "9999-12-31T23:59:59"),
    ],
    ids=["year", "fraction", "zone", "leap-day", "minutes", "seconds", "forever"],
)
def test_validity(now: datetime, lifetime: timedelta, not_before: str, not_after: str) -> None:
    """Back-dated by five minutes or a tenth, whole seconds of UTC, exactly the lifetime, never an overflow."""
    expected = tuple(datetime.fromisoformat(f"{instant}+00:00") for instant in (not_before, not_after))
    assert validity(now, lifetime, None) == expected
    assert expected[1] <= LAST_INSTANT


def test_validity_stays_inside_the_issuers() -> None:
    """Neither before the CA nor beyond it, for a CA that was made this minute and for one in its last year."""
    young = ca(not_before=NOW - timedelta(minutes=1))
    assert validity(NOW, YEAR, young) == (young.not_before, young.not_before + YEAR)
    ending = ca(not_after=NOW + timedelta(days=30))
    assert validity(NOW, YEAR, ending) == (NOW - timedelta(minutes=5), ending.not_after)


@pytest.mark.parametrize(
    ("issuer", "problem"),
    [
        (ca(not_after=NOW), "the issuer has expired"),
        (ca(not_after=NOW - timedelta(seconds=1)), "the issuer has expired"),
        (ca(not_after=NOW - 2 * YEAR, not_before=NOW - 3 * YEAR), "the issuer has expired"),
        (ca(not_before=NOW + timedelta(hours=1)), "begin before its issuer is valid"),
    ],
)
def test_an_issuer_outside_its_time_is_refused(issuer: CertificateFacts, problem: str) -> None:
    """An expired CA, and one that is not valid yet, sign nothing: back-dating opens no gap."""
    not_before, not_after = validity(NOW, YEAR, issuer)
    assert any(problem in found for found in lint(but(not_before=not_before, not_after=not_after), issuer))


@pytest.mark.parametrize(
    ("request_", "key", "bits"),
    [
        (GOOD, "ecdsa-p256", ("digital signature",)),
        (GOOD, "ed25519", ("digital signature",)),
        (GOOD, "rsa-2048", ("digital signature", "key encipherment")),
        (but(key_usages=("content commitment",)), "ecdsa-p384", ("content commitment", "digital signature")),
        (but(is_ca=True), "rsa-4096", ("cert sign", "crl sign", "digital signature")),
    ],
)
def test_key_usages(request_: Request, key: str, bits: tuple[str, ...]) -> None:
    """What the profile sets by itself, and what was asked for beside it."""
    assert key_usages_of(request_, key) == bits


@pytest.mark.parametrize(
    ("key", "weak"),
    [
        ("rsa-1024", True),
        ("rsa-2047", True),
        ("rsa-2048", False),
        ("dsa-2048", True),
        ("ec-secp192r1", True),
        ("ec-secp521r1", False),
        ("ecdsa-p256", False),
        ("ed25519", False),
        ("ed448", False),
    ],
)
def test_weak_keys(key: str, weak: bool) -> None:
    """Below 112 bits of security nothing is accepted."""
    assert weak_key(key) is weak

"""What we issue: the profile that OpenSSL, GnuTLS, Go, Java and ``cryptography`` all accept, checked before a key signs.

One profile for every certificate (RFC 5280, CA/Browser baseline where it costs nothing): version 3, basicConstraints and
keyUsage critical, extendedKeyUsage on every leaf and never ``anyExtendedKeyUsage``, subject and authority key identifiers,
subjectAltName critical only when the subject is empty, at most 159 bits of serial, whole seconds of UTC.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from reconciler.x509.constraints import violation
from reconciler.x509.facts import CertificateFacts
from reconciler.x509.names import EXTENDED_USAGES, KEY_USAGES, NameConstraints, Subject
from reconciler.x509.san_syntax import san_problem

BACKDATE: Final = timedelta(minutes=5)
"""How far notBefore lies in the past, for peers whose clocks are slow."""
LAST_INSTANT: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
"""RFC 5280 section 4.1.2.5: no well-defined expiration."""

_MAX_SERIAL_BITS: Final = 159
_MAX_ATTRIBUTE: Final = 64  # RFC 5280 appendix A.1: ub-common-name, ub-organization-name, …
_MIN_RSA_BITS: Final = 2048
WEAK_HASHES: Final = frozenset({"md5", "sha1"})
_WEAK_CURVES: Final = frozenset({"ec-secp192r1", "ec-sect163k1", "ec-sect163r2"})
_CA_BITS: Final = ("cert sign", "crl sign", "digital signature")


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate that is asked for, whole: nothing is added by whoever signs but key identifiers and the signature."""

    subject: Subject
    sans: tuple[str, ...] = ()
    """Canonical strings, in the order they are written."""
    usages: tuple[str, ...] = ()
    """Extended key usages by Kubernetes name."""
    key_usages: tuple[str, ...] = ()
    """keyUsage bits by Kubernetes name, beside those of the profile."""
    is_ca: bool = False
    path_length: int | None = None
    name_constraints: NameConstraints | None = None
    not_before: datetime
    not_after: datetime
    serial: int


def validity(now: datetime, lifetime: timedelta, issuer: CertificateFacts | None) -> tuple[datetime, datetime]:
    """The dates notBefore and notAfter: back-dated, whole seconds, inside the issuer's own.

    The whole span is `lifetime`, unless the issuer ends first. Short lives are back-dated by a tenth at most. With an
    issuer that has expired or is not valid yet the span starts now, so that `lint` refuses it.

    Args:
        now: aware.
        lifetime: notAfter minus notBefore.
        issuer: the CA's certificate; None for a root.
    """
    now = now.astimezone(UTC).replace(microsecond=0)
    backdate = min(BACKDATE, timedelta(seconds=lifetime // timedelta(seconds=10)))
    not_before = now - backdate
    if issuer is not None:
        usable = issuer.not_before <= now < issuer.not_after
        not_before = max(not_before, issuer.not_before) if usable else now
    try:
        not_after = min(not_before + timedelta(seconds=lifetime // timedelta(seconds=1)), LAST_INSTANT)
    except OverflowError:
        not_after = LAST_INSTANT
    return not_before, not_after if issuer is None else min(not_after, issuer.not_after)


def key_usages_of(request: Request, key: str) -> tuple[str, ...]:
    """The keyUsage bits that a certificate for this request and key type gets; sorted.

    RSA leaves add keyEncipherment: TLS 1.2 with RSA key exchange needs it, and NSS refuses servers without it.

    Args:
        request: what is asked for.
        key: a `KeyAlgorithm` value, as in `CertificateFacts.key`.
    """
    if request.is_ca:
        return tuple(sorted({*_CA_BITS, *request.key_usages}))
    bits = {"digital signature", *request.key_usages}
    if key.startswith("rsa-"):
        bits.add("key encipherment")
    return tuple(sorted(bits))


def lint(request: Request, issuer: CertificateFacts | None) -> tuple[str, ...]:
    """Every reason not to sign this request; empty when there is none.

    Args:
        request: what would be signed.
        issuer: the CA's certificate; None for a root, which signs itself.
    """
    wrong_instants = tuple(_instant_problems(request))
    return (
        *_subject_problems(request.subject, request),
        *_san_problems(request),
        *_usage_problems(request),
        *_serial_problems(request.serial),
        *(wrong_instants or _span_problems(request, issuer)),
        *(_issuer_problems(request, issuer) if issuer is not None else _root_problems(request)),
    )


def _subject_problems(subject: Subject, request: Request) -> Iterator[str]:
    attributes = [
        ("common name", subject.common_name),
        *(("organization", value) for value in subject.organizations),
        *(("organizational unit", value) for value in subject.organizational_units),
        *(("country", value) for value in subject.countries),
        *(("province", value) for value in subject.provinces),
        *(("locality", value) for value in subject.localities),
    ]
    for what, value in attributes:
        if len(value) > _MAX_ATTRIBUTE:
            yield f"the {what} has {len(value)} characters, at most {_MAX_ATTRIBUTE} are allowed"
        if not value.isprintable():
            yield f"the {what} holds a character that cannot be printed"
        if not value and what != "common name":
            yield f"an {what} is empty" if what[0] == "o" else f"a {what} is empty"
        if what == "country" and not re.fullmatch(r"[A-Z]{2}", value):
            yield f"the country {value!r} is not two capital letters"
    if subject.others:
        yield "the subject has attributes of a type that is not supported"
    named = any(value for _, value in attributes)
    if not named and request.is_ca:
        yield "a CA needs a subject"
    if not named and not request.sans:
        yield "there is neither a subject nor a subject alternative name"


def _san_problems(request: Request) -> Iterator[str]:
    for san in request.sans:
        problem = san_problem(san)
        if problem:
            yield f"{san}: {problem}"
    if len(set(request.sans)) != len(request.sans):
        yield "a subject alternative name is given twice"
    wildcards = any(san.startswith("dns:*") for san in request.sans)
    if wildcards and not request.is_ca and "server auth" not in request.usages:
        yield "a wildcard name is for servers, this certificate is not for server auth"


def _usage_problems(request: Request) -> Iterator[str]:
    for usage in request.usages:
        if usage not in EXTENDED_USAGES:
            yield f"{usage!r} is not an extended key usage that can be asked for"
    for usage in request.key_usages:
        if usage not in KEY_USAGES:
            yield f"{usage!r} is not a key usage that can be asked for"
    if not request.is_ca:
        yield from _leaf_problems(request)
    elif request.path_length is not None and request.path_length < 0:
        yield "the path length is negative"


def _leaf_problems(request: Request) -> Iterator[str]:
    if not request.usages:
        yield "a leaf certificate needs at least one extended key usage"
    if "server auth" in request.usages and not any(san.startswith(("dns:", "ip:")) for san in request.sans):
        yield "a server certificate needs a DNS name or an IP address; clients ignore its common name"
    if {"cert sign", "crl sign"} & set(request.key_usages):
        yield "only a CA may sign certificates or revocation lists"
    if request.path_length is not None or request.name_constraints is not None:
        yield "path length and name constraints are for CAs"


def _serial_problems(serial: int) -> Iterator[str]:
    if not 0 < serial < 1 << _MAX_SERIAL_BITS:
        yield f"the serial number is not between 1 and 2^{_MAX_SERIAL_BITS}"


def _instant_problems(request: Request) -> Iterator[str]:
    for what, instant in (("notBefore", request.not_before), ("notAfter", request.not_after)):
        if instant.utcoffset() != timedelta(0) or instant.microsecond:
            yield f"{what} is not in whole seconds of UTC"


def _span_problems(request: Request, issuer: CertificateFacts | None) -> Iterator[str]:
    if request.not_after <= request.not_before:
        yield "the certificate would end before it begins"
    if issuer is None:
        return
    if request.not_before >= issuer.not_after:
        yield f"the issuer has expired ({issuer.not_after:%Y-%m-%dT%H:%M:%SZ})"
    elif request.not_before < issuer.not_before:
        yield f"the certificate would begin before its issuer is valid ({issuer.not_before:%Y-%m-%dT%H:%M:%SZ})"
    if request.not_after > issuer.not_after:
        yield f"the certificate would outlive its issuer ({issuer.not_after:%Y-%m-%dT%H:%M:%SZ})"


def _root_problems(request: Request) -> Iterator[str]:
    if not request.is_ca:
        yield "a certificate that signs itself is for CAs"


def _issuer_problems(request: Request, issuer: CertificateFacts) -> Iterator[str]:
    yield from issuer_problems(issuer)
    if request.is_ca and issuer.path_length is not None and issuer.path_length <= (request.path_length or 0):
        yield f"the issuer's path length {issuer.path_length} leaves no room for this CA"
    if issuer.usages:
        for usage in sorted(set(request.usages) - set(issuer.usages)):
            yield f"the issuer may not certify {usage!r} (its extended key usages)"
    constraints = issuer.name_constraints
    if constraints is not None:
        for san in request.sans:
            if violation(constraints.permitted, constraints.excluded, san):
                yield f"{san} is outside the issuer's name constraints"


def issuer_problems(issuer: CertificateFacts) -> Iterator[str]:
    """Why a certificate may not issue anything, whatever is asked for and whenever."""
    if not issuer.is_ca:
        yield "the issuer is not a CA (basicConstraints)"
    # A CA without the extension may do everything (RFC 5280 section 4.2.1.3): `openssl req -x509` makes such CAs.
    if issuer.key_usages and "cert sign" not in issuer.key_usages:
        yield "the issuer may not sign certificates (keyUsage)"
    if weak_key(issuer.key):
        yield f"the issuer's key is too weak ({issuer.key})"
    if issuer.signature_hash in WEAK_HASHES:
        yield f"the issuer's certificate is signed with {issuer.signature_hash}"


def weak_key(key: str) -> bool:
    """Whether a key type, as in `CertificateFacts.key`, is below what verifiers accept (OpenSSL security level 2)."""
    kind, _, size = key.partition("-")
    return kind == "dsa" or (kind == "rsa" and int(size) < _MIN_RSA_BITS) or key in _WEAK_CURVES

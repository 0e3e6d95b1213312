"""Checks of a CA's own certificate and key. None of them starts anything: what mends a CA is a renewal or a rotation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

import msgspec

from reconciler.desired.model import CA
from reconciler.observed.model import Key, ObservedPair
from reconciler.plan.checks_pair import WEAK_HASHES
from reconciler.plan.checks_time import LIFETIME_TOLERANCE, instant, span
from reconciler.plan.reasons import Action, Finding, Reason
from reconciler.plan.renewal import earliest_renewal
from reconciler.plan.renewal import renewal_due as due_at
from reconciler.x509.facts import CertificateFacts

#: RSA keys below this are refused as signers (NIST SP 800-57 part 1: 112 bits of security).
LEAST_RSA_BITS: Final = 2048


class CaContext(msgspec.Struct, frozen=True, kw_only=True):
    """A CA whose certificate can be read, as its checks see it."""

    desired: CA
    certificate: CertificateFacts
    pair: ObservedPair
    parent_keys: frozenset[str]
    """Public keys of the parent's generations; none for a root, or when the parent's certificate is not known."""
    now: datetime


CaCheck = Callable[[CaContext], Iterator[Finding]]


def key_mismatch(context: CaContext) -> Iterator[Finding]:
    """The key is not the certificate's."""
    key = context.pair.key
    if isinstance(key, Key) and key.facts.spki_sha256 != context.certificate.spki_sha256:
        yield told(
            Reason.KEY_MISMATCH,
            "the key does not belong to the certificate",
            "key",
            current=f"sha256:{key.facts.spki_sha256}",
            planned=f"sha256:{context.certificate.spki_sha256}",
        )


def not_a_ca(context: CaContext) -> Iterator[Finding]:
    """The certificate may not sign others (RFC 5280 sections 4.2.1.3 and 4.2.1.9)."""
    certificate = context.certificate
    if not certificate.is_ca:
        yield told(Reason.USAGE_MISMATCH, "its certificate is not marked as a CA", "is_ca", current="false", planned="true")
    elif certificate.key_usages and "cert sign" not in certificate.key_usages:
        found = ", ".join(certificate.key_usages)
        yield told(Reason.USAGE_MISMATCH, "its certificate lacks the key usage cert sign", "key_usages", current=found)


def weak(context: CaContext) -> Iterator[Finding]:
    """A signature that can be forged, or a key that can be broken."""
    certificate = context.certificate
    if certificate.signature_hash in WEAK_HASHES:
        found = certificate.signature_hash
        yield told(Reason.WEAK_SIGNATURE, f"its certificate is signed with {found}", "signature", current=found)
    kind, _, bits = certificate.key.partition("-")
    if kind == "rsa" and bits.isdigit() and int(bits) < LEAST_RSA_BITS:
        message = f"its key has {bits} bits, fewer than {LEAST_RSA_BITS}"
        yield told(Reason.WEAK_SIGNATURE, message, "key", current=certificate.key, planned=context.desired.key.value)


def wrong_issuer(context: CaContext) -> Iterator[Finding]:
    """An intermediate that its parent did not sign: what it issues chains to nobody."""
    if context.parent_keys and context.pair.signed_by not in context.parent_keys:
        yield told(
            Reason.WRONG_ISSUER,
            f"it was not signed by the key of ca.{context.desired.issuer}",
            "issuer",
            current=str(context.certificate.issuer),
            planned=f"ca.{context.desired.issuer}",
        )


def outside_its_time(context: CaContext) -> Iterator[Finding]:
    """Expired, or not valid yet."""
    certificate = context.certificate
    if context.now > certificate.not_after:
        end = instant(certificate.not_after)
        yield told(Reason.EXPIRED, f"it expired on {end}", "not_after", current=end)
    elif certificate.not_before > context.now:
        start = instant(certificate.not_before)
        yield told(Reason.NOT_YET_VALID, f"it is valid from {start} on", "not_before", current=start)


def subject_mismatch(context: CaContext) -> Iterator[Finding]:
    """Its name is another. Nothing below it looks at the name, but people do."""
    found, wanted = context.certificate.subject, context.desired.subject
    if not found.same_as(wanted):
        yield told(Reason.SUBJECT_MISMATCH, "the subject is another", "subject", current=str(found), planned=str(wanted))


def san_mismatch(context: CaContext) -> Iterator[Finding]:
    """Wanted names are not in it. Others are tolerated: kubeadm repeats the CN of its CAs there since 1.22."""
    lacking = sorted(set(context.desired.sans) - set(context.certificate.sans))
    if lacking:
        names = ", ".join(lacking)
        yield told(Reason.SAN_MISMATCH, f"added {names}", "sans", current=", ".join(context.certificate.sans), planned=names)


def path_length_mismatch(context: CaContext) -> Iterator[Finding]:
    """Its pathLenConstraint is another."""
    found, wanted = context.certificate.path_length, context.desired.path_length
    if context.certificate.is_ca and found != wanted:
        yield told(
            Reason.USAGE_MISMATCH,
            "the path length is another",
            "path_length",
            current="none" if found is None else str(found),
            planned="none" if wanted is None else str(wanted),
        )


def key_policy_mismatch(context: CaContext) -> Iterator[Finding]:
    """Its key is of another kind than asked for."""
    found, wanted = context.certificate.key, context.desired.key.value
    if found != wanted:
        yield told(Reason.KEY_POLICY_MISMATCH, "the key is of another kind", "key", current=found, planned=wanted)


def lifetime_mismatch(context: CaContext) -> Iterator[Finding]:
    """It lives longer than it should."""
    certificate, wanted = context.certificate, context.desired.lifetime
    found = certificate.not_after - certificate.not_before
    if found > wanted + LIFETIME_TOLERANCE:
        yield told(
            Reason.LIFETIME_MISMATCH, "it lives longer than asked for", "lifetime", current=span(found), planned=span(wanted)
        )


def renewal_due(context: CaContext) -> Iterator[Finding]:
    """It ends soon enough to be renewed."""
    desired, certificate, now = context.desired, context.certificate, context.now
    if now > certificate.not_after or now < earliest_renewal(certificate.not_after, desired.renew_before):
        return
    if now >= due_at(desired.address, certificate, desired.renew_before):
        end = instant(certificate.not_after)
        yield told(
            Reason.RENEWAL_DUE, f"it expires on {end}, and everything below it at the latest then", "not_after", current=end
        )


def told(reason: Reason, message: str, path: str = "", *, current: str | None = None, planned: str | None = None) -> Finding:
    """A finding that asks for nothing."""
    return Finding(reason=reason, action=Action.NONE, message=message, path=path, current=current, planned=planned)


#: With one of these a CA may not sign: what it issued would be refused, or could be forged.
REFUSING: Final[tuple[CaCheck, ...]] = (
    key_mismatch,  # KeyMismatch: the key is another's
    not_a_ca,  # UsageMismatch: not marked as a CA, or without cert sign
    weak,  # WeakSignature: SHA-1, MD5, or RSA below 2048 bits
    wrong_issuer,  # WrongIssuer: not signed by its parent
    outside_its_time,  # Expired, NotYetValid
)

#: These are worth knowing, and wait for a rotation.
TELLING: Final[tuple[CaCheck, ...]] = (
    subject_mismatch,  # SubjectMismatch
    san_mismatch,  # SanMismatch: wanted names missing
    path_length_mismatch,  # UsageMismatch: another pathLenConstraint
    key_policy_mismatch,  # KeyPolicyMismatch: another kind of key
    lifetime_mismatch,  # LifetimeMismatch: longer than wanted
    renewal_due,  # RenewalDue
)

#: Of a CA that somebody else makes nothing else matters: what it looks like is theirs to choose.
TELLING_OF_OTHERS: Final[tuple[CaCheck, ...]] = (renewal_due,)

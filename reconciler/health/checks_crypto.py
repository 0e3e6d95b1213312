"""Checks of algorithms, serial numbers and key identifiers: each certificate once. Decisions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from reconciler.health.context import Context, Copies, is_throw_away
from reconciler.health.mends import reissue
from reconciler.health.model import HealthFinding
from reconciler.health.of_certificate import of_certificate
from reconciler.health.words import also_in, listed, subject_of, where
from reconciler.x509.facts import CertificateFacts, KeyAlgorithm
from reconciler.x509.profile import WEAK_HASHES, weak_key

#: kubeadm's serials have up to 63 bits; what is shorter than this was counted, not drawn.
_COUNTED: Final = 2**32


def weak_crypto(context: Context) -> Iterator[HealthFinding]:
    """A hash or key that verifiers refuse, or that can be broken. The signature on a root is never looked at."""
    for copies in context.certificates:
        facts = copies.facts
        if facts.signature_hash in WEAK_HASHES and not facts.self_signed:
            yield of_certificate(
                "CPK616",
                "error" if copies.used else "warning",
                copies,
                f"{subject_of(facts)} is signed with {facts.signature_hash}, not sha256 or better{also_in(copies)}",
                breaks="Go refuses such a signature since 1.18: every Kubernetes component does",
                mend=reissue(copies.main, "with a signature over sha256"),
            )
        elif weak_key(facts.key):
            yield of_certificate(
                "CPK616",
                "warning",
                copies,
                f"{subject_of(facts)} has a weak key: {facts.key}, not rsa-2048 or ecdsa-p256 or better{also_in(copies)}",
                breaks="the key can be found by who wants to, and newer verifiers refuse it: OpenSSL, Go below 1024 bits",
                mend=reissue(copies.main, "for a new key of rsa-2048 or ecdsa-p256"),
            )
        elif facts.key == KeyAlgorithm.ED25519 and copies.main.layout == "kubeadm":
            yield of_certificate(
                "CPK616",
                "notice",
                copies,
                f"{subject_of(facts)} has an Ed25519 key, kubeadm knows RSA and ECDSA alone{also_in(copies)}",
                breaks="nothing that runs; kubeadm cannot read such a key when it renews or joins",
                mend=reissue(copies.main, "for a new key of rsa-2048 or ecdsa-p256 when it is due anyway"),
            )


def serial_numbers(context: Context) -> Iterator[HealthFinding]:
    """Two certificates of one CA with one serial number, or one that was counted instead of drawn."""
    by_serial: dict[tuple[str, str], list[Copies]] = defaultdict(list)
    for copies in context.certificates:
        if not copies.facts.self_signed and not all(is_throw_away(context, place) for place in copies.places):
            by_serial[str(copies.facts.issuer), copies.facts.serial].append(copies)
    for (_, serial), every in by_serial.items():
        if len(every) > 1:
            others = listed(where(copies.main, beside=every[0].main.node) for copies in every[1:])
            yield of_certificate(
                "CPK617",
                "warning",
                every[0],
                f"{subject_of(every[0].facts)} has serial {serial}, and so has another certificate of its CA in {others}",
                breaks="revoking one revokes both; clients such as Firefox refuse the second, and logs cannot tell them apart",
                mend=reissue(every[0].main, "with a random serial number"),
            )
        elif int(serial, 16) < _COUNTED:
            yield of_certificate(
                "CPK617",
                "notice",
                every[0],
                f"{subject_of(every[0].facts)} has the serial number {serial}, which was not drawn at random (64 bits or more)",
                breaks="nothing today; a serial can come twice, and who can foresee it can prepare collisions",
                mend=reissue(every[0].main, "with a random serial number when it is due anyway"),
            )


def key_identifiers(context: Context) -> Iterator[HealthFinding]:
    """A CA without subject key identifier, or a certificate without its issuer's (RFC 5280 sections 4.2.1.1 and 4.2.1.2)."""
    for copies in context.certificates:
        lacking = _lacking(copies.facts)
        if lacking and not all(is_throw_away(context, place) for place in copies.places):
            yield of_certificate(
                "CPK618",
                "notice",
                copies,
                f"{subject_of(copies.facts)} has no {lacking}{also_in(copies)}",
                breaks="strict verifiers refuse it (Python from 3.13 on), and two CAs of one name cannot be told apart",
                mend="issue it again with key identifiers when it is due anyway",
            )


def _lacking(facts: CertificateFacts) -> str:
    if facts.is_ca and not facts.ski:
        return "subject key identifier, which a CA must have"
    return "" if facts.self_signed or facts.aki else "authority key identifier"

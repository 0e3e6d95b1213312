"""Certificate revocation lists (RFC 5280 section 5): built, read, and checked against the CA that signed them.

A list that is not complete, a delta list or one of limited scope, is not read: taking it for the whole would let revoked
certificates back in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding

from reconciler.x509 import pem
from reconciler.x509.build import issuer_parts
from reconciler.x509.errors import LintError, Problem, UnreadableError
from reconciler.x509.facts import CrlEntry, CrlFacts
from reconciler.x509.keys import PARSE_ERRORS
from reconciler.x509.read import Certificate
from reconciler.x509.signing import SigningKey

LABEL: Final = "X509 CRL"
UNSPECIFIED: Final = "unspecified"

#: With one of these a list says less than all (RFC 5280 sections 5.2.4 and 5.2.5).
_PARTIAL: Final = (x509.DeltaCRLIndicator, x509.IssuingDistributionPoint)
_READ_ERRORS: Final = (*PARSE_ERRORS, x509.DuplicateExtension, x509.UnsupportedGeneralNameType)


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationList:
    """A revocation list: its bytes, and what they say. Two are equal when their bytes are."""

    der: bytes = field(repr=False)
    facts: CrlFacts = field(compare=False)
    parsed: x509.CertificateRevocationList = field(compare=False, repr=False)
    """For verifying."""

    @property
    def pem(self) -> bytes:
        """One ``X509 CRL`` block."""
        return pem.join(LABEL, self.der)


def build(
    entries: Sequence[CrlEntry],
    *,
    number: int,
    this_update: datetime,
    next_update: datetime,
    issuer: Certificate,
    key: SigningKey,
) -> RevocationList:
    """Signs a complete list, and reads it back.

    Args:
        entries: serials in hex, each once; dates aware, in whole seconds.
        number: crlNumber, greater than that of every list before.
        this_update: aware.
        next_update: aware; until when the list may be relied on.
        issuer: the CA's certificate.
        key: its key.

    Raises:
        LintError: the key is not the certificate's, the dates are not in order, or something else came out.
    """
    problems = [] if issuer.facts.spki_sha256 == key.facts.spki_sha256 else ["the CA's key does not belong to its certificate"]
    problems += [] if this_update < next_update else ["a revocation list that ends before it begins"]
    if problems:
        raise LintError(tuple(problems))
    name, authority = issuer_parts(issuer)
    # Handed over at once: each method of the builder copies all the entries before it.
    builder = x509.CertificateRevocationListBuilder(
        name,
        this_update.replace(tzinfo=None),
        next_update.replace(tzinfo=None),
        [x509.Extension(value.oid, False, value) for value in (authority, x509.CRLNumber(number))],
        [_revoked(entry) for entry in entries],
    )
    made = read_crl(key.sign_crl(builder).public_bytes(Encoding.DER))
    facts = made.facts
    asked = (number, this_update, next_update, tuple(entries))
    if (facts.number, facts.this_update, facts.next_update, facts.entries) != asked or not signed_by(made, issuer):
        raise LintError(("the revocation list did not come out as asked for",))
    return made


def read_crls(data: bytes) -> tuple[RevocationList, ...]:
    """Every list of a PEM file, in its order.

    Raises:
        UnreadableError: anything in it is cut short, of another type, or cannot be parsed.
    """
    blocks = pem.split(data)
    for block in blocks:
        if block.label != LABEL:
            raise UnreadableError(Problem.WRONG_TYPE, f"a revocation list was expected, the file holds a {block.label}")
    return tuple(read_crl(block.der) for block in blocks)


def read_crl(der: bytes) -> RevocationList:
    """One list.

    Raises:
        UnreadableError: it cannot be parsed, or is not complete.
    """
    if not der:
        raise UnreadableError(Problem.EMPTY, "the file is empty")
    try:
        parsed = x509.load_der_x509_crl(der)
        return RevocationList(der=der, facts=_facts(parsed, der), parsed=parsed)
    except _READ_ERRORS as error:
        raise UnreadableError(Problem.UNPARSABLE, f"the revocation list cannot be parsed ({type(error).__name__})") from error


def signed_by(crl: RevocationList, issuer: Certificate) -> bool:
    """Whether the list is in the CA's name, and its key verifies the signature."""
    if crl.parsed.issuer != issuer.parsed.subject:
        return False
    try:
        return crl.parsed.is_signature_valid(issuer.parsed.public_key())  # type: ignore[arg-type]
    except (TypeError, ValueError, UnsupportedAlgorithm):
        return False


def _revoked(entry: CrlEntry) -> x509.RevokedCertificate:
    """An entry. Its reason is left out when it says nothing (RFC 5280 section 5.3.1)."""
    builder = x509.RevokedCertificateBuilder(int(entry.serial, 16), entry.at.replace(tzinfo=None))
    if entry.reason != UNSPECIFIED:
        builder = builder.add_extension(x509.CRLReason(x509.ReasonFlags(entry.reason)), critical=False)
    return builder.build()


def _facts(parsed: x509.CertificateRevocationList, der: bytes) -> CrlFacts:
    found = {type(extension.value): extension.value for extension in parsed.extensions}
    if any(kind in found for kind in _PARTIAL):
        raise UnreadableError(Problem.WRONG_TYPE, "it is a delta list or one of limited scope, not a complete one")
    number, authority = found.get(x509.CRLNumber), found.get(x509.AuthorityKeyIdentifier)
    return CrlFacts(
        fingerprint=hashlib.sha256(der).hexdigest(),
        number=number.crl_number if isinstance(number, x509.CRLNumber) else None,
        this_update=parsed.last_update_utc,
        next_update=parsed.next_update_utc,
        aki=(authority.key_identifier or b"").hex() if isinstance(authority, x509.AuthorityKeyIdentifier) else "",
        signature_hash=_signature_hash(parsed),
        entries=tuple(map(_entry, parsed)),
    )


def _entry(revoked: x509.RevokedCertificate) -> CrlEntry:
    reason = UNSPECIFIED
    for extension in revoked.extensions:
        if isinstance(extension.value, x509.CRLReason):
            reason = extension.value.reason.value
    return CrlEntry(serial=f"{revoked.serial_number:x}", at=revoked.revocation_date_utc, reason=reason)


def _signature_hash(parsed: x509.CertificateRevocationList) -> str:
    try:
        algorithm = parsed.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return parsed.signature_algorithm_oid.dotted_string
    return algorithm.name if algorithm is not None else "none"

"""What was read from a certificate or key: plain facts, without any key material."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from reconciler.x509.names import NameConstraints, Subject


class KeyAlgorithm(StrEnum):
    """The key types that can be asked for."""

    ECDSA_P256 = "ecdsa-p256"
    ECDSA_P384 = "ecdsa-p384"
    RSA_2048 = "rsa-2048"
    RSA_3072 = "rsa-3072"
    RSA_4096 = "rsa-4096"
    ED25519 = "ed25519"


class CertificateFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One parsed certificate. Instants are aware UTC, whole seconds; digests and key ids are lower-case hex."""

    fingerprint: str
    """SHA-256 over the DER."""
    spki_sha256: str
    subject: Subject
    issuer: Subject
    serial: str
    """Hex, without leading zeros or separators, as ``openssl x509 -serial`` prints it, in lower case."""
    not_before: datetime
    not_after: datetime
    sans: tuple[str, ...]
    """Canonical SAN strings, sorted. A name of another form stands as ``other:<OID or type>``."""
    usages: tuple[str, ...]
    """Extended key usages by their Kubernetes name, else the dotted OID; sorted."""
    key_usages: tuple[str, ...]
    """keyUsage bits by their Kubernetes name; sorted."""
    key: str
    """A ``KeyAlgorithm`` value, or a description such as ``rsa-1024`` or ``ec-secp521r1``."""
    signature_hash: str
    """``sha256``, ``sha1``, …; ``none`` for Ed25519."""
    is_ca: bool
    """By basicConstraints. X.509 version 1 has none: who signed itself is one there, as for OpenSSL and Go (RFC 5280 6.1.4)."""
    path_length: int | None
    ski: str
    aki: str
    """Key identifiers; empty when the extension is absent."""
    self_signed: bool
    """Subject equals issuer and the signature verifies with the certificate's own key."""
    name_constraints: NameConstraints | None = None
    """Which names certificates below this one may hold; None when the extension is absent."""


class KeyFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A private key by what may be said of it: the SHA-256 of its public key, and its type."""

    spki_sha256: str
    key: str


class AskedFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a signing request asks for, in the words of `CertificateFacts`."""

    spki_sha256: str
    key: str
    """A ``KeyAlgorithm`` value, or a description such as ``rsa-1024``."""
    subject: Subject
    sans: tuple[str, ...] = ()
    """Canonical SAN strings in the order of the request, as they are written but for the case of DNS names."""
    usages: tuple[str, ...] = ()
    """Extended key usages by their Kubernetes name, else the dotted OID; sorted."""
    key_usages: tuple[str, ...] = ()
    """keyUsage bits by their Kubernetes name; sorted."""
    is_ca: bool = False
    extensions: tuple[str, ...] = ()
    """OIDs of what else is asked for."""
    attributes: tuple[str, ...] = ()
    """OIDs of attributes beside the extensions, such as a challenge password."""
    small_exponent: int = 0
    """The public exponent of an RSA key when it is below 65537."""


class CrlEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A revoked certificate, as a revocation list has it."""

    serial: str
    """Hex, without leading zeros or separators, in lower case."""
    at: datetime
    """revocationDate, aware, in whole seconds."""
    reason: str = "unspecified"
    """A word of RFC 5280 section 5.3.1, such as ``keyCompromise``."""


class CrlFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A revocation list by what it says."""

    fingerprint: str
    """SHA-256 over the DER."""
    number: int | None
    """crlNumber; None when it has none, as lists of version 1."""
    this_update: datetime
    next_update: datetime | None
    """Until when it may be relied on; None for one that does not say."""
    aki: str
    signature_hash: str
    entries: tuple[CrlEntry, ...]
    """In the order of the list."""

    @property
    def serials(self) -> frozenset[str]:
        """The revoked serials."""
        return frozenset(entry.serial for entry in self.entries)

"""A small mint of certificates: exactly what kubeadm, the kubelet and k3s write, and that with one thing wrong.

Go writes extensions in this order, and so does `mint`: key usage, extended key usage, basic constraints, identifiers of the
subject's and of the issuer's key, names (crypto/x509 buildCertExtensions).
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.builders import NOW
from tests.clusters.der import with_serial_zero
from tests.clusters.keys import Key, spki

BACKDATE: Final = timedelta(minutes=5)
DAY: Final = timedelta(days=1)
YEAR: Final = 365 * DAY

USAGES: Final = {"server auth": ExtendedKeyUsageOID.SERVER_AUTH, "client auth": ExtendedKeyUsageOID.CLIENT_AUTH}
LEAF_KEY_USAGES: Final = ("digital_signature", "key_encipherment")
#: kubeadm's CAs may not sign revocation lists (NewSelfSignedCACert).
CA_KEY_USAGES: Final = (*LEAF_KEY_USAGES, "key_cert_sign")
_ALL_KEY_USAGES: Final = (
    *CA_KEY_USAGES,
    *("content_commitment", "data_encipherment", "key_agreement", "crl_sign", "encipher_only", "decipher_only"),
)

Extensions = tuple[tuple[x509.ExtensionType, bool], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Minted:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Key

    @property
    def pem(self) -> bytes:
        """The certificate as PEM."""
        return certificate_pem(self.certificate)

    @property
    def not_before(self) -> datetime:
        """From when it is valid."""
        return self.certificate.not_valid_before_utc


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """What a certificate says, but for its key and its issuer."""

    subject: x509.Name
    not_before: datetime
    not_after: datetime
    serial: int
    extensions: Extensions


#: Every CA that this process minted or was told of, the newest last: by these, certificates are signed again.
_AUTHORITIES: Final[list[Minted]] = []


def authority(
    common_name: str,
    key: Key,
    *,
    now: datetime = NOW,
    lifetime: timedelta = 10 * YEAR,
    backdate: timedelta = BACKDATE,
    key_usages: Sequence[str] = CA_KEY_USAGES,
    named: bool = True,
    serial: int | None = None,
) -> Minted:
    """A CA that signs itself: kubeadm's, when nothing else is said.

    Args:
        common_name: of its subject.
        key: its key.
        now: when it is made, aware.
        lifetime: from `now` on.
        backdate: how long before `now` it begins.
        key_usages: as `cryptography` names them.
        named: whether it has its common name as a DNS name, too.
        serial: 63 bits of a hash when left out.
    """
    extensions: Extensions = (
        (key_usage(key_usages), True),
        (x509.BasicConstraints(ca=True, path_length=None), True),
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
        *([(names((f"dns:{common_name}",)), False)] if named else []),
    )
    fields = Fields(
        subject=subject(common_name),
        not_before=now - backdate,
        not_after=now + lifetime,
        serial=serial_number(common_name, now) if serial is None else serial,
        extensions=extensions,
    )
    return remember(Minted(certificate=sign(fields, key, None), key=key))


def leaf(
    ca: Minted,
    common_name: str,
    key: Key,
    *,
    organizations: Sequence[str] = (),
    sans: Sequence[str] = (),
    usages: Sequence[str] = ("client auth",),
    key_usages: Sequence[str] = LEAF_KEY_USAGES,
    not_before: datetime = NOW - BACKDATE,
    not_after: datetime = NOW + YEAR,
    constrained: bool = True,
    identified: bool = False,
    serial_bits: int = 63,
) -> Minted:
    """A certificate of that CA: as Go writes leaves, when nothing else is said.

    Args:
        ca: its issuer.
        common_name: of its subject.
        key: its key.
        organizations: in this order.
        sans: ``dns:x`` and ``ip:y``.
        usages: extended ones; none for no extension.
        key_usages: as `cryptography` names them.
        not_before: aware.
        not_after: aware.
        constrained: whether it has basic constraints.
        identified: whether it has an identifier of its own key.
        serial_bits: 63 as kubeadm's, 127 as kube-controller-manager's.
    """
    extensions: Extensions = (
        (key_usage(key_usages), True),
        *([(x509.ExtendedKeyUsage([USAGES[usage] for usage in usages]), False)] if usages else []),
        *([(x509.BasicConstraints(ca=False, path_length=None), True)] if constrained else []),
        *([(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)] if identified else []),
        *issued_by(ca),
        *([(names(sans), False)] if sans else []),
    )
    fields = Fields(
        subject=subject(common_name, organizations),
        not_before=not_before,
        not_after=not_after,
        serial=serial_number(common_name, organizations, sans, not_before, spki(key.public_key()), bits=serial_bits),
        extensions=extensions,
    )
    return Minted(certificate=sign(fields, key, ca), key=key)


def sign(fields: Fields, key: Key, issuer: Minted | None) -> x509.Certificate:
    """A certificate with these fields for a key, by an issuer or by the key itself."""
    return certify(fields, key.public_key(), issuer or (fields.subject, key))


def certify(fields: Fields, public: object, issuer: Minted | tuple[x509.Name, Key]) -> x509.Certificate:
    """As `sign`, where only the public key is at hand; P-384 signs with SHA-384, everything else with SHA-256."""
    name, signer = (issuer.certificate.subject, issuer.key) if isinstance(issuer, Minted) else issuer
    builder = (
        x509.CertificateBuilder()
        .subject_name(fields.subject)
        .issuer_name(name)
        .public_key(public)  # type: ignore[arg-type]
        .serial_number(fields.serial or 1)
        .not_valid_before(fields.not_before)
        .not_valid_after(fields.not_after)
    )
    for value, critical in fields.extensions:
        builder = builder.add_extension(value, critical)
    made = builder.sign(signer, hashes.SHA384() if signer.key_size == 384 else hashes.SHA256())
    return made if fields.serial else load_der(with_serial_zero(made, signer))


def fields_of(certificate: x509.Certificate) -> Fields:
    """What a certificate says."""
    return Fields(
        subject=certificate.subject,
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        serial=serial_of(certificate),
        extensions=tuple((extension.value, extension.critical) for extension in certificate.extensions),
    )


def remember(ca: Minted) -> Minted:
    """Keeps a CA, so that what it signed can be signed again."""
    _AUTHORITIES.append(ca)
    return ca


def authorities() -> Iterator[Minted]:
    """The CAs known, the newest first."""
    return reversed(_AUTHORITIES)


def subject(common_name: str, organizations: Sequence[str] = ()) -> x509.Name:
    """A name with organisations before the common name, as Go writes them."""
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization) for organization in organizations]
    return x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def names(sans: Sequence[str]) -> x509.SubjectAlternativeName:
    """``dns:x`` and ``ip:y`` as an extension."""
    pairs = [san.partition(":")[::2] for san in sans]
    return x509.SubjectAlternativeName(
        [x509.IPAddress(ip_address(value)) if kind == "ip" else x509.DNSName(value) for kind, value in pairs]
    )


def key_usage(usages: Sequence[str]) -> x509.KeyUsage:
    """The key usages of these names, and no other."""
    return x509.KeyUsage(**{name: name in usages for name in _ALL_KEY_USAGES})


def issued_by(ca: Minted) -> Extensions:
    """The identifier of the issuer's key; none when the issuer has none itself."""
    try:
        identifier = ca.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        return ()
    return ((x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), False),)


def serial_number(*parts: object, bits: int = 63) -> int:
    """A positive number of exactly that many bits that depends on the parts alone."""
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return int.from_bytes(digest, "big") >> (256 - bits) | 1 << (bits - 1)


def certificate_pem(*certificates: x509.Certificate) -> bytes:
    """Certificates as PEM, one after the other."""
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)


def load_der(der: bytes) -> x509.Certificate:
    """Reads a certificate quietly: serial number 0, which k3s writes, is a warning otherwise."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        return x509.load_der_x509_certificate(der)


def serial_of(certificate: x509.Certificate) -> int:
    """A serial number, quietly."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        return certificate.serial_number


def load_pem(pem: bytes) -> list[x509.Certificate]:
    """Reads every certificate of a PEM text, quietly, whatever else is in it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        return x509.load_pem_x509_certificates(pem)

"""Certificates as the engine builds them, and the lists of those that are revoked."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from tests.vault_server.pki.state import Crl, PrivateKey, PublicKey
from tests.vault_server.wire import Fields, Refused

#: Fields of a subject in the order that a certificate has them.
SUBJECT: Final = (
    ("country", NameOID.COUNTRY_NAME),
    ("organization", NameOID.ORGANIZATION_NAME),
    ("ou", NameOID.ORGANIZATIONAL_UNIT_NAME),
    ("locality", NameOID.LOCALITY_NAME),
    ("province", NameOID.STATE_OR_PROVINCE_NAME),
    ("street_address", NameOID.STREET_ADDRESS),
    ("postal_code", NameOID.POSTAL_CODE),
)
KEY_USAGES: Final = (
    "digitalsignature",
    "contentcommitment",
    "keyencipherment",
    "dataencipherment",
    "keyagreement",
    "certsign",
    "crlsign",
    "encipheronly",
    "decipheronly",
)
EXTENDED: Final = {
    "any": ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
    "serverauth": ExtendedKeyUsageOID.SERVER_AUTH,
    "clientauth": ExtendedKeyUsageOID.CLIENT_AUTH,
    "codesigning": ExtendedKeyUsageOID.CODE_SIGNING,
    "emailprotection": ExtendedKeyUsageOID.EMAIL_PROTECTION,
    "timestamping": ExtendedKeyUsageOID.TIME_STAMPING,
    "ocspsigning": ExtendedKeyUsageOID.OCSP_SIGNING,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A certificate that is to be built."""

    subject: x509.Name
    key: PublicKey
    not_before: float
    not_after: float
    names: tuple[x509.GeneralName, ...] = ()
    usages: frozenset[str] = frozenset()
    extended: tuple[ObjectIdentifier, ...] = ()
    ca: bool = False
    """Whether it says that it is one."""
    path_length: int | None = None
    permitted: tuple[str, ...] = ()
    """DNS names that a CA may sign for; empty for all."""
    identifier: bytes = b""
    """Of the key; empty for the usual one."""
    copied: tuple[x509.Extension[x509.ExtensionType], ...] = ()
    """From a request, as they are."""
    urls: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    basic_constraints: bool = False
    """Whether a certificate that is no CA says so."""


def subject(fields: Fields, common_name: str) -> x509.Name:
    """A subject from fields: several values of a kind stand side by side."""
    parts = []
    for name, oid in SUBJECT:
        values = dict.fromkeys(fields.texts(name))
        if values:
            parts.append(x509.RelativeDistinguishedName([x509.NameAttribute(oid, value) for value in values]))
    if common_name:
        parts.append(x509.RelativeDistinguishedName([x509.NameAttribute(NameOID.COMMON_NAME, common_name)]))
    return x509.Name(parts)


def general_names(
    dns: Iterable[str], emails: Iterable[str], ips: Iterable[str], uris: Iterable[str]
) -> tuple[x509.GeneralName, ...]:
    """Alternative names, each once, in the order that the engine has."""
    try:
        return (
            *(x509.DNSName(name) for name in dict.fromkeys(dns)),
            *(x509.RFC822Name(name) for name in dict.fromkeys(emails)),
            *(x509.IPAddress(ipaddress.ip_address(address)) for address in ips),
            *(x509.UniformResourceIdentifier(uri) for uri in uris),
        )
    except ValueError as problem:
        raise Refused(400, f"an alternative name cannot be written: {problem}") from problem


def key_usages(names: Iterable[str]) -> frozenset[str]:
    """Usages as we know them; what nobody knows is passed over, as the engine does."""
    return frozenset(name.lower().removeprefix("keyusage") for name in names) & frozenset(KEY_USAGES)


def extended_usages(names: Iterable[str], oids: Iterable[str] = ()) -> tuple[ObjectIdentifier, ...]:
    """Extended usages as we know them."""
    asked = {name.lower().removeprefix("extkeyusage") for name in names}
    known = [oid for name, oid in EXTENDED.items() if name in asked]
    return tuple(dict.fromkeys([*known, *(ObjectIdentifier(oid) for oid in oids)]))


def new_key(kind: str, bits: int) -> PrivateKey:
    """A new key."""
    if kind == "ec":
        curves: dict[int, ec.EllipticCurve] = {0: ec.SECP256R1(), 256: ec.SECP256R1(), 384: ec.SECP384R1(), 521: ec.SECP521R1()}
        if bits not in curves:
            raise Refused(400, f"unsupported bit length for EC key: {bits}")
        return ec.generate_private_key(curves[bits])
    if kind == "rsa":
        if bits not in {0, 2048, 3072, 4096}:
            raise Refused(400, f"RSA keys < 2048 bits are unsafe and not supported: got {bits}")
        return rsa.generate_private_key(65537, bits or 2048)
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    raise Refused(400, f"unknown key type {kind}")


def digest_for(key: PrivateKey, bits: int = 0) -> hashes.HashAlgorithm | None:
    """What a key signs over."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return None
    usual = {384: 384, 521: 512}.get(key.key_size, 256) if isinstance(key, ec.EllipticCurvePrivateKey) else 256
    known: dict[int, hashes.HashAlgorithm] = {256: hashes.SHA256(), 384: hashes.SHA384(), 512: hashes.SHA512()}
    return known[bits or usual]


def build(wish: Wish, signer: PrivateKey, above: x509.Certificate | None, digest_bits: int = 0) -> x509.Certificate:
    """Builds a certificate; without one above, one that signs itself."""
    usual = x509.SubjectKeyIdentifier.from_public_key(wish.key)
    identifier = x509.SubjectKeyIdentifier(wish.identifier) if wish.identifier else usual
    authority = x509.AuthorityKeyIdentifier(ski_of(above) if above else identifier.digest, None, None)
    extensions: list[tuple[x509.ExtensionType, bool]] = []
    if wish.usages:
        extensions.append((x509.KeyUsage(*(usage in wish.usages for usage in KEY_USAGES)), True))
    if wish.extended:
        extensions.append((x509.ExtendedKeyUsage(wish.extended), False))
    if wish.ca or wish.basic_constraints:
        extensions.append((x509.BasicConstraints(wish.ca, wish.path_length), True))
    extensions += [(identifier, False), (authority, False)]
    if wish.names:
        extensions.append((x509.SubjectAlternativeName(wish.names), not wish.subject.rdns))
    if wish.permitted:
        extensions.append((x509.NameConstraints([x509.DNSName(name) for name in wish.permitted], None), True))
    extensions += _urls(wish.urls)
    copied = {extension.oid for extension in wish.copied}
    extensions = [(value, critical) for value, critical in extensions if value.oid not in copied]
    builder = (
        x509.CertificateBuilder()
        .subject_name(wish.subject)
        .issuer_name(above.subject if above else wish.subject)
        .public_key(wish.key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.fromtimestamp(int(wish.not_before), UTC))
        .not_valid_after(datetime.fromtimestamp(int(wish.not_after), UTC))
    )
    for value, critical in [*extensions, *((extension.value, extension.critical) for extension in wish.copied)]:
        builder = builder.add_extension(value, critical)
    return builder.sign(signer, digest_for(signer, digest_bits))  # type: ignore[arg-type]


def _urls(urls: Mapping[str, tuple[str, ...]]) -> list[tuple[x509.ExtensionType, bool]]:
    places = [
        *((AuthorityInformationAccessOID.OCSP, url) for url in urls.get("ocsp_servers", ())),
        *((AuthorityInformationAccessOID.CA_ISSUERS, url) for url in urls.get("issuing_certificates", ())),
    ]
    found: list[tuple[x509.ExtensionType, bool]] = []
    if places:
        access = [x509.AccessDescription(kind, x509.UniformResourceIdentifier(url)) for kind, url in places]
        found.append((x509.AuthorityInformationAccess(access), False))
    lists = urls.get("crl_distribution_points", ())
    if lists:
        points = [x509.DistributionPoint([x509.UniformResourceIdentifier(url)], None, None, None) for url in lists]
        found.append((x509.CRLDistributionPoints(points), False))
    return found


def ski_of(above: x509.Certificate) -> bytes:
    """The identifier of a CA's key."""
    return above.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest


def build_crl(
    signer: PrivateKey, above: x509.Certificate, revoked: Iterable[tuple[int, float]], *, number: int, now: float, lifetime: int
) -> Crl:
    """Builds a list of serial numbers and when they were revoked."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(above.subject)
        .last_update(datetime.fromtimestamp(int(now), UTC))
        .next_update(datetime.fromtimestamp(int(now) + lifetime, UTC))
        .add_extension(x509.AuthorityKeyIdentifier(ski_of(above), None, None), critical=False)
        .add_extension(x509.CRLNumber(number), critical=False)
    )
    for serial_number, moment in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(serial_number)
        builder = builder.add_revoked_certificate(entry.revocation_date(datetime.fromtimestamp(int(moment), UTC)).build())
    made = builder.sign(signer, digest_for(signer))  # type: ignore[arg-type]
    return Crl(der=made.public_bytes(Encoding.DER), number=number, expires=now + lifetime)

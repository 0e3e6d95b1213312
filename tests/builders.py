"""Readable makers of keys and certificates for tests: real ones, by the code under test, and forged ones, past its checks.

Keys come from their names, so that the same name is the same key in every run (RSA keys last as long as the process).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes, CertificateIssuerPublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from reconciler.x509.build import issue, self_signed
from reconciler.x509.facts import KeyAlgorithm
from reconciler.x509.keys import PrivateKey
from reconciler.x509.names import NameConstraints, Subject
from reconciler.x509.outputs import fullchain
from reconciler.x509.profile import Request, validity
from reconciler.x509.read import Certificate, read_der

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
YEAR = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A certificate and its key; `above` are the CAs over it, its issuer first, the root last."""

    certificate: Certificate
    key: PrivateKey
    above: tuple[Pair, ...] = ()

    @property
    def chain(self) -> tuple[Certificate, ...]:
        """What a server presents: the certificate and the intermediates over it, without the root."""
        return (self.certificate, *(ca.certificate for ca in self.above if not ca.certificate.facts.self_signed))

    @property
    def root(self) -> Certificate:
        """The certificate at the top."""
        return self.above[-1].certificate if self.above else self.certificate

    @property
    def chain_pem(self) -> bytes:
        """The chain as it stands in a .crt file."""
        return fullchain(self.chain)


@lru_cache(maxsize=1024)
def make_key(name: str = "test", algorithm: KeyAlgorithm = KeyAlgorithm.ECDSA_P256) -> PrivateKey:
    """The key of that name."""
    return PrivateKey(_raw_key(name, algorithm))


def make_ca(
    name: str = "kubernetes-ca",
    *,
    parent: Pair | None = None,
    key: PrivateKey | None = None,
    now: datetime = NOW,
    lifetime: timedelta = 10 * YEAR,
    path_length: int | None = None,
    sans: Sequence[str] = (),
    usages: Sequence[str] = (),
    name_constraints: NameConstraints | None = None,
) -> Pair:
    """A root, or with a parent an intermediate."""
    key = key or make_key(name)
    not_before, not_after = validity(now, lifetime, parent.certificate.facts if parent else None)
    request = Request(
        subject=Subject(common_name=name),
        sans=tuple(sans),
        usages=tuple(usages),
        is_ca=True,
        path_length=path_length,
        name_constraints=name_constraints,
        not_before=not_before,
        not_after=not_after,
        serial=make_serial(name, not_before),
    )
    if parent is None:
        return Pair(certificate=self_signed(request, key), key=key)
    certificate = issue(request, key.public_key, parent.certificate, parent.key)
    return Pair(certificate=certificate, key=key, above=(parent, *parent.above))


def make_leaf(
    ca: Pair,
    name: str = "kube-apiserver",
    *,
    organizations: Sequence[str] = (),
    sans: Sequence[str] = ("dns:api.example.com", "ip:192.0.2.11"),
    usages: Sequence[str] = ("server auth",),
    key_usages: Sequence[str] = (),
    key: PrivateKey | None = None,
    now: datetime = NOW,
    lifetime: timedelta = YEAR,
    serial: int | None = None,
) -> Pair:
    """A leaf of that CA; an empty name gives an empty subject."""
    key = key or make_key(name)
    not_before, not_after = validity(now, lifetime, ca.certificate.facts)
    request = Request(
        subject=Subject(common_name=name, organizations=tuple(organizations)),
        sans=tuple(sans),
        usages=tuple(usages),
        key_usages=tuple(key_usages),
        not_before=not_before,
        not_after=not_after,
        serial=serial or make_serial(name, not_before),
    )
    certificate = issue(request, key.public_key, ca.certificate, ca.key)
    return Pair(certificate=certificate, key=key, above=(ca, *ca.above))


def make_serial(*parts: object) -> int:
    """A serial number that depends on the parts alone."""
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return int.from_bytes(digest[:19], "big") | 1 << 127


def forge(
    name: str = "forged",
    *,
    issuer: str | None = None,
    signer: CertificateIssuerPrivateKeyTypes | None = None,
    public_key: CertificateIssuerPublicKeyTypes | None = None,
    not_before: datetime = NOW - timedelta(minutes=5),
    not_after: datetime = NOW + YEAR,
    serial: int = 4711,
    extensions: Sequence[tuple[x509.ExtensionType, bool]] = (),
) -> Certificate:
    """Any certificate at all, past every check; without `signer` it signs itself with the key of its name.

    Args:
        name: its common name.
        issuer: the common name of its issuer; its own when left out.
        signer: a raw private key, such as `raw_key` gives.
        public_key: its key; that of `signer` when left out.
        not_before: aware.
        not_after: aware.
        serial: its serial number.
        extensions: pairs of a value and its criticality.
    """
    signer = signer or raw_key(name)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer or name)]))
        .public_key(public_key or signer.public_key())
        .serial_number(serial)
        .not_valid_before(not_before)
        .not_valid_after(not_after)
    )
    for value, critical in extensions:
        builder = builder.add_extension(value, critical)
    hashed = None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return read_der(builder.sign(signer, hashed).public_bytes(Encoding.DER))


def ca_extensions(
    *, ca: bool = True, path_length: int | None = None, cert_sign: bool = True
) -> tuple[tuple[x509.ExtensionType, bool], ...]:
    """The extensions of a CA as kubeadm writes them, for `forge`: without cRLSign and without identifiers."""
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=True,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=cert_sign,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    return ((x509.BasicConstraints(ca=ca, path_length=path_length), True), (usage, True))


def raw_key(name: str = "test") -> ec.EllipticCurvePrivateKey:
    """The key behind ``make_key(name)``, for what our own type does not do."""
    return ec.derive_private_key(_scalar(name), ec.SECP256R1())


def key_pem(key: CertificateIssuerPrivateKeyTypes, form: PrivateFormat = PrivateFormat.PKCS8) -> bytes:
    """A raw key as PEM: PKCS#8, or ``TraditionalOpenSSL`` for SEC 1 and PKCS#1."""
    return key.private_bytes(Encoding.PEM, form, NoEncryption())


def _raw_key(name: str, algorithm: KeyAlgorithm) -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey:
    if algorithm is KeyAlgorithm.ECDSA_P256:
        return raw_key(name)
    if algorithm is KeyAlgorithm.ECDSA_P384:
        return ec.derive_private_key(_scalar(name), ec.SECP384R1())
    if algorithm is KeyAlgorithm.ED25519:
        return ed25519.Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())
    return rsa.generate_private_key(public_exponent=65537, key_size=int(algorithm.removeprefix("rsa-")))


def _scalar(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest(), "big") >> 1

"""What a PKI mount holds. Data; keys as PEM, because a state has to be kept in a file."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, TypeGuard

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat, load_pem_private_key

from tests.vault_server.engine import Tuning
from tests.vault_server.wire import Refused

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey

USAGES: Final = ("crl-signing", "issuing-certificates", "ocsp-signing", "read-only")


@dataclass(slots=True, kw_only=True)
class Key:
    """The key of a CA."""

    id: str
    name: str
    pem: bytes

    def private(self) -> PrivateKey:
        """The key itself."""
        return loaded(self.pem)

    @property
    def kind(self) -> str:
        """As the API calls it."""
        return kind_of(self.private().public_key())


@dataclass(slots=True, kw_only=True)
class Issuer:
    """A certificate of a CA, and what it may be used for."""

    id: str
    name: str
    certificate: bytes
    """PEM."""
    key: str = ""
    """The id of its key; empty when the key is elsewhere."""
    not_after_behavior: str = "err"
    usages: tuple[str, ...] = USAGES
    urls: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    signature: str = ""

    def parsed(self) -> x509.Certificate:
        """The certificate."""
        return certificate(self.certificate)


@dataclass(slots=True, kw_only=True)
class Issued:
    """A certificate that was given out."""

    pem: bytes
    stored: bool
    """Whether the mount itself remembers it."""
    mount_issuer: str = ""
    revoked: float = 0.0
    issued: float = 0.0


@dataclass(slots=True, kw_only=True)
class Crl:
    """A list as it was built last."""

    der: bytes
    number: int
    expires: float


@dataclass(slots=True, kw_only=True)
class PkiState:
    """All of a mount."""

    tuning: Tuning
    keys: dict[str, Key] = field(default_factory=dict)
    issuers: dict[str, Issuer] = field(default_factory=dict)
    default_issuer: str = ""
    default_key: str = ""
    follow_latest: bool = False
    roles: dict[str, dict[str, object]] = field(default_factory=dict)
    certificates: dict[str, Issued] = field(default_factory=dict)
    """By serial number, with colons; all, even those that the mount does not store."""
    crls: dict[str, Crl] = field(default_factory=dict)
    """By issuer."""
    urls: dict[str, tuple[str, ...]] = field(default_factory=dict)
    crl_config: dict[str, object] = field(
        default_factory=lambda: {
            "allow_expired_cert_revocation": False,
            "auto_rebuild": False,
            "auto_rebuild_grace_period": "12h",
            "delta_rebuild_interval": "15m",
            "disable": False,
            "enable_delta": False,
            "expiry": "72h",
            "ocsp_disable": False,
            "ocsp_expiry": "12h",
        }
    )

    def issuer(self, reference: str, wrap: str = "{}") -> Issuer:
        """An issuer by name, id, or ``default``.

        Raises:
            Refused: there is none; the API says so by 500.
        """
        wanted = self.default_issuer if reference == "default" else reference
        if not wanted:
            raise Refused(500, wrap.format("no default issuer currently configured"))
        for found in self.issuers.values():
            if wanted in {found.id, found.name}:
                return found
        raise Refused(500, wrap.format(f"unable to find PKI issuer for reference: {reference}"))

    def key(self, reference: str) -> Key | None:
        """A key by name, id, or ``default``."""
        wanted = self.default_key if reference == "default" else reference
        return next((found for found in self.keys.values() if wanted and wanted in {found.id, found.name}), None)

    def add_key(self, name: str, made: PrivateKey) -> Key:
        """Keeps a new key; the first is the default."""
        pem = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        key = Key(id=str(uuid.uuid4()), name=name, pem=pem)
        self.keys[key.id] = key
        self.default_key = self.default_key or key.id
        return key

    def add_issuer(self, name: str, pem: bytes) -> Issuer:
        """Keeps a certificate of a CA, with the key that fits; the first with a key is the default."""
        mine = public_bytes(certificate(pem).public_key())
        key = next((key.id for key in self.keys.values() if public_bytes(key.private().public_key()) == mine), "")
        issuer = Issuer(id=str(uuid.uuid4()), name=name, certificate=pem, key=key)
        self.issuers[issuer.id] = issuer
        if key and (not self.default_issuer or self.follow_latest):
            self.default_issuer = issuer.id
        return issuer

    def chain(self, issuer: Issuer) -> list[str]:
        """The certificates from an issuer up, as far as the mount has them."""
        found, current = [issuer], issuer.parsed()
        while current.issuer != current.subject:
            above = [other for other in self.issuers.values() if other not in found and signed_by(current, other.parsed())]
            if not above:
                break
            found.append(above[0])
            current = above[0].parsed()
        return [f"{entry.certificate.decode().strip()}\n" for entry in found]


@lru_cache(maxsize=1000)
def loaded(pem: bytes) -> PrivateKey:
    """A private key from PEM."""
    key = load_pem_private_key(pem, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey)
    return key


@lru_cache(maxsize=10000)
def certificate(pem: bytes) -> x509.Certificate:
    """A certificate from PEM."""
    return x509.load_pem_x509_certificate(pem)


def usable(key: object) -> TypeGuard[PublicKey]:
    """Whether a public key is of a kind that we know."""
    return isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey)


def kind_of(key: object) -> str:
    """The kind of a public key as the API calls it."""
    return "ec" if isinstance(key, ec.EllipticCurvePublicKey) else "rsa" if isinstance(key, rsa.RSAPublicKey) else "ed25519"


def bits_of(key: object) -> int:
    """The size of a public key as the API counts it."""
    return key.key_size if isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey) else 0


def public_bytes(key: object) -> bytes:
    """What makes two public keys the same."""
    assert usable(key)
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def signed_by(below: x509.Certificate, above: x509.Certificate) -> bool:
    """Whether one certificate was signed by the key of another."""
    try:
        below.verify_directly_issued_by(above)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def is_ca(found: x509.Certificate) -> bool:
    """Whether a certificate is one of a CA."""
    return any(isinstance(extension.value, x509.BasicConstraints) and extension.value.ca for extension in found.extensions)


def serial(number: int) -> str:
    """A serial number as the API writes it: pairs of hex digits with colons."""
    text = f"{number:x}"
    text = text.zfill(len(text) + len(text) % 2)
    return ":".join(text[place : place + 2] for place in range(0, len(text), 2))

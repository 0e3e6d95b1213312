"""Keys that sign certificates and revocation lists: those we hold, and those that are elsewhere and sign what they are sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NoReturn, Protocol

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPublicKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from reconciler.x509.errors import LintError
from reconciler.x509.facts import KeyFacts
from reconciler.x509.keys import describe, hash_for, spki_sha256

#: Signs bytes that are whole, not hashed before; takes the name of the hash, ``none`` for Ed25519. ECDSA gives DER, RSA
#: PKCS #1 version 1.5.
SignBytes = Callable[[bytes, str], bytes]


class SigningKey(Protocol):
    """A key of a CA, wherever it is."""

    @property
    def facts(self) -> KeyFacts:
        """What may be said of it."""
        ...

    @property
    def public_key(self) -> CertificateIssuerPublicKeyTypes:
        """Its public half."""
        ...

    def sign_certificate(self, builder: x509.CertificateBuilder) -> x509.Certificate:
        """Signs with the hash that fits the key."""
        ...

    def sign_crl(self, builder: x509.CertificateRevocationListBuilder) -> x509.CertificateRevocationList:
        """Signs a revocation list, with the hash that certificates get."""
        ...

    def sign_request(self, builder: x509.CertificateSigningRequestBuilder) -> x509.CertificateSigningRequest:
        """Signs a request for a certificate of this very key."""
        ...


class RemoteKey:
    """A key that is elsewhere. Whatever `sign_bytes` raises goes through; what it gives is verified before it is used.

    Raises:
        LintError: from everything that signs: another key made the signature, or it is none.
    """

    __slots__ = ("_key", "facts", "public_key")

    facts: KeyFacts
    public_key: CertificateIssuerPublicKeyTypes

    def __init__(self, public_key: CertificateIssuerPublicKeyTypes, sign_bytes: SignBytes) -> None:
        """Takes the public half, and what signs with the private one.

        Raises:
            UnsupportedAlgorithm: it is a key of a type that certificates are not signed with.
        """
        self.public_key = public_key
        self.facts = KeyFacts(spki_sha256=spki_sha256(public_key), key=describe(public_key))
        self._key = _stand_in(public_key, sign_bytes)

    def sign_certificate(self, builder: x509.CertificateBuilder) -> x509.Certificate:
        """Signs with the hash that fits the key."""
        return builder.sign(self._key, hash_for(self.facts.key))

    def sign_crl(self, builder: x509.CertificateRevocationListBuilder) -> x509.CertificateRevocationList:
        """Signs a revocation list, with the hash that certificates get."""
        return builder.sign(self._key, hash_for(self.facts.key))

    def sign_request(self, builder: x509.CertificateSigningRequestBuilder) -> x509.CertificateSigningRequest:
        """Signs a request for a certificate of this very key."""
        return builder.sign(self._key, hash_for(self.facts.key))

    def __repr__(self) -> str:
        return f"<RemoteKey {self.facts.key} sha256:{self.facts.spki_sha256}>"


def _refuse(*_: object, **__: object) -> NoReturn:
    msg = "the private key is elsewhere"
    raise UnsupportedAlgorithm(msg)


# What the builders of `cryptography` take for private keys: they ask an instance of these classes for nothing but `sign`.


class _RemoteEc(ec.EllipticCurvePrivateKey):
    def __init__(self, public_key: ec.EllipticCurvePublicKey, sign_bytes: SignBytes) -> None:
        self._public: Final = public_key
        self._sign: Final = sign_bytes

    def sign(self, data: bytes, signature_algorithm: ec.EllipticCurveSignatureAlgorithm) -> bytes:  # type: ignore[override]
        signature = self._sign(data, _name(signature_algorithm.algorithm))
        with _verifying():
            self._public.verify(signature, data, signature_algorithm)
        return signature

    def public_key(self) -> ec.EllipticCurvePublicKey:
        return self._public

    @property
    def curve(self) -> ec.EllipticCurve:
        return self._public.curve

    @property
    def key_size(self) -> int:
        return self._public.key_size

    exchange = private_numbers = private_bytes = __copy__ = __deepcopy__ = _refuse


class _RemoteRsa(rsa.RSAPrivateKey):
    def __init__(self, public_key: rsa.RSAPublicKey, sign_bytes: SignBytes) -> None:
        self._public: Final = public_key
        self._sign: Final = sign_bytes

    def sign(  # type: ignore[override]
        self, data: bytes, padding_: padding.AsymmetricPadding, algorithm: Prehashed | hashes.HashAlgorithm
    ) -> bytes:
        if not isinstance(padding_, padding.PKCS1v15):
            _refuse()
        signature = self._sign(data, _name(algorithm))
        with _verifying():
            self._public.verify(signature, data, padding_, algorithm)
        return signature

    def public_key(self) -> rsa.RSAPublicKey:
        return self._public

    @property
    def key_size(self) -> int:
        return self._public.key_size

    decrypt = private_numbers = private_bytes = __copy__ = __deepcopy__ = _refuse


class _RemoteEd25519(ed25519.Ed25519PrivateKey):
    def __init__(self, public_key: ed25519.Ed25519PublicKey, sign_bytes: SignBytes) -> None:
        self._public: Final = public_key
        self._sign: Final = sign_bytes

    def sign(self, data: bytes) -> bytes:  # type: ignore[override]
        signature = self._sign(data, "none")
        with _verifying():
            self._public.verify(signature, data)
        return signature

    def public_key(self) -> ed25519.Ed25519PublicKey:
        return self._public

    private_bytes = private_bytes_raw = __copy__ = __deepcopy__ = _refuse


def _stand_in(public_key: CertificateIssuerPublicKeyTypes, sign_bytes: SignBytes) -> _RemoteEc | _RemoteRsa | _RemoteEd25519:
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        return _RemoteEc(public_key, sign_bytes)
    if isinstance(public_key, rsa.RSAPublicKey):
        return _RemoteRsa(public_key, sign_bytes)
    if isinstance(public_key, ed25519.Ed25519PublicKey):
        return _RemoteEd25519(public_key, sign_bytes)
    msg = f"certificates are not signed with {describe(public_key)} keys"
    raise UnsupportedAlgorithm(msg)


@contextmanager
def _verifying() -> Iterator[None]:
    try:
        yield
    except InvalidSignature:
        raise LintError(("the signature that came back is not one of the CA's key",)) from None


def _name(algorithm: object) -> str:
    if not isinstance(algorithm, hashes.HashAlgorithm):
        _refuse()
    return algorithm.name

"""Private keys: one small type that cannot be shown, copied or pickled."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final, NoReturn

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPublicKeyTypes, PrivateKeyTypes, PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

from reconciler.x509 import pem
from reconciler.x509.errors import Problem, UnreadableError
from reconciler.x509.facts import KeyAlgorithm, KeyFacts

_RawKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey

#: What ``cryptography`` raises on bytes that are no key or certificate; not all of them are ValueErrors.
PARSE_ERRORS: Final = (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion, OverflowError)

_PRIVATE_LABELS: Final = frozenset({"PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY"})
_CURVES: Final = {"secp256r1": KeyAlgorithm.ECDSA_P256.value, "secp384r1": KeyAlgorithm.ECDSA_P384.value}


class PrivateKey:
    """A private key that signs, and writes itself only when asked to in so many words.

    ``repr`` shows the SHA-256 of the public key; copying and pickling raise TypeError.
    """

    __slots__ = ("_key", "facts", "public_key")

    facts: KeyFacts
    public_key: CertificateIssuerPublicKeyTypes

    def __init__(self, key: _RawKey) -> None:
        self._key = key
        self.public_key = key.public_key()
        self.facts = KeyFacts(spki_sha256=spki_sha256(self.public_key), key=describe(self.public_key))

    @classmethod
    def generate(cls, algorithm: KeyAlgorithm) -> PrivateKey:
        """A fresh key from the system's random numbers."""
        if algorithm is KeyAlgorithm.ECDSA_P256:
            return cls(ec.generate_private_key(ec.SECP256R1()))
        if algorithm is KeyAlgorithm.ECDSA_P384:
            return cls(ec.generate_private_key(ec.SECP384R1()))
        if algorithm is KeyAlgorithm.ED25519:
            return cls(ed25519.Ed25519PrivateKey.generate())
        return cls(rsa.generate_private_key(public_exponent=65537, key_size=int(algorithm.removeprefix("rsa-"))))

    @classmethod
    def from_pem(cls, data: bytes) -> PrivateKey:
        """Reads PKCS#8, SEC 1 or PKCS#1, checking an RSA key in full (some 30 ms): for keys that will sign.

        Raises:
            UnreadableError: not exactly one unencrypted private key.
        """
        return cls(_load(data, skip_validation=False))

    def pem(self) -> bytes:
        """PKCS#8 PEM, unencrypted: for the file that holds the key, and for nothing else."""
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def public_pem(self) -> bytes:
        """The public half as ``PUBLIC KEY``."""
        return self.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def sign_certificate(self, builder: x509.CertificateBuilder) -> x509.Certificate:
        """Signs with the hash that fits the key."""
        return builder.sign(self._key, hash_for(self.facts.key))

    def sign_crl(self, builder: x509.CertificateRevocationListBuilder) -> x509.CertificateRevocationList:
        """Signs a revocation list, with the hash that certificates get."""
        return builder.sign(self._key, hash_for(self.facts.key))

    def sign_request(self, builder: x509.CertificateSigningRequestBuilder) -> x509.CertificateSigningRequest:
        """Signs a request for a certificate of this very key."""
        return builder.sign(self._key, hash_for(self.facts.key))

    def pkcs12(self, chain: Sequence[x509.Certificate], password: bytes, friendly_name: str) -> bytes:
        """A PKCS#12 store with PBES2 AES-256 and a SHA-256 MAC, which Java 8u301 and OpenSSL 3 read without legacy providers."""
        from cryptography.hazmat.primitives.serialization import pkcs12  # noqa: PLC0415 - slow to import, rarely used

        encryption = (
            PrivateFormat.PKCS12.encryption_builder()
            .kdf_rounds(10_000)
            .key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC)
            .hmac_hash(hashes.SHA256())
            .build(password)
        )
        name = friendly_name.encode()
        return pkcs12.serialize_key_and_certificates(name, self._key, chain[0], chain[1:] or None, encryption)

    def __repr__(self) -> str:
        return f"<PrivateKey {self.facts.key} sha256:{self.facts.spki_sha256}>"

    def __copy__(self) -> NoReturn:
        self._refuse()

    def __deepcopy__(self, memo: object) -> NoReturn:
        self._refuse()

    def __reduce__(self) -> NoReturn:
        self._refuse()

    def _refuse(self) -> NoReturn:
        msg = "a private key is never copied or pickled"
        raise TypeError(msg)


def hash_for(key: str) -> hashes.SHA256 | hashes.SHA384 | None:
    """The hash that fits a key by its `KeyFacts.key`: SHA-384 for P-384, none of ours for Ed25519, else SHA-256."""
    if key == KeyAlgorithm.ED25519:
        return None
    return hashes.SHA384() if key == KeyAlgorithm.ECDSA_P384 else hashes.SHA256()


def read_key_facts(data: bytes) -> KeyFacts:
    """What may be said of a private key file.

    An RSA key is checked by arithmetic on its numbers (p * q = n, e * d = 1) instead of by testing p and q for primality,
    which takes 30 ms: enough to find a key whose halves do not belong together.

    Raises:
        UnreadableError: not exactly one unencrypted private key.
    """
    return facts_of(_load(data, skip_validation=True))


def facts_of(key: PrivateKeyTypes) -> KeyFacts:
    """The facts of a key that ``cryptography`` parsed.

    Raises:
        UnreadableError: the public half is not the private half's.
    """
    if isinstance(key, rsa.RSAPrivateKey) and not _consistent(key.private_numbers()):
        raise UnreadableError(Problem.UNPARSABLE, "the RSA key's numbers do not belong together")
    public = key.public_key()
    return KeyFacts(spki_sha256=spki_sha256(public), key=describe(public))


def describe(key: PublicKeyTypes) -> str:
    """A ``KeyAlgorithm`` value, or a description such as ``rsa-1024`` or ``ec-secp521r1``."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        return _CURVES.get(key.curve.name) or f"ec-{key.curve.name}"
    if isinstance(key, rsa.RSAPublicKey):
        return f"rsa-{key.key_size}"
    if isinstance(key, ed25519.Ed25519PublicKey):
        return KeyAlgorithm.ED25519.value
    if isinstance(key, dsa.DSAPublicKey):
        return f"dsa-{key.key_size}"
    return type(key).__name__.removesuffix("PublicKey").lower()


def spki_sha256(key: PublicKeyTypes) -> str:
    """SHA-256 over the SubjectPublicKeyInfo, in hex: the name of a key pair."""
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def _load(data: bytes, *, skip_validation: bool) -> _RawKey:
    blocks = [block for block in pem.split(data) if block.label != "EC PARAMETERS"]
    if len(blocks) != 1:
        raise UnreadableError(Problem.WRONG_TYPE, f"one private key was expected, the file holds {len(blocks)} PEM blocks")
    block = blocks[0]
    if block.label == "ENCRYPTED PRIVATE KEY":
        raise UnreadableError(Problem.ENCRYPTED, "the private key is encrypted; remove the passphrase")
    if block.label not in _PRIVATE_LABELS:
        raise UnreadableError(Problem.WRONG_TYPE, f"a private key was expected, the file holds a {block.label}")
    try:
        key = load_der_private_key(block.der, None, unsafe_skip_rsa_key_validation=skip_validation)
    except PARSE_ERRORS as error:
        # The library's own message may quote what it read.
        raise UnreadableError(Problem.UNPARSABLE, f"the private key cannot be parsed ({type(error).__name__})") from None
    if not isinstance(key, _RawKey):
        raise UnreadableError(Problem.WRONG_TYPE, f"a {describe(key.public_key())} key cannot be used for certificates")
    return key


def _consistent(numbers: rsa.RSAPrivateNumbers) -> bool:
    public, p, q, d = numbers.public_numbers, numbers.p, numbers.q, numbers.d
    product = public.e * d
    return p > 1 and q > 1 and p * q == public.n and product % (p - 1) == 1 and product % (q - 1) == 1

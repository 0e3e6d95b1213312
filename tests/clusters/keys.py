"""Keys of test clusters: made once a process for each name, since RSA is slow, and written as kubeadm or openssl writes them."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat, load_pem_private_key

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

_CURVES: Final = {"ecdsa-p256": ec.SECP256R1(), "ecdsa-p384": ec.SECP384R1()}
_BLOCK: Final = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----\n", re.DOTALL)


@cache
def key(name: str, algorithm: str = "rsa-2048") -> Key:  # noqa: ARG001  what it is remembered by
    """The key of that name and algorithm: the same one for the rest of the process."""
    if algorithm.startswith("rsa-"):
        return rsa.generate_private_key(public_exponent=65537, key_size=int(algorithm.removeprefix("rsa-")))
    return ec.generate_private_key(_CURVES[algorithm])


def key_pem(secret: Key) -> bytes:
    """PKCS#1 or SEC 1, as kubeadm and ``openssl genrsa -traditional`` write them."""
    return secret.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


def pkcs8_pem(secret: Key) -> bytes:
    """PKCS#8, as openssl 3 writes keys."""
    return secret.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public_pem(secret: Key) -> bytes:
    """The public half as ``PUBLIC KEY``."""
    return secret.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def spki(public: object) -> bytes:
    """A public key as DER, by which keys are compared."""
    assert isinstance(public, PublicKey)
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def read_key(pem: bytes) -> Key:
    """The first private key in a PEM text."""
    block = _BLOCK.search(pem)
    assert block is not None
    secret = load_pem_private_key(block[0], None)
    assert isinstance(secret, Key)
    return secret

"""Certificates that no library makes: serial number 0, and signatures with SHA-1."""

from __future__ import annotations

from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

#: sha256WithRSAEncryption and sha1WithRSAEncryption as DER: as long as each other.
_SHA256_RSA: Final = bytes.fromhex("06092a864886f70d01010b")
_SHA1_RSA: Final = bytes.fromhex("06092a864886f70d010105")
_SERIAL_ONE: Final = bytes.fromhex("020101")
_SERIAL_ZERO: Final = bytes.fromhex("020100")


def with_serial_zero(certificate: x509.Certificate, signer: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    """A certificate with serial number 1 as the same one with 0, signed again by the same key."""
    signed = certificate.tbs_certificate_bytes
    assert signed.count(_SERIAL_ONE, 0, 20) == 1
    return _signed(certificate, signed.replace(_SERIAL_ONE, _SERIAL_ZERO, 1), signer, hashes.SHA256())


def with_sha1(certificate: x509.Certificate, signer: rsa.RSAPrivateKey) -> bytes:
    """A certificate signed with RSA and SHA-256 as the same one signed with SHA-1."""
    signed = certificate.tbs_certificate_bytes.replace(_SHA256_RSA, _SHA1_RSA)
    return _signed(certificate, signed, signer, hashes.SHA1()).replace(_SHA256_RSA, _SHA1_RSA)  # noqa: S303  a weak one is wanted


def _signed(
    certificate: x509.Certificate,
    body: bytes,
    signer: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
    algorithm: hashes.HashAlgorithm,
) -> bytes:
    """Certificate ::= SEQUENCE { body, algorithm as it was, signature } (RFC 5280, 4.1)."""
    if isinstance(signer, rsa.RSAPrivateKey):
        signature = signer.sign(body, padding.PKCS1v15(), algorithm)
    else:
        signature = signer.sign(body, ec.ECDSA(algorithm))
    whole = certificate.public_bytes(Encoding.DER)
    after = whole.index(certificate.tbs_certificate_bytes) + len(certificate.tbs_certificate_bytes)
    algorithm_identifier = whole[after : after + 2 + whole[after + 1]]
    return _tagged(0x30, body + algorithm_identifier + _tagged(0x03, b"\0" + signature))


def _tagged(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content

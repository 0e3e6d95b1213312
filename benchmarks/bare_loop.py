"""The least work that makes N durable certificates: keys, signatures and fsynced files, and nothing else.

Run as ``python -m benchmarks.bare_loop DIRECTORY COUNT``.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _write(path: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    os.write(descriptor, content)
    os.fsync(descriptor)
    os.close(descriptor)


def main(directory: Path, count: int) -> None:
    """Makes a CA in memory and `count` pairs on disk, each pair in a directory of its own."""
    now = datetime.now(tz=UTC)
    authority = ec.generate_private_key(ec.SECP256R1())
    signer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key())
    for number in range(count):
        key = ec.generate_private_key(ec.SECP256R1())
        host = f"host-{number}.bench.internal"
        certificate = (
            x509.CertificateBuilder()
            .subject_name(_name(host))
            .issuer_name(_name("bench"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now)
            .not_valid_after(now + timedelta(days=365))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(signer_key, critical=False)
            .sign(authority, hashes.SHA256())
        )
        place = directory / f"host-{number}"
        place.mkdir(parents=True)
        _write(place / "tls.key", key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), 0o600)
        _write(place / "tls.crt", certificate.public_bytes(Encoding.PEM), 0o644)
        descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
        os.fsync(descriptor)
        os.close(descriptor)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))

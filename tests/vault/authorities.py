"""Certificates for servers and clients of tests, made once."""

from __future__ import annotations

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

_NOW: Final = datetime.now(tz=UTC)
_DAY: Final = timedelta(days=1)


class Authority:
    """A CA."""

    def __init__(self, name: str) -> None:
        self._key: Final = ec.generate_private_key(ec.SECP256R1())
        self.name: Final = _name(name)
        self.certificate: Final = (
            _builder(self.name, self.name, self._key, -1, 30)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )

    @property
    def pem(self) -> bytes:
        """Its certificate."""
        return self.certificate.public_bytes(Encoding.PEM)

    def pair(self, *names: str, begins: int = -1, ends: int = 10) -> bytes:
        """A certificate for names, with its key: PEM of both.

        Args:
            names: DNS names and IP addresses.
            begins: days from now.
            ends: days from now.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            _builder(_name("server"), self.name, key, begins, ends)
            .add_extension(x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return certificate.public_bytes(Encoding.PEM) + private

    def file(self, folder: Path) -> str:
        """Its certificate, in a file."""
        path = folder / "ca.pem"
        path.write_bytes(self.pem)
        return str(path)


@cache
def ours() -> Authority:
    """The CA that clients trust."""
    return Authority("ours")


@cache
def strange() -> Authority:
    """One that nobody has heard of."""
    return Authority("strange")


def server_context(folder: Path, pair: bytes, clients: Authority | None = None) -> ssl.SSLContext:
    """The server's side.

    Args:
        folder: for its files.
        pair: certificate and key.
        clients: vouches for clients, which must present a certificate then.
    """
    path = folder / "server.pem"
    path.write_bytes(pair)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=clients.pem.decode())
    return context


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, begins: int, ends: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder(subject_name=subject, issuer_name=issuer, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_NOW + begins * _DAY)
        .not_valid_after(_NOW + ends * _DAY)
    )


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)

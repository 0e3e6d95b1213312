"""Certificates that belong to no cluster: a directory of PEM files in the shapes in which people keep them."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from tests.builders import NOW
from tests.clusters.certificates import (
    BACKDATE,
    CA_KEY_USAGES,
    YEAR,
    Fields,
    Minted,
    authority,
    certificate_pem,
    issued_by,
    key_usage,
    leaf,
    remember,
    serial_number,
    sign,
    subject,
)
from tests.clusters.files import Root
from tests.clusters.keys import key, key_pem, pkcs8_pem, public_pem

NODE: Final = "gateway"
DIRECTORY: Final = "/etc/ssl/site"


def plain(directory: Path, *, now: datetime = NOW) -> Path:
    """Writes ``directory/gateway/etc/ssl/site/…``: a CA and an intermediate, and leaves in six shapes.

    Args:
        directory: where the node root goes.
        now: when all was made, aware.

    Returns:
        The directory.
    """
    root = Root(path=directory / NODE)
    top = authority("Site Root", key("plain/root", "ecdsa-p384"), now=now, key_usages=(*CA_KEY_USAGES, "crl_sign"), named=False)
    middle = _intermediate(top, now)
    root.pair(f"{DIRECTORY}/root-ca", top)
    root.pair(f"{DIRECTORY}/intermediate", middle)

    def server(name: str, algorithm: str = "rsa-2048") -> Minted:
        secret = key(f"plain/{name}", algorithm)
        return leaf(
            middle, name, secret, sans=(f"dns:{name}",), usages=("server auth",), not_before=now - BACKDATE, not_after=now + YEAR
        )

    def write(path: str, *content: bytes, mode: int = 0o600) -> None:
        root.write(f"{DIRECTORY}/{path}", b"".join(content), mode)

    web, mail, proxy, database, old = (server(f"{name}.example.com") for name in ("web", "mail", "proxy", "db", "old"))
    write("live/web.example.com/fullchain.pem", certificate_pem(web.certificate, middle.certificate), mode=0o644)
    write("live/web.example.com/privkey.pem", pkcs8_pem(web.key))
    write("mail.pem", mail.pem, mode=0o644)
    write("mail-key.pem", key_pem(mail.key))
    write("haproxy/proxy.pem", proxy.pem, middle.pem, key_pem(proxy.key))
    write("db/tls.crt", b"# the database\r\n", database.pem.replace(b"\n", b"\r\n"), b"\r\n", mode=0o644)
    write("db/tls.key", pkcs8_pem(database.key))
    write("old.crt", old.certificate.public_bytes(Encoding.DER), mode=0o644)
    write("bundle.pem", b"Site Root\n=========\n", top.pem, b"\n", middle.pem, mode=0o644)
    write("token.pub", public_pem(key("plain/token")), mode=0o644)
    write("root-ca.crl.pem", _revocation_list(top, now).public_bytes(Encoding.PEM), mode=0o644)
    write("README.txt", b"What lies here, and who to ask.\n", mode=0o644)
    return directory


def _intermediate(top: Minted, now: datetime) -> Minted:
    secret = key("plain/intermediate", "ecdsa-p256")
    fields = Fields(
        subject=subject("Site Intermediate"),
        not_before=now - BACKDATE,
        not_after=now + 5 * YEAR,
        serial=serial_number("Site Intermediate"),
        extensions=(
            (key_usage((*CA_KEY_USAGES, "crl_sign")), True),
            (x509.BasicConstraints(ca=True, path_length=0), True),
            (x509.SubjectKeyIdentifier.from_public_key(secret.public_key()), False),
            *issued_by(top),
        ),
    )
    return remember(Minted(certificate=sign(fields, secret, top), key=secret))


def _revocation_list(ca: Minted, now: datetime) -> x509.CertificateRevocationList:
    builder = x509.CertificateRevocationListBuilder().issuer_name(ca.certificate.subject)
    builder = builder.last_update(now - BACKDATE).next_update(now + timedelta(days=90))
    return builder.add_extension(x509.CRLNumber(1), critical=False).sign(ca.key, hashes.SHA384())

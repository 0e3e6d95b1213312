"""Somebody else's CA: a certificate that everybody has, and a key that only `openssl` here ever sees."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path


def openssl(*arguments: str | Path) -> bytes:
    """Runs the program; it has to succeed."""
    return subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True).stdout


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideCA:
    """A CA in a directory of its own, as people make one with the program."""

    home: Path

    @property
    def certificate(self) -> Path:
        """What everybody may have."""
        return self.home / "ca.crt"

    @property
    def key(self) -> Path:
        """What nobody else has."""
        return self.home / "ca.key"

    def sign(self, request: Path, answer: Path, *options: str, days: float = 365) -> None:
        """Signs a request as it asks, and puts the certificate where it is expected.

        Args:
            request: the file with the request.
            answer: where the certificate goes; it appears whole.
            options: more arguments of ``openssl x509``.
            days: how long it lives.
        """
        whole = answer.with_name(f"{answer.name}.part")
        signing = ("-CA", self.certificate, "-CAkey", self.key, "-copy_extensions", "copyall")
        openssl("x509", "-req", "-in", request, *signing, "-days", str(days), *options, "-out", whole)
        whole.rename(answer)

    def renew(self, *, days: int = 3650) -> None:
        """New dates around the same key."""
        _self_sign(self.home, days)


def outside_ca(home: Path, name: str = "kubernetes-ca", *, days: int = 3650) -> OutsideCA:
    """Makes a CA.

    Args:
        home: its directory, which need not be there.
        name: its common name.
        days: how long it lives.
    """
    home.mkdir(parents=True, exist_ok=True)
    openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", home / "ca.key")
    (home / "name").write_text(name, encoding="ascii")
    _self_sign(home, days)
    return OutsideCA(home=home)


def _self_sign(home: Path, days: int) -> None:
    subject = f"/CN={(home / 'name').read_text(encoding='ascii')}"
    openssl("req", "-x509", "-new", "-key", home / "ca.key", "-subj", subject, "-days", str(days), "-out", home / "ca.crt")

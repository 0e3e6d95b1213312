"""What a handshake is made with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.x509 import pem
from reconciler.x509.keys import PrivateKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A certificate with what is presented above it, and its key; shown without either."""

    chain: tuple[bytes, ...]
    """DER, leaf first."""
    key: PrivateKey

    def pem(self) -> bytes:
        """Chain and key as OpenSSL loads them: for a descriptor in memory, and for nothing else.

        A leaf alone is followed by itself: to a chain of one OpenSSL would add what this side trusts (SSL_MODE_NO_AUTO_CHAIN,
        which Python has no name for), and hide that an intermediate is not sent. No other TLS library does that.
        """
        chain = self.chain if len(self.chain) > 1 else self.chain * 2
        return certificates_pem(chain) + self.key.pem()

    def __repr__(self) -> str:
        return f"Credentials({len(self.chain)} certificates, {self.key!r})"


def certificates_pem(ders: Sequence[bytes]) -> bytes:
    """Certificates one after the other."""
    return b"".join(pem.join("CERTIFICATE", der) for der in ders)

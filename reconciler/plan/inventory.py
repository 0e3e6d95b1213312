"""Our own record of what we issued and published, as data: a cache of intent, never the only copy of anything.

Losing it must never cause a reissue: a check that finds no record compares with the desired state alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal

import msgspec

#: Kinds of address that a certificate is signed for which is no CA's.
LEAVES: Final = frozenset({"component", "request"})


class Former(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A certificate that was signed before the one at an address, for somebody who keeps it: it works until it ends."""

    serial: str
    issuer: str
    """Address of the CA that signed it."""
    not_after: datetime
    fingerprint: str = ""


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of one address. No key, no PEM."""

    kind: str
    """``ca``, ``component``, ``request``, ``bundle``, ``kubeconfig``, ``keypair`` or ``crl``."""
    paths: tuple[str, ...]
    """Absolute paths of the published files, the certificate first."""
    fingerprint: str = ""
    """SHA-256 of the certificate, empty for what has none."""
    spki_sha256: str = ""
    serial: str = ""
    issuer: str = ""
    """Address of the CA that signed, such as ``ca.kubernetes``."""
    not_after: datetime | None = None
    reissue: str = ""
    """The reissue token of the desired state at the last issuance."""
    generation: int = 1
    """Of a CA or keypair: the one that signs."""
    settled: datetime | None = None
    settled_generation: int = 0
    """Since when everything is known to be on that generation; a rotation soaks from there."""
    trusted: tuple[int, ...] = ()
    """Of a CA or keypair between two generations: those that its trust files hold."""
    number: int = 0
    """Of a revocation list: crlNumber."""
    mode: int | None = None
    """Mode of the secret file as it was published."""
    prevent_destroy: bool = False
    source: str = ""
    """Where it was last seen in the desired state, ``cluster-pki.yaml:12``."""
    requested: str = ""
    """Digest of the request, for issuers that grant something else than was asked."""
    root: str = ""
    path: str = ""
    layout: Literal["generations", "plain", "vault-kv"] = "generations"
    """The place it was published at: store root, path below it, and layout; for taking it away when it left the YAML."""
    former: tuple[Former, ...] = ()
    """Of a request: what was signed for it before and may not have ended; all of it is revoked with the last one."""

    def alive(self, now: datetime) -> tuple[Former, ...]:
        """Everything signed for the address that has not ended."""
        own = () if self.not_after is None else (self._own(self.not_after),)
        return tuple(each for each in (*self.former, *own) if each.serial and each.not_after >= now)

    def _own(self, end: datetime) -> Former:
        return Former(serial=self.serial, issuer=self.issuer, not_after=end, fingerprint=self.fingerprint)


#: A server has revoked it, and which of its lists names it is not our business.
REVOKED_THERE: Final = "server"


class Revoked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A certificate that we took out of use while it was alive: it stays on its CA's list until it has ended."""

    serial: str
    issuer: str
    """Address of the CA that signed it."""
    at: datetime
    reason: str = "unspecified"
    address: str = ""
    """Whose it was."""
    not_after: datetime | None = None
    fingerprint: str = ""
    signer: str = ""
    """Where a server signs, and has revoked it: SHA-256 of the public key of the generation whose list names it, or
    `REVOKED_THERE` where we publish no list."""


class Inventory(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All records by address."""

    format_version: str = "1.0"
    cluster: str = ""
    serial: int = 0
    """Grows with every write; a saved plan names the one it was made from."""
    records: Mapping[str, Record] = {}
    revoked: tuple[Revoked, ...] = ()
    """Sorted by issuer and serial."""
    denied: Mapping[str, str] = {}
    """A digest of each denial of a request that is in the audit log, by address."""

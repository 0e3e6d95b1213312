"""Where the keys of a CA are when they are on a server: found by its certificates, which are files of ours, and made there.

The certificate file decides which generation signs; a keyring finds the key that belongs to it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from reconciler.desired.model import CA
from reconciler.desired.vault import ExternalKey, PkiKey
from reconciler.issuers.held import Held
from reconciler.issuers.pki_keyring import PkiKeyring
from reconciler.issuers.protocol import Issuer
from reconciler.issuers.transit_keyring import TransitKeyring
from reconciler.vault.engines.api import Api
from reconciler.vault.engines.pki import Pki
from reconciler.vault.engines.transit import Transit
from reconciler.x509.profile import Request
from reconciler.x509.read import Certificate


class Keyring(Protocol):
    """The keys of one CA on a server. Every method raises `VaultError` when the server does not do what it is asked."""

    def held(self) -> tuple[Held, ...]:
        """Every key that may be one of this CA."""
        ...

    def open(self, certificate: Certificate, above: tuple[Certificate, ...]) -> Issuer:
        """What signs with the key of a certificate.

        Args:
            certificate: of a generation of the CA.
            above: the certificates of the CAs above it, up to its root.

        Raises:
            VaultError: `Kind.ABSENT` when the server has no such key.
        """
        ...

    def create(self, ca: CA, number: int, request: Request, parent: Issuer | None) -> Certificate:
        """A new generation: its key, made on the server, and its certificate. Goes on with what a run that died has left.

        Args:
            ca: as it is desired.
            number: of the generation.
            request: what is asked for.
            parent: the CA above; None for a root.

        Raises:
            LintError: something else came out, and was taken away again; or what is there already is something else.
        """
        ...

    def renew(self, ca: CA, old: Certificate, request: Request, parent: Issuer | None) -> Certificate:
        """A new certificate around the same key, name and key identifier. Goes on with what a run that died has left.

        Raises:
            LintError: see `create`.
        """
        ...

    def destroy(self, certificate: Certificate) -> None:
        """Takes the key of a certificate away for good, and everything that the server keeps with it.

        Raises:
            LintError: it is not one that we made.
        """
        ...

    def issued_for(self, spki_sha256: str, since: datetime) -> tuple[Certificate, ...]:
        """What the server has signed by itself for a public key, and what lives and is not revoked of it; newest first.

        Args:
            spki_sha256: of the public key, in hex.
            since: nothing that was signed before is looked at.
        """
        ...

    def revoke(self, certificate: Certificate) -> None:
        """Revokes what the server has signed by itself."""
        ...

    def revoke_serial(self, serial: str) -> None:
        """The same for what is known by its serial number alone, in hex; what has ended needs no revocation."""
        ...


def _utc_now() -> datetime:
    return datetime.now(UTC)


def keyring_of(
    ca: CA,
    client: Api,
    cluster: str,
    *,
    now: Callable[[], datetime] = _utc_now,
    sleep: Callable[[float], None] = time.sleep,
    at_hand: Callable[[str], Certificate | None] = lambda _serial: None,
) -> Keyring:
    """The keyring of a CA whose key is on a server.

    Args:
        ca: with `key_in`.
        client: of the connection that it names.
        cluster: its name; it stands in the names of what we make.
        now: the time, aware.
        sleep: waits some seconds.
        at_hand: a certificate of this CA by its serial number, to revoke what the server has not stored.

    Raises:
        ValueError: its key is a file, or no server has it.
    """
    place = ca.key_in
    if place is None or isinstance(place, ExternalKey):
        msg = f"the key of {ca.address} is a file, or nobody's here"
        raise ValueError(msg)
    if isinstance(place, PkiKey):
        return PkiKeyring(Pki(client, place.mount), place, f"{cluster}-{ca.name}", now=now, sleep=sleep, at_hand=at_hand)
    return TransitKeyring(Transit(client, place.mount), place.name, now=now)

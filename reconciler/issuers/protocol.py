"""What every issuer offers: prepare (and lint) first, sign second."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from reconciler.x509.crl import RevocationList
from reconciler.x509.csr import SigningRequest
from reconciler.x509.facts import CrlEntry
from reconciler.x509.keys import PrivateKey
from reconciler.x509.profile import Request
from reconciler.x509.read import Certificate


class Issuer(Protocol):
    """Signs certificates for one generation of a CA.

    Those that ask a server raise `VaultError` from everything but `prepare` and the properties.
    """

    @property
    def remote(self) -> bool:
        """Whether a server signs: slowly, with serial numbers of its own, and perhaps without our ever getting the answer.

        Then it is a `RemoteIssuer`.
        """
        ...

    @property
    def certificate(self) -> Certificate:
        """The CA's certificate."""
        ...

    @property
    def root(self) -> Certificate:
        """The root that everything this issuer signs chains to."""
        ...

    @property
    def served_chain(self) -> tuple[Certificate, ...]:
        """What follows a leaf in the files that servers present: intermediates from this CA upwards, never the root."""
        ...

    def prepare(self, request: Request) -> None:
        """Checks a request against the profile and this CA, before any key is used or server asked.

        Raises:
            LintError: the request breaks the profile or exceeds what the CA may sign.
        """
        ...

    def sign(self, request: Request, key: PrivateKey | SigningRequest, *, instead: str = "") -> Certificate:
        """Signs a prepared request and checks that what came out is what was asked.

        Args:
            request: what is asked for.
            key: whose certificate it becomes; its private half never leaves this process. Or the request of somebody who
                keeps the key: its public key counts, and its name to the byte.
            instead: fingerprint of the certificate of that key which is in use now, where there is one: whoever looks up what
                a server has signed must not find that.

        Raises:
            LintError: see `prepare`; or something else came out.
        """
        ...

    def sign_ca(self, request: Request, csr: SigningRequest, old: Certificate | None) -> Certificate:
        """A certificate for a CA below this one, whose key may be anywhere.

        Args:
            request: what is asked for.
            csr: of the CA's key; nothing but its public key counts, and its name where that has to stay.
            old: the certificate that is renewed: name and key identifier stay as they are; None for a new CA.

        Raises:
            LintError: see `prepare`; or something else came out.
        """
        ...

    def sign_list(
        self, entries: Sequence[CrlEntry], *, number: int, this_update: datetime, next_update: datetime
    ) -> RevocationList:
        """Signs a complete revocation list, or makes sure that the server's has everything that has to be on it.

        Args:
            entries: each serial once.
            number: greater than that of every list before; a server counts by itself.
            this_update: aware, in whole seconds; a server takes its own time.
            next_update: aware, in whole seconds; a server goes by its own configuration.

        Raises:
            LintError: something else came out.
        """
        ...


class RemoteIssuer(Issuer, Protocol):
    """An issuer behind a server: what it has signed can be asked for, and has to be revoked when nobody will use it."""

    def find(self, spki_sha256: str, since: datetime) -> tuple[Certificate, ...]:
        """The certificates of a public key that live and are not revoked, newest first.

        Args:
            spki_sha256: of the public key, in hex.
            since: nothing that was signed before is looked at.

        Raises:
            VaultError: the server cannot be asked.
        """
        ...

    def revoke(self, certificate: Certificate) -> None:
        """Revokes a certificate; one that is revoked already stays so.

        Raises:
            VaultError: it is not revoked.
        """
        ...

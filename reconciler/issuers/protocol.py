"""What every issuer offers: prepare (and lint) first, sign second."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPublicKeyTypes

from reconciler.x509.crl import RevocationList
from reconciler.x509.facts import CrlEntry
from reconciler.x509.keys import PrivateKey
from reconciler.x509.profile import Request
from reconciler.x509.read import Certificate


class Issuer(Protocol):
    """Signs certificates for one CA."""

    @property
    def certificate(self) -> Certificate:
        """The CA's current certificate."""
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
        """Checks a request against the profile and this CA, before any key is used.

        Raises:
            LintError: the request breaks the profile or exceeds what the CA may sign.
        """
        ...

    def renew(self, old: Certificate, request: Request, key: PrivateKey) -> Certificate:
        """A new certificate for a CA below this one: the same key, name and key identifier, other dates and issuer.

        Raises:
            LintError: see `prepare`; or what came out is not what was asked for.
        """
        ...

    def sign_list(
        self, entries: Sequence[CrlEntry], *, number: int, this_update: datetime, next_update: datetime
    ) -> RevocationList:
        """Signs a complete revocation list.

        Args:
            entries: each serial once.
            number: greater than that of every list before.
            this_update: aware, in whole seconds.
            next_update: aware, in whole seconds.

        Raises:
            LintError: something else came out.
        """
        ...

    def sign(self, request: Request, public_key: CertificateIssuerPublicKeyTypes) -> Certificate:
        """Signs a prepared request and checks that what came out is what was asked.

        Raises:
            LintError: see `prepare`.
        """
        ...

"""The issuer whose key we hold: a CA's certificate and key from its store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPublicKeyTypes

from reconciler.x509.build import issue, renewed
from reconciler.x509.crl import RevocationList, build
from reconciler.x509.errors import LintError
from reconciler.x509.facts import CrlEntry
from reconciler.x509.keys import PrivateKey
from reconciler.x509.profile import Request, lint
from reconciler.x509.read import Certificate


class LocalIssuer:
    """Signs with a key in memory; the key never leaves this object."""

    def __init__(self, certificate: Certificate, key: PrivateKey, above: tuple[Certificate, ...] = ()) -> None:
        """Takes a CA's certificate and key, and the certificates of the CAs above it up to its root.

        Raises:
            LintError: the key is not the certificate's.
        """
        if key.facts.spki_sha256 != certificate.facts.spki_sha256:
            raise LintError(("the CA's key does not belong to its certificate",))
        self._certificate = certificate
        self._key = key
        self._root = above[-1] if above else certificate
        self._served = tuple(link for link in (certificate, *above) if not link.facts.self_signed)

    @property
    def certificate(self) -> Certificate:
        """The CA's certificate."""
        return self._certificate

    @property
    def root(self) -> Certificate:
        """The topmost CA."""
        return self._root

    @property
    def served_chain(self) -> tuple[Certificate, ...]:
        """This CA's certificate and those above it, without the root."""
        return self._served

    def prepare(self, request: Request) -> None:
        """First half: refuses what must not be signed; the key is not touched.

        Raises:
            LintError: with every problem found.
        """
        problems = lint(request, self._certificate.facts)
        if problems:
            raise LintError(problems)

    def renew(self, old: Certificate, request: Request, key: PrivateKey) -> Certificate:
        """A new certificate for a CA below this one, around its own key and name.

        Raises:
            LintError: with every problem found.
        """
        return renewed(old, request, key, self._certificate, self._key)

    def sign_list(
        self, entries: Sequence[CrlEntry], *, number: int, this_update: datetime, next_update: datetime
    ) -> RevocationList:
        """Signs a complete revocation list, and reads it back.

        Raises:
            LintError: something else came out.
        """
        return build(
            entries,
            number=number,
            this_update=this_update,
            next_update=next_update,
            issuer=self._certificate,
            key=self._key,
        )

    def sign(self, request: Request, public_key: CertificateIssuerPublicKeyTypes) -> Certificate:
        """Second half: signs, and compares the result with the request.

        Raises:
            LintError: with every problem found.
        """
        return issue(request, public_key, self._certificate, self._key)

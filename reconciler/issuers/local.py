"""The issuer that builds certificates itself: a CA's certificate, and a key in memory or one that signs what it is sent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from reconciler.issuers.authority import Authority
from reconciler.x509.build import issue, renewed
from reconciler.x509.crl import RevocationList, build
from reconciler.x509.csr import SigningRequest
from reconciler.x509.errors import LintError
from reconciler.x509.facts import CrlEntry
from reconciler.x509.keys import PrivateKey
from reconciler.x509.profile import Request
from reconciler.x509.read import Certificate
from reconciler.x509.signing import SigningKey


class LocalIssuer(Authority):
    """Signs with a key that never leaves this object, or is elsewhere and never came here."""

    remote: Final = False

    def __init__(self, certificate: Certificate, key: SigningKey, above: tuple[Certificate, ...] = ()) -> None:
        """Takes a CA's certificate and key, and the certificates of the CAs above it up to its root.

        Raises:
            LintError: the key is not the certificate's.
        """
        if key.facts.spki_sha256 != certificate.facts.spki_sha256:
            raise LintError(("the CA's key does not belong to its certificate",))
        super().__init__(certificate, above)
        self._key = key

    def sign(self, request: Request, key: PrivateKey | SigningRequest, *, instead: str = "") -> Certificate:
        """Second half: signs, and compares the result with the request.

        Raises:
            LintError: with every problem found.
        """
        del instead
        subject = key.subject if isinstance(key, SigningRequest) else None
        return issue(request, key.public_key, self.certificate, self._key, subject=subject)

    def sign_ca(self, request: Request, csr: SigningRequest, old: Certificate | None) -> Certificate:
        """A certificate for a CA below this one; with `old`, around its name and key identifier.

        Raises:
            LintError: with every problem found.
        """
        if old is None:
            return issue(request, csr.public_key, self.certificate, self._key)
        return renewed(old, request, csr.public_key, self.certificate, self._key)

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
            issuer=self.certificate,
            key=self._key,
        )

"""What all issuers have: the certificate of a generation of a CA, those above it, and the profile that it keeps to."""

from __future__ import annotations

from typing import Final

from reconciler.x509.errors import LintError
from reconciler.x509.profile import Request, lint
from reconciler.x509.read import Certificate


class Authority:
    """A CA as a client of it sees it."""

    def __init__(self, certificate: Certificate, above: tuple[Certificate, ...] = ()) -> None:
        """Takes a CA's certificate, and those of the CAs above it up to its root."""
        self.certificate: Final = certificate
        self.root: Final = above[-1] if above else certificate
        self.served_chain: Final = tuple(link for link in (certificate, *above) if not link.facts.self_signed)

    def prepare(self, request: Request) -> None:
        """First half: refuses what must not be signed; the key is not touched.

        Raises:
            LintError: with every problem found.
        """
        problems = lint(request, self.certificate.facts)
        if problems:
            raise LintError(problems)

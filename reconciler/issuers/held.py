"""Keys that a server keeps, and what is done when a certificate for one of them is asked of the CA above."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, cast

import msgspec

from reconciler.issuers.comparison import DeviationError, compare
from reconciler.issuers.protocol import Issuer, RemoteIssuer
from reconciler.vault.errors import Kind
from reconciler.x509.csr import SigningRequest
from reconciler.x509.profile import Request
from reconciler.x509.read import Certificate

#: Answers after which something may have been signed or made.
UNCERTAIN: Final = frozenset({Kind.UNKNOWN, Kind.NONSENSE})
#: Seconds before each look for it: it may not be visible yet everywhere.
WAITS: Final = (0.0, 0.5, 1.5)
#: How long ago a run may have died between having a CA signed and using the certificate.
_RESUMED: Final = timedelta(days=30)
_ENOUGH: Final = 0.1


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A key on a server that may belong to a CA."""

    reference: str
    """How the server calls it."""
    spki_sha256: str
    key: str
    """Its type, as in `KeyFacts.key`."""
    certificate: Certificate | None = None
    """The CA's, where the server keeps it."""
    generation: int = 0
    """By its name, when we gave it one; 0 otherwise."""
    name: str = ""
    """What people call it there; empty when it has no name."""
    default: bool = False


def certified(
    parent: Issuer, request: Request, csr: SigningRequest, old: Certificate | None, *, resumed: bool, now: datetime
) -> Certificate:
    """A certificate for a CA below another.

    Args:
        parent: the CA above.
        request: what is asked for.
        csr: of the key.
        old: the certificate that is renewed; None for a new CA.
        resumed: whether a run may have been here before: then a server that signs is asked first whether it has already.
        now: the time.

    Raises:
        LintError, VaultError: see `Issuer.sign_ca`.
    """
    parent.prepare(request)
    if resumed and parent.remote:
        for each in cast("RemoteIssuer", parent).find(csr.spki_sha256, now - _RESUMED):
            if fits(each, request, parent.certificate, csr.spki_sha256, now=now, old=old):
                return each
    return parent.sign_ca(request, csr, old)


def fits(
    certificate: Certificate, request: Request, issuer: Certificate | None, spki: str, *, now: datetime, old: Certificate | None
) -> bool:
    """Whether a certificate that is there already is what would be asked for now: the same, and hardly older."""
    if old is not None and certificate.facts.fingerprint == old.facts.fingerprint:
        return False
    slack = (request.not_after - request.not_before) * _ENOUGH
    if certificate.facts.not_after < request.not_after - slack:
        return False
    try:
        compare(certificate, made_then(request, certificate), issuer=issuer, spki=spki, now=now, old=old)
    except DeviationError:
        return False
    return True


def made_then(request: Request, certificate: Certificate) -> Request:
    """The request as it was when a certificate was made for it: the same lifetime from then on, or until the same end."""
    facts = certificate.facts
    lasting = facts.not_before + (request.not_after - request.not_before)
    end = max(lasting, min(facts.not_after, request.not_after))
    return msgspec.structs.replace(request, not_before=facts.not_before, not_after=end)

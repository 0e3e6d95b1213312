"""What the engine has to say at length, in our words; nobody should read anything out of these."""

from __future__ import annotations

from typing import Final

from tests.vault_server.wire import Refused

NO_URLS: Final = "No URLs of issuers, lists or OCSP are configured in this mount: certificates will not say where they are found."
NO_DEPTH: Final = "The maximum path length of this CA is zero: it cannot sign CAs."
NO_SUBJECT: Final = "This CA has no subject: many will not trust what it signs."
OUTLIVES: Final = "This CA lives longer than the one that signed it: chains end with the latter."
TOO_SHORT: Final = "what was provided is too short to be PEM"
NO_KEY: Final = "The chosen default issuer has no key in this mount: it cannot sign."


def no_common_name() -> Refused:
    """What gets who names nobody."""
    return Refused(400, "the common_name field is required, in the body or in the request, unless require_cn is false")


def no_default(issuer: str) -> str:
    """What is said when the default issuer is taken away."""
    return f"Deleted issuer {issuer}, which was the default: what names no issuer fails until another is chosen."

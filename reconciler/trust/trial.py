"""A trial: two parties and what they trust; and what came of it. How it is carried out is an edge's business."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol

import msgspec

from reconciler.trust.scene import Party, Trust


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """One connection to try."""

    client: Party | None
    """None when it presents nothing."""
    client_trust: Trust | None
    """None when it does not verify the server."""
    server: Party | None
    """None for a server whose certificate is not ours: a stand-in takes its place."""
    server_trust: Trust | None
    """None when it asks for no certificate."""
    host: str
    """What the client dials; empty when it does not matter."""


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Who broke off, and why."""

    by: Literal["client", "server", "none"]
    """none: there was nothing to try it with."""
    code: int
    """X509_V_ERR_*, or 0 when it is not about a certificate."""
    message: str
    """OpenSSL's words."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a trial; None where both sides got through and a byte arrived."""

    tls13: Refusal | None
    tls12: Refusal | None
    strict: Refusal | None = None
    """With OpenSSL's strict checks (X509_V_FLAG_X509_STRICT), which Go does not make; tried when the others got through."""


class Prove(Protocol):
    """Carries out trials."""

    def __call__(self, trial: Trial, signers: Mapping[str, str]) -> Outcome:
        """Connects, without regard to dates: those are judged apart, at any time.

        Args:
            trial: who connects to whom. Of the certificates of a party and trust file, only those named in them count.
            signers: of each CA certificate by fingerprint, SPKI SHA-256 of the key that signed it.
        """
        ...

"""What is known of revoked certificates and of the lists that name them: data only."""

from __future__ import annotations

from datetime import datetime

import msgspec

from reconciler.x509.facts import CrlFacts


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """A revoked certificate, put together from git, our records and the lists on disk."""

    serial: str
    address: str = ""
    """Whose it was; empty when only a list knows of it."""
    at: datetime | None = None
    """None for the time at which it is first listed."""
    reason: str = "unspecified"
    not_after: datetime | None = None
    """When the certificate ends; None when nobody knows any more."""
    fingerprint: str = ""
    """SHA-256 of the certificate; empty when nobody knows any more."""
    written: bool = False
    """Whether git says so."""
    listed: bool = False
    """Whether a list on disk names it."""
    signer: str = ""
    """SHA-256 of the public key of the generation whose list has to name it, where a server keeps one for each; empty when
    nobody knows, and where the lists of all generations name the same."""
    needs: str = ""
    """What must be done before it may be listed: address of a component that is replaced or taken away."""


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """The newest list on disk that is as it should be: whoever has another one gets a copy of it."""

    address: str
    form: str
    path: str
    facts: CrlFacts


class ListPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What the lists of one CA should be."""

    ca: str
    """Its name."""
    entries: tuple[Known, ...]
    """What they name, by serial number; an entry that `needs` something only once that is done."""
    held: tuple[Known, ...] = ()
    """What they do not name yet, because somebody still works with the certificate."""
    previous: int = 0
    """The greatest crlNumber that was found or is recorded; 0 for none."""
    reference: Reference | None = None
    """What to copy; None when a new list has to be signed."""

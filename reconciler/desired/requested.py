"""A signing request as the desired state has it: what is asked for, by whom, and what was said to it. Data."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

import msgspec

from reconciler.desired.diagnostics import Path
from reconciler.x509.facts import AskedFacts, KeyFacts

Approval = Literal["approved", "pending", "denied"]


class Requested(msgspec.Struct, frozen=True, kw_only=True):
    """A request whose form and signature were checked, and that policy has nothing against. ``request.NAME``."""

    address: str
    name: str
    ca: str
    """Name of the CA that would sign it."""
    file: str
    """Where it stands, relative to the main file."""
    pem: str
    """The request, one PEM block in its plain form. There is no key in it."""
    facts: AskedFacts
    approval: Approval = "pending"
    reason: str = ""
    """Why it was approved or denied, as written; may be empty unless it was denied."""
    digest: str
    """Of the file, ``sha256:HEX``."""
    pinned: bool = False
    """Whether the entry names this digest: an approval is for this file then, and else for whatever stands in it."""
    usages: tuple[str, ...]
    """Extended key usages by Kubernetes name, sorted."""
    key_usages: tuple[str, ...] = ()
    """keyUsage bits asked for by name, sorted."""
    lifetime: timedelta
    renew_before: timedelta
    manifest: str = ""
    """The Kubernetes object that it came in, as JSON with sorted keys and without a status; empty for a bare request."""
    signer: str = ""
    """The signer that the object names."""
    origin: Path = ()

    @property
    def key(self) -> KeyFacts:
        """What may be said of the key, which is not here."""
        return KeyFacts(spki_sha256=self.facts.spki_sha256, key=self.facts.key)

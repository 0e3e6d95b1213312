"""Denied requests: nothing comes of them but an entry in the audit log, once for each request and reason."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime

from reconciler.apply.audit import Entry
from reconciler.desired.model import DesiredState
from reconciler.desired.requested import Requested

#: The operation of such an entry.
DENY = "deny"


def denials(
    desired: DesiredState, known: Mapping[str, str], *, now: datetime, actor: str
) -> tuple[tuple[Entry, ...], dict[str, str]]:
    """What has to be written down now, and what is on record then.

    Args:
        desired: what should be.
        known: a digest of each denial on record, by address.
        now: the time, aware.
        actor: who applies it.
    """
    denied = {address: each for address, each in desired.requests.items() if each.approval == "denied"}
    current = {address: _digest(each) for address, each in denied.items()}
    entries = tuple(
        Entry(at=now, actor=actor, operation=DENY, address=address, note=f"{each.facts.subject}: {each.reason}")
        for address, each in denied.items()
        if known.get(address) != current[address]
    )
    return entries, {**known, **current} if desired.partial else current


def _digest(requested: Requested) -> str:
    return hashlib.sha256(f"{requested.pem}\0{requested.reason}".encode()).hexdigest()

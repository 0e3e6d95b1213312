"""Suspension: what is suspended is looked at and told, and never changed. Decisions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from reconciler.desired.model import DesiredState, parse_address
from reconciler.observed.model import Certificates
from reconciler.plan.context import Decision, Situation
from reconciler.plan.document import DiagnosticEntry
from reconciler.plan.order import natural
from reconciler.plan.reasons import Action

SUSPENDED: Final = "suspended"


def is_suspended(address: str, desired: DesiredState) -> bool:
    """Whether an address may be looked at only: by itself, as a copy or list of a CA, or as the file of a component."""
    if desired.suspended:
        return True
    component, kubeconfig = desired.components.get(address), desired.kubeconfigs.get(address)
    if component is not None:
        return component.suspended
    if kubeconfig is not None:
        owner = desired.components.get(kubeconfig.component)
        return owner is not None and owner.suspended
    kind, name, _ = parse_address(address)
    return kind in {"ca", "crl"} and name in desired.cas and desired.cas[name].suspended


def hold_suspended(decisions: Iterable[Decision], situation: Situation) -> Iterator[Decision]:
    """The same decisions, with everything that would change something suspended held back."""
    for decision in decisions:
        if decision.acts and decision.action > Action.NONE and is_suspended(decision.address, situation.desired):
            yield replace(decision, action=Action.NONE, blocked=True, held_by=SUSPENDED)
        else:
            yield decision


def tell_suspended(decisions: Iterable[Decision], situation: Situation) -> Iterator[DiagnosticEntry]:
    """One warning about everything that waits for an end of its suspension, the one that expires first by name."""
    held = sorted((each.address for each in decisions if each.held_by == SUSPENDED), key=natural)
    if not held:
        return
    ends = sorted((end, address) for address in held if (end := _end(address, situation)) is not None)
    detail = "Nothing is changed there until `suspend` is taken out of the desired state."
    if ends:
        end, address = ends[0]
        verb = "expired" if end < situation.now else "expires"
        detail += f" {address} {verb} first, on {end:%Y-%m-%d %H:%M} UTC."
    number = f"{len(held)} changes are" if len(held) > 1 else "1 change is"
    yield DiagnosticEntry(severity="warning", code=SUSPENDED, summary=f"{number} suspended", detail=detail, held_back=held)


def _end(address: str, situation: Situation) -> datetime | None:
    found = situation.pair(address).certificate
    return found.chain[0].not_after if isinstance(found, Certificates) else None

"""What plans will leave behind: each made for what the one before it left, until one has nothing to do any more."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from reconciler.apply.records import settle_rotations
from reconciler.desired.model import DesiredState
from reconciler.observed.model import Certificates, ObservedState, Served
from reconciler.passes.look import View, plan_of
from reconciler.plan.document import PlanDocument
from reconciler.plan.foresee import foresee
from reconciler.trust.proofs import Moment

#: Plans after which nobody waits for the end any more.
_MOST: Final = 40
NOW: Final = "now"


def forecast(view: View) -> tuple[Moment, ...]:
    """What is there now, and what is there after each plan: of a rotation all phases, with everybody told in between.

    Where a rotation only waits for time to pass, it passes.

    Args:
        view: what was found, and the first plan.
    """
    desired = view.session.compiled.state
    moments = [Moment(label=NOW, observed=view.observed, at=view.now)]
    plan, at, inventory = view.plan, view.now, view.inventory
    options = replace(view.options, confirmed=True, replace=())
    for _ in range(_MOST):
        inventory = replace(inventory, records=settle_rotations(inventory.records, plan))
        if not plan.work:
            later = _soaks_until(plan.document, at)
            if later is None:
                break
            at = later
        else:
            after = foresee(desired, moments[-1].observed, plan, now=at)
            moments.append(Moment(label=_label(plan.document, len(moments)), observed=after, at=at))
        found = moments[-1].observed
        served = _agreeing(desired, found, at)
        plan = plan_of(view.session, found, inventory, now=at, options=options, served=served, loaded=True)
    return tuple(moments)


def _soaks_until(document: PlanDocument, at: datetime) -> datetime | None:
    """When a rotation that only waits for time goes on."""
    ends = [entry.soaks_until for entry in document.rotations if entry.soaks_until is not None and entry.soaks_until > at]
    return min(ends, default=None)


def _label(document: PlanDocument, number: int) -> str:
    phases = ", ".join(f"{entry.phase} of {entry.address}" for entry in document.rotations if entry.phase != "stable")
    return f"phase {phases}" if phases else "the plan" if number == 1 else f"plan {number}"


def _agreeing(desired: DesiredState, observed: ObservedState, at: datetime) -> Mapping[str, Served]:
    """As if every endpoint presented what is on disk by now."""
    served: dict[str, Served] = {}
    for address, component in desired.components.items():
        pair = observed.pairs.get(address)
        if component.probe is not None and pair is not None and isinstance(pair.certificate, Certificates):
            fingerprint = pair.certificate.chain[0].fingerprint
            served[address] = Served(state="ok", endpoint=component.probe.endpoint, at=at, expected=fingerprint)
    return served

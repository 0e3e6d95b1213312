"""From one phase of a rotation to the next: what stands there after a pass, and whether more can be done at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from reconciler.apply.records import settle_rotations
from reconciler.observed.model import Served
from reconciler.passes.look import View, plan_of
from reconciler.plan.build import Work
from reconciler.plan.reasons import Action

#: What is done to a keypair that was there before.
_FOLLOWED: Final = frozenset({Action.ROTATE, Action.REPAIR})


def planned_again(view: View, *, clock: Callable[[], datetime], stop: Callable[[], bool]) -> View:
    """The view after everything was delivered, with the plan of the next step.

    Nobody is taken to have restarted anything in the meantime; endpoints are asked what they serve by now.

    Args:
        view: after everything that was done.
        clock: the time.
        stop: whether to stop.
    """
    options = replace(view.options, confirmed=False, replace=())
    served = {**view.served, **_asked(view, clock, stop)}
    now = clock()
    plan = plan_of(view.session, view.observed, view.inventory, now=now, options=options, served=served)
    return replace(view, plan=plan, now=now, options=options, served=served)


def noted(view: View) -> View:
    """The view, with the instants from which rotations soak on record: of a keypair nothing else says since when it does.

    Raises:
        StoreError, StateError: the state directory cannot be written.
    """
    records = settle_rotations(view.inventory.records, view.plan)
    if records == dict(view.inventory.records):
        return view
    return replace(view, inventory=view.session.state.save_inventory(replace(view.inventory, records=records)))


def goes_on(before: tuple[Work, ...], view: View) -> bool:
    """Whether the plan of a view is a further step of a rotation, and not the same thing once more.

    Args:
        before: what was carried out.
        view: planned again.
    """
    rotates = bool(view.plan.document.rotations) or leads_further(before) or leads_further(view.plan.work)
    return rotates and bool(view.plan.work) and kinds(view.plan.work) != kinds(before)


def leads_further(work: tuple[Work, ...]) -> bool:
    """Whether a CA or keypair is changed in a way that others follow only once it is there, or that only a further plan ends."""
    return any(each.task not in {"", "create"} or (each.kind == "keypair" and each.action in _FOLLOWED) for each in work)


def kinds(work: tuple[Work, ...]) -> frozenset[tuple[str, str, int]]:
    """What tells a further step from the same work once more."""
    return frozenset((each.address, each.task or _step_of(each), int(each.action)) for each in work)


def _step_of(work: Work) -> str:
    """What tells the steps of a keypair apart: it has no tasks, and is rewritten in every phase."""
    return " ".join(finding.message for finding in work.findings) if work.kind == "keypair" else ""


def _asked(view: View, clock: Callable[[], datetime], stop: Callable[[], bool]) -> dict[str, Served]:
    desired = view.session.compiled.state
    if not any(component.probe is not None for component in desired.components.values()):
        return {}
    from reconciler.observed.live.inquiries import inquiries  # noqa: PLC0415 - needs what talking TLS needs
    from reconciler.observed.live.probe import probe_all  # noqa: PLC0415

    return dict(probe_all(inquiries(desired, view.observed), now=clock, monotonic=time.monotonic, stop=stop))

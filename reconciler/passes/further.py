"""From one phase of a rotation to the next: whether there is more that can be done at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from msgspec.structs import replace

from reconciler.observed.model import Served
from reconciler.passes.look import View, plan_of
from reconciler.plan.build import Work


def further(view: View, before: View, *, clock: Callable[[], datetime], stop: Callable[[], bool]) -> View | None:
    """A view whose plan is the next step of a rotation; None when nothing can be done now, or no rotation is under way.

    Nobody is taken to have restarted anything in between, and endpoints are asked what they serve by now.

    Args:
        view: after everything that was done and delivered.
        before: the one whose plan was carried out.
        clock: the time.
        stop: whether to stop.
    """
    if not before.plan.document.rotations or stop():
        return None
    options = replace(view.options, confirmed=False, replace=())
    served = {**view.served, **_asked(view, clock, stop)}
    now = clock()
    plan = plan_of(view.session, view.observed, view.inventory, now=now, options=options, served=served)
    if not plan.work or _kinds(plan.work) == _kinds(before.plan.work):
        return None
    return replace(view, plan=plan, now=now, options=options, served=served)


def _kinds(work: tuple[Work, ...]) -> frozenset[tuple[str, str, int]]:
    """What is done, so that a plan that changes nothing is not carried out for ever."""
    return frozenset((each.address, each.task, int(each.action)) for each in work)


def _asked(view: View, clock: Callable[[], datetime], stop: Callable[[], bool]) -> dict[str, Served]:
    desired = view.session.compiled.state
    if not any(component.probe is not None for component in desired.components.values()):
        return {}
    from reconciler.observed.live.inquiries import inquiries  # noqa: PLC0415 - needs what talking TLS needs
    from reconciler.observed.live.probe import probe_all  # noqa: PLC0415

    return dict(probe_all(inquiries(desired, view.observed), now=clock, monotonic=time.monotonic, stop=stop))

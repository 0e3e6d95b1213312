"""From one phase of a rotation to the next: what stands there after a pass, and whether more can be done at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from msgspec.structs import replace

from reconciler.observed.model import Served
from reconciler.passes.look import View, plan_of
from reconciler.plan.build import Work


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


def goes_on(before: tuple[Work, ...], view: View) -> bool:
    """Whether the plan of a view is a further step of a rotation, and not the same thing once more.

    Args:
        before: what was carried out.
        view: planned again.
    """
    return bool(view.plan.document.rotations) and bool(view.plan.work) and _kinds(view.plan.work) != _kinds(before)


def _kinds(work: tuple[Work, ...]) -> frozenset[tuple[str, str, int]]:
    return frozenset((each.address, each.task, int(each.action)) for each in work)


def _asked(view: View, clock: Callable[[], datetime], stop: Callable[[], bool]) -> dict[str, Served]:
    desired = view.session.compiled.state
    if not any(component.probe is not None for component in desired.components.values()):
        return {}
    from reconciler.observed.live.inquiries import inquiries  # noqa: PLC0415 - needs what talking TLS needs
    from reconciler.observed.live.probe import probe_all  # noqa: PLC0415

    return dict(probe_all(inquiries(desired, view.observed), now=clock, monotonic=time.monotonic, stop=stop))

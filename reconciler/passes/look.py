"""One look: desired, observed and recorded, put together once."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime

import msgspec

from reconciler import __version__
from reconciler.observed import cache as cached
from reconciler.observed.gather import gather
from reconciler.observed.model import ObservedState, Served
from reconciler.passes.outside import ON_DISK, Outside
from reconciler.passes.session import Session
from reconciler.plan.build import Plan, make_plan
from reconciler.plan.inventory import Inventory
from reconciler.plan.options import Options
from reconciler.plan.status_document import StatusDocument


class View(msgspec.Struct, frozen=True, kw_only=True):
    """One look at everything."""

    session: Session
    observed: ObservedState
    inventory: Inventory
    plan: Plan
    now: datetime
    options: Options
    served: Mapping[str, Served]
    outside: Outside = ON_DISK
    """Where the places are; what was read there is kept."""

    def status(self) -> StatusDocument:
        """How every address is doing."""
        from reconciler.plan.status import status_of  # noqa: PLC0415 - a plan needs none of it

        return status_of(
            self.session.compiled.state, self.observed, self.plan.document, self.inventory, self.now, served=self.served
        )


def look(
    session: Session,
    *,
    now: datetime,
    options: Options,
    cache: cached.Cache | None = None,
    served: Mapping[str, Served] | None = None,
    outside: Outside | None = None,
) -> View:
    """Observes and plans.

    Args:
        session: the desired state.
        now: the time, aware.
        options: what a person asked of this plan.
        cache: what was found last time; None to use the file in the state directory, and bring it up to date.
        served: what endpoints presented when they were last asked, by address.
        outside: where the places are; None to begin afresh.

    Raises:
        StateError: the records cannot be used.
        InvalidOptionError: an option names something that it cannot mean.
    """
    inventory = session.state.load_inventory(cluster=session.compiled.state.cluster)
    known = cache if cache is not None else cached.load(session.state.cache_path, version=__version__, now_ns=time.time_ns())
    outside = outside or session.outside()
    observed = gather(session.compiled.state, store=outside.store, keyrings=outside.keyrings, cache=known)
    if cache is None and session.state.exists():
        cached.save(known, session.state.cache_path, version=__version__)
    return View(
        session=session,
        observed=observed,
        inventory=inventory,
        plan=plan_of(session, observed, inventory, now=now, options=options, served=served or {}),
        now=now,
        options=options,
        served=served or {},
        outside=outside,
    )


def plan_of(
    session: Session,
    observed: ObservedState,
    inventory: Inventory,
    *,
    now: datetime,
    options: Options,
    served: Mapping[str, Served],
    loaded: bool = False,
) -> Plan:
    """The plan for what was found; `loaded` as if all hooks had been delivered."""
    return make_plan(
        session.compiled.state,
        observed,
        inventory,
        now=now,
        options=options,
        source=session.source,
        tool_version=__version__,
        served=served,
        unready={} if loaded else _unready(session, observed, served),
    )


def _unready(session: Session, observed: ObservedState, served: Mapping[str, Served]) -> Mapping[str, str]:
    """Who was not told yet of what is on disk; nobody without hooks, and then nothing is loaded for it."""
    desired = session.compiled.state
    if not any(each.after for group in (desired.components, desired.bundles, desired.kubeconfigs) for each in group.values()):
        return {}
    from reconciler.apply.delivery.content import contents  # noqa: PLC0415 - see above
    from reconciler.apply.delivery.ledger_file import load_ledger  # noqa: PLC0415
    from reconciler.apply.delivery.owed import unready  # noqa: PLC0415

    return unready(desired, load_ledger(session.state), contents(desired, observed), served)

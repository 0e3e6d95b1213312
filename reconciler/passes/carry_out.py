"""From a view to what is done: apply, look again at what changed, run the hooks. Under the lock of whoever calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

import msgspec
from msgspec.structs import replace

from reconciler.apply.audit import AuditLog
from reconciler.apply.journal import Journal
from reconciler.apply.once import Applied, apply_plan
from reconciler.apply.progress import Listener
from reconciler.desired.model import parse_address
from reconciler.observed.gather import gather
from reconciler.observed.model import ObservedState
from reconciler.passes.look import View, plan_of
from reconciler.passes.scope import narrowed
from reconciler.plan.build import Work
from reconciler.vault.election.leadership import ALONE, Leadership

#: Beyond so many changed addresses everything is looked at again.
_FEW: Final = 500
#: What a view of a few addresses leaves out.
_WHOLE: Final = frozenset({"ca", "keypair"})


class Carried(msgspec.Struct, frozen=True, kw_only=True):
    """What an apply did, and what is there after it."""

    applied: Applied
    view: View


def carry_out(
    view: View,
    *,
    work: tuple[Work, ...] | None = None,
    only: frozenset[str] | None = None,
    journal: Journal,
    clock: Callable[[], datetime],
    listen: Listener,
    stop: Callable[[], bool],
    parallelism: int,
    actor: str,
    leadership: Leadership = ALONE,
) -> Carried:
    """Carries a plan out and looks again at what it changed.

    Args:
        view: what the plan was made from.
        work: the plan's work in another order; None for its own.
        only: the addresses that may be changed; everything else waits.
        journal: open and recovered.
        clock: the time.
        listen: hears of every step.
        stop: asked between steps.
        parallelism: how many keys are made at a time.
        actor: who does it.
        leadership: whether this process may act; asked before each step.

    Raises:
        StoreError: the state directory cannot be written.
    """
    session = view.session
    plan = view.plan if work is None else replace(view.plan, work=work)
    applied = apply_plan(
        session.compiled.state,
        view.observed,
        view.inventory,
        plan,
        state=session.state,
        journal=journal,
        store=view.outside.store,
        keyrings=view.outside.keyrings,
        audit=AuditLog(session.state.audit_path),
        clock=clock,
        where=session.where,
        listen=listen,
        stop=stop,
        parallelism=parallelism,
        actor=actor,
        revision=session.revision,
        only=only,
        leadership=leadership,
    )
    touched = frozenset(applied.outcome.done) | dict(applied.outcome.failed).keys()
    return Carried(applied=applied, view=_again(view, applied, touched, now=clock()))


def _again(view: View, applied: Applied, touched: Iterable[str], *, now: datetime) -> View:
    """The view after an apply."""
    addresses = frozenset(touched)
    if not addresses:
        return replace(view, inventory=applied.inventory)
    session = view.session
    desired, outside = session.compiled.state, view.outside
    if len(addresses) > _FEW or any(parse_address(address)[0] in _WHOLE for address in addresses):
        observed = gather(desired, store=outside.store, keyrings=outside.keyrings)
    else:
        part = gather(narrowed(desired, addresses), store=outside.store, keyrings=outside.keyrings)
        observed = _merged(view.observed, part)
    plan = plan_of(session, observed, applied.inventory, now=now, options=view.options, served=view.served)
    return replace(view, observed=observed, inventory=applied.inventory, plan=plan, now=now)


def _merged(before: ObservedState, part: ObservedState) -> ObservedState:
    looked_at = part.pairs.keys()
    return replace(
        before,
        pairs={**before.pairs, **part.pairs},
        bundles={**before.bundles, **part.bundles},
        kubeconfigs={**before.kubeconfigs, **part.kubeconfigs},
        crls={**before.crls, **part.crls},
        requests={**{address: each for address, each in before.requests.items() if address not in looked_at}, **part.requests},
    )

"""Carries a plan out, in its order: CAs first, one by one; components and what is derived from them in batches; removals.

A failure stops its own address and what rests on it; everything else goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack
from itertools import groupby
from types import MappingProxyType
from typing import Final

from reconciler.apply import authorities, bundles, components, crls, granted, keypairs, kubeconfigs, leaving, outside
from reconciler.apply.access import is_access_only
from reconciler.apply.publishing import Intention, publish_all
from reconciler.apply.run import Run
from reconciler.desired.model import CA
from reconciler.desired.place import Place
from reconciler.plan.build import Work
from reconciler.plan.reasons import Action
from reconciler.vault.election.leadership import LeaseLostError

#: So many publications share one journal write and their syncs; a stop is heard between batches.
BATCH: Final = 128

Handler = Callable[[Run, Work, float], None]


def carry_out(run: Run, plan: Sequence[Work], *, settle: Callable[[], None]) -> None:
    """Carries out the work of a plan.

    Args:
        run: what to work with; results are noted on it.
        plan: the work, in its order; it ends where the lease is lost.
        settle: called after every step or batch: writes the audit entries that have gathered.
    """
    with ExitStack() as resources:
        pool: Executor | None = None
        if run.parallelism > 1 and sum(work.kind == "component" for work in plan) > 1:
            pool = resources.enter_context(ThreadPoolExecutor(run.parallelism, "keys"))
        for work in plan:
            run.rename(work)
        for group in in_groups(plan):
            if run.stop():
                run.interrupted = True
                return
            try:
                run.leadership.ensure()
                _carry_out_group(run, group, pool)
            except LeaseLostError as error:
                # What was begun stays open in the journal: whoever acts next with this state directory finishes or undoes it.
                run.interrupted, run.lost = True, str(error)
                return
            finally:
                settle()


def in_groups(plan: Sequence[Work]) -> Iterator[tuple[Work, ...]]:
    """Splits the work into steps: batches of neighbours of one kind, everything else alone."""
    for _, neighbours in groupby(plan, key=lambda work: work.kind if _is_batched(work) else work.address):
        waiting = list(neighbours)
        while waiting:
            yield tuple(waiting[:BATCH])
            waiting = waiting[BATCH:]


def _is_batched(work: Work) -> bool:
    return work.kind in BATCHED and work.action not in BY_ACTION


def _carry_out_group(run: Run, group: Sequence[Work], pool: Executor | None) -> None:
    if not _is_batched(group[0]):
        for work in group:
            with run.step(work) as started:
                _handler(work)(run, work, started)
        return
    kind = group[0].kind
    if kind == "component":
        components.make_keys(run, group, pool)
    for part in components.apart(run, group) if kind == "component" else (group,):
        _publish_part(run, part, kind)


def _publish_part(run: Run, part: Sequence[Work], kind: str) -> None:
    intentions: list[Intention] = []
    for work in part:
        with run.step(work) as started:
            intention = BATCHED[kind](run, work, started)
            if intention is not None:
                intentions.append(intention)
    if intentions:
        publish_all(run, intentions)
    if kind == "component":
        outside.tidy(run, [intention.work.address for intention in intentions])


def _handler(work: Work) -> Handler:
    return BY_ACTION[work.action] if work.action in BY_ACTION else HANDLERS[work.kind]


def _authority(run: Run, work: Work, started: float) -> None:
    ca, place = _ca_at(run, work.address)
    if is_access_only(work):
        authorities.repair(run, work, ca, place, started)
    elif work.address == ca.address:
        authorities.TASKS[work.task](run, work, ca, started)
    else:
        authorities.copy(run, work, ca, place, started)


def _ca_at(run: Run, address: str) -> tuple[CA, Place]:
    for ca in run.desired.cas.values():
        if ca.address == address:
            return ca, ca.place
        for copy in ca.replicas:
            if copy.address == address:
                return ca, copy.place
    raise KeyError(address)


def _keypair(run: Run, work: Work, started: float) -> None:
    for keypair in run.desired.keypairs.values():
        for replica in keypair.replicas:
            if replica.address == work.address:
                keypairs.write(run, work, keypair, replica, started)
                return
    raise KeyError(work.address)


#: What is made or mended one by one, because the next step may rest on it.
HANDLERS: Mapping[str, Handler] = MappingProxyType({"ca": _authority, "keypair": _keypair})

#: What is published in batches.
BATCHED: Mapping[str, Callable[[Run, Work, float], Intention | None]] = MappingProxyType(
    {
        "component": components.prepare,
        "request": granted.prepare,
        "bundle": bundles.prepare,
        "kubeconfig": kubeconfigs.prepare,
        "crl": crls.prepare,
    }
)

#: What does not depend on the kind.
BY_ACTION: Mapping[Action, Handler] = MappingProxyType(
    {
        Action.DESTROY: leaving.destroy,
        Action.FORGET: leaving.forget,
        Action.NONE: leaving.record_only,
        Action.REQUEST: outside.ask,
    }
)

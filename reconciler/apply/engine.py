"""Carries a plan out, in its order: CAs first, one by one; components in parallel batches; derived files; removals.

A failure stops its own address and what rests on it; everything else goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack
from types import MappingProxyType

from reconciler.apply import authorities, bundles, components, keypairs, kubeconfigs, leaving
from reconciler.apply.access import is_access_only
from reconciler.apply.run import Run
from reconciler.desired.model import CA, Place
from reconciler.plan.build import Work
from reconciler.plan.reasons import Action

Handler = Callable[[Run, Work, float], None]


def carry_out(run: Run, plan: Sequence[Work], *, settle: Callable[[], None]) -> None:
    """Carries out the work of a plan.

    Args:
        run: what to work with; results are noted on it.
        plan: the work, in its order.
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
                _carry_out_group(run, group, pool)
            finally:
                settle()


def in_groups(plan: Sequence[Work]) -> Iterator[tuple[Work, ...]]:
    """Splits the work into steps: batches of neighbouring components, everything else alone."""
    batch: list[Work] = []
    for work in plan:
        if _is_batched(work):
            batch.append(work)
            if len(batch) == components.BATCH:
                yield tuple(batch)
                batch = []
            continue
        if batch:
            yield tuple(batch)
            batch = []
        yield (work,)
    if batch:
        yield tuple(batch)


def _is_batched(work: Work) -> bool:
    return work.kind == "component" and work.action in {Action.CREATE, Action.REISSUE, Action.REKEY, Action.REPAIR}


def _carry_out_group(run: Run, group: Sequence[Work], pool: Executor | None) -> None:
    if _is_batched(group[0]):
        components.carry_out(run, [(work, run.desired.components[work.address]) for work in group], pool)
        return
    for work in group:
        with run.step(work) as started:
            _handler(work)(run, work, started)


def _handler(work: Work) -> Handler:
    return BY_ACTION[work.action] if work.action in BY_ACTION else HANDLERS[work.kind]


def _authority(run: Run, work: Work, started: float) -> None:
    ca, place = _ca_at(run, work.address)
    if is_access_only(work):
        authorities.repair(run, work, ca, place, started)
    elif work.address == ca.address:
        authorities.create(run, work, ca, started)
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


def _bundle(run: Run, work: Work, started: float) -> None:
    bundles.write(run, work, run.desired.bundles[work.address], started)


def _kubeconfig(run: Run, work: Work, started: float) -> None:
    kubeconfigs.write(run, work, run.desired.kubeconfigs[work.address], started)


#: How each kind is made or mended.
HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {"ca": _authority, "keypair": _keypair, "bundle": _bundle, "kubeconfig": _kubeconfig}
)

#: What does not depend on the kind.
BY_ACTION: Mapping[Action, Handler] = MappingProxyType(
    {Action.DESTROY: leaving.destroy, Action.FORGET: leaving.forget, Action.NONE: leaving.record_only}
)

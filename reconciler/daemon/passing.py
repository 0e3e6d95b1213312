"""One pass: look, decide what may be done now, do it, deliver it, and say what it came to."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, Literal

import msgspec
from msgspec.structs import replace

from reconciler.apply.journal import Journal
from reconciler.apply.lock import LockHeldError, hold
from reconciler.apply.once import recover_interrupted
from reconciler.apply.progress import Listener, Outcome
from reconciler.daemon.attempts import Hold, asked_again, begun, ended, forgotten, holds
from reconciler.daemon.conditions import LEASE_LOST, LOCK_HELD, Refused
from reconciler.daemon.memory import MEMORY, Memory
from reconciler.daemon.role import ONLY_ONE, Role
from reconciler.daemon.settings import Settings
from reconciler.daemon.urgency import lives, most_urgent_first
from reconciler.observed.cache import Cache
from reconciler.observed.model import Served
from reconciler.passes.carry_out import carry_out
from reconciler.passes.deliver import Delivered, Deliveries
from reconciler.passes.kept_plans import keep_plan
from reconciler.passes.look import View, look
from reconciler.passes.session import Session
from reconciler.plan.build import Work
from reconciler.plan.document import PlanDocument, reasons_of
from reconciler.plan.options import Options
from reconciler.plan.reasons import Action
from reconciler.stores.errors import StoreError

_log: Final = logging.getLogger(__name__)

#: Seconds for which a pass waits for the lock: a plan or a status by hand holds it for as long as a look takes.
_GLANCE: Final = 1.0

Result = Literal["success", "error", "noop"]


class Passed(msgspec.Struct, frozen=True, kw_only=True):
    """What a pass came to."""

    view: View | None = None
    """After everything; None when it could not look."""
    planned: PlanDocument | None = None
    """Before anything was done."""
    outcome: Outcome = msgspec.field(default_factory=Outcome)
    holds: tuple[Hold, ...] = ()
    delivered: Delivered | None = None
    trouble: Refused | None = None
    work: tuple[Work, ...] = ()

    @property
    def result(self) -> Result:
        """In one word, for metrics and status."""
        hooks_fail = self.delivered is not None and bool(self.delivered.failing)
        if self.trouble or self.outcome.failed or self.outcome.skipped or hooks_fail or (self.planned and self.planned.errored):
            return "error"
        ran = self.delivered is not None and bool(self.delivered.ran)
        return "success" if self.outcome.done or ran else "noop"


class Tools(msgspec.Struct, frozen=True, kw_only=True):
    """What a pass works with."""

    clock: Callable[[], datetime]
    listen: Listener
    stop: Callable[[], bool]
    wait: Callable[[float], None]
    """Waits so many seconds, or until the stop."""
    beat: Callable[[], None]
    """Says that it lives, where something may take long."""


def one_pass(
    session: Session,
    memory: Memory,
    *,
    settings: Settings,
    tools: Tools,
    trusted: bool,
    cache: Cache,
    served: Mapping[str, Served],
    options: Options | None = None,
    ahead: Passed | None = None,
    impatient: bool = False,
    role: Role = ONLY_ONE,
) -> tuple[Passed, Memory]:
    """One pass over a desired state, or over an urgent part of it. Never raises for what a disk or a lock can do.

    Args:
        session: what is desired; of a part, its view.
        memory: what is kept.
        settings: how to run.
        tools: clock, listener and stop.
        trusted: whether the clock can be trusted: otherwise nothing is changed.
        cache: what was found in the pass before.
        served: what endpoints presented when they were last asked.
        options: of a part, its targets; hooks then wait for the whole.
        ahead: what came of an urgent part just before: it is told, to hooks too, as if this pass had done it.
        impatient: somebody asked for it now: what failed is tried again at once.
        role: whether it is this one of several reconcilers that acts; otherwise it only looks.
    """
    try:
        session.state.create()
        with hold(
            session.state.lock_path,
            operation="reconcile",
            exclusive=True,
            timeout=settings.lock_timeout if settings.once else _GLANCE,
            stop=tools.stop,
        ) as held:
            guarded = replace(tools, stop=lambda: tools.stop() or held.is_lost())
            passed, memory = _locked(
                session,
                memory,
                settings=settings,
                tools=guarded,
                trusted=trusted,
                cache=cache,
                served=served,
                options=options,
                ahead=ahead,
                impatient=impatient,
                role=role,
            )
    except LockHeldError as error:
        holder = f"{error.info.who} (pid {error.info.pid}, {error.info.operation})" if error.info else "somebody"
        message = f"{holder} is at work with {session.state.path}; this is tried again."
        passed = Passed(trouble=Refused(reason=LOCK_HELD, message=message, stalled=False))
    except StoreError as error:
        passed = Passed(trouble=Refused(reason="StateUnusable", message=f"{error.advice}.", stalled=not error.retryable))
    return _together(ahead, passed), memory


def _locked(
    session: Session,
    memory: Memory,
    *,
    settings: Settings,
    tools: Tools,
    trusted: bool,
    cache: Cache,
    served: Mapping[str, Served],
    options: Options | None,
    ahead: Passed | None,
    impatient: bool,
    role: Role,
) -> tuple[Passed, Memory]:
    # 1. What a crash left open is finished or undone before anything is looked at, by whoever acts.
    now = tools.clock()
    journal = Journal.open(session.state.journal_path)
    outside = session.outside()
    if role.acts:
        for note in recover_interrupted(
            session.state, journal, store=outside.store, keyrings=outside.keyrings, now=now, actor=settings.actor
        ):
            _log.warning("%s", note)
    # 2. Look and plan.
    options_now = replace(options or Options(), confirmed=False)
    view = look(session, now=now, options=options_now, cache=cache, served=served, outside=outside)
    planned, desired = view.plan.document, session.compiled.state
    how_long = lives(desired, view.observed)
    if options is None:
        # What a person put right by hand meanwhile may fall due again, and is then asked for again.
        wanted = {entry.address for entry in planned.resource_changes}
        memory = replace(memory, attempts=asked_again(memory.attempts, memory.attempts.keys() - wanted))
    # 3. What may be done now, the most urgent first.
    acts = trusted and role.acts
    work = most_urgent_first(view.plan.work, how_long) if acts else ()
    revision = session.version
    waiting = holds(work, memory.attempts, revision=revision, lives=how_long, now=now, impatient=impatient)
    held = {hold.address for hold in waiting}
    going = tuple(each for each in work if each.address not in held)
    deliveries = Deliveries(session.state, beat=tools.beat)
    outcome = Outcome()
    if acts:
        # 4. On record before anything changes: whose hooks will be owed, and that it is tried.
        changing = [each.address for each in going if each.action > Action.NONE]
        if changing:
            deliveries.note_baseline(view)
            _keep_plan(session, planned)
            memory = _kept(session, replace(memory, attempts=begun(changing, memory.attempts, revision=revision, now=now)))
        foreign = frozenset(entry.address for entry in planned.resource_drift)
        carried = carry_out(
            view,
            work=going,
            journal=journal,
            clock=tools.clock,
            listen=tools.listen,
            stop=tools.stop,
            parallelism=settings.parallelism,
            actor=settings.actor,
            leadership=role.leadership,
        )
        view, outcome = carried.view, carried.applied.outcome
        if changing:
            attempts = ended(
                [each for each in going if each.action > Action.NONE],
                memory.attempts,
                done=outcome.done,
                failed={**dict(outcome.failed), **dict(outcome.skipped)},
                refused=outcome.refused,
                foreign=foreign,
                lives=how_long,
                now=tools.clock(),
            )
            memory = _kept(session, replace(memory, attempts=attempts))
    # 5. Who reads the files is told, until it serves them.
    delivered = None
    if options is None and role.acts and not outcome.lost:
        why = {**(reasons_of(ahead.planned) if ahead and ahead.planned else {}), **reasons_of(planned)}
        delivered = deliveries.deliver(
            view, reasons=why, clock=tools.clock, wait=tools.wait, stop=tools.stop, impatient=impatient
        )
    memory = replace(memory, attempts=forgotten(memory.attempts, tools.clock()))
    passed = Passed(
        view=view,
        planned=planned,
        outcome=outcome,
        holds=waiting,
        delivered=delivered,
        trouble=_trouble(role, outcome),
        work=going,
    )
    return passed, memory


def _trouble(role: Role, outcome: Outcome) -> Refused | None:
    """Why a pass that could look could not go on."""
    if outcome.lost:
        return Refused(reason=LEASE_LOST, message=outcome.lost, stalled=False)
    return Refused(reason=role.reason, message=role.message) if role.stalled else None


def _together(ahead: Passed | None, passed: Passed) -> Passed:
    """A pass with what was done just ahead of it. What failed there is in its own plan again, tried or held."""
    if ahead is None or ahead.planned is None:
        return passed
    done = ahead.outcome.done
    planned = passed.planned or replace(ahead.planned, resource_changes=[], diagnostics=[])
    first = [entry for entry in ahead.planned.resource_changes if entry.address in done]
    return replace(
        passed,
        planned=replace(planned, resource_changes=[*first, *planned.resource_changes]),
        outcome=replace(passed.outcome, done=(*done, *passed.outcome.done)),
    )


def _keep_plan(session: Session, planned: PlanDocument) -> None:
    """For whoever asks afterwards: that it cannot be kept holds nothing back."""
    try:
        keep_plan(session.state, planned, version=session.version)
    except (StoreError, OSError) as error:
        _log.warning("the plan is carried out and cannot be kept: %s", error)


def _kept(session: Session, memory: Memory) -> Memory:
    session.state.write(MEMORY, memory)
    return memory

"""What happens each time the loop wakes: follow the source, judge the clock, pass, ask what is served, report."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
from msgspec.structs import replace

from reconciler import RELEASED, __version__
from reconciler.daemon.attempts import asked_again, flapping, next_retry
from reconciler.daemon.candidacy import Candidacy
from reconciler.daemon.clock import Anchor, Verdict, judge, next_look
from reconciler.daemon.conditions import SEEN, Findings, Refused, conditions
from reconciler.daemon.following import Following
from reconciler.daemon.memory import MEMORY, Memory
from reconciler.daemon.passing import Passed, Tools, one_pass
from reconciler.daemon.report import status_document
from reconciler.daemon.role import ONLY_ONE, Role
from reconciler.daemon.settings import Settings
from reconciler.daemon.writers import last_writers
from reconciler.desired.model import DesiredState
from reconciler.observed.cache import Cache
from reconciler.observed.live.inquiries import inquiries
from reconciler.observed.live.probe import probe_all
from reconciler.observed.model import Served
from reconciler.passes.further import kinds, leads_further
from reconciler.passes.reported import SERVED, STATUS, load_served
from reconciler.passes.scope import urgent_part
from reconciler.passes.session import Session
from reconciler.plan.build import Plan
from reconciler.plan.options import Options
from reconciler.plan.rotation.keypair_life import KeypairLife
from reconciler.plan.rotation.lifecycle import Lifecycle, Standing
from reconciler.plan.status_document import ReconcilerStatus, StatusDocument
from reconciler.stores.errors import StoreError

_log: Final = logging.getLogger(__name__)

_RELEASED: Final = datetime.fromisoformat(RELEASED).replace(tzinfo=UTC)
_SHORTEST: Final = timedelta(seconds=1)
#: After a pass that could not begin: somebody is at work, or a disk is full.
_TROUBLED: Final = timedelta(seconds=5)
#: Without components: what a clock may jump without being asked twice.
_NO_LIFETIME: Final = timedelta(days=365)


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What one waking came to."""

    passed: Passed
    status: StatusDocument | None
    """None while there is no desired state at all."""
    failed: bool
    """Whether anything is not as it should be that this program should have seen to."""
    next_at: datetime | None = None
    """When something falls due, by the wall clock."""
    next_why: str = ""
    again: bool = False
    """Whether there is more to do at once."""
    refused: Refused | None = None
    desired: DesiredState | None = None
    """What is in force."""
    acts: bool = True
    """Whether it is this one of several reconcilers that acts."""

    @property
    def complete(self) -> bool:
        """Whether everything is as it should be, and nobody is owed anything."""
        owed = self.passed.delivered is not None and bool(self.passed.delivered.hooks)
        return not (self.failed or self.again or owed or self.passed.outcome.interrupted)


class Reconciler:
    """Goes from waking to waking, with what it must remember in between."""

    def __init__(
        self,
        following: Following,
        settings: Settings,
        *,
        tools: Tools,
        boot: Callable[[], float],
        observe_pass: Callable[[str, float], None],
        candidacy: Candidacy | None = None,
    ) -> None:
        """Nothing is read yet.

        Args:
            following: the desired state in force.
            settings: how to run.
            tools: clock, listener and stop.
            boot: seconds since boot.
            observe_pass: hears of the result of each pass and how many seconds it took.
            candidacy: asks whether it is this one of several reconcilers that acts.
        """
        self._candidacy: Final = candidacy
        self._following: Final = following
        self._settings: Final = settings
        self._tools: Final = tools
        self._boot: Final = boot
        self._observe: Final = observe_pass
        self._memory: Memory | None = None
        self._cache = Cache(now_ns=time.time_ns())
        self._served: dict[str, Served] = {}
        self._last: StatusDocument | None = None
        self._worked: frozenset[tuple[str, str, int]] = frozenset()
        self._me = ReconcilerStatus(
            version=__version__, started_at=tools.clock().replace(microsecond=0), pid=os.getpid(), node=settings.node
        )

    @property
    def doubts_the_clock(self) -> bool:
        """Whether the clock went forward and is to be looked at again soon."""
        suspicion = self._memory.suspicion if self._memory is not None else None
        return suspicion is not None and suspicion.kind == "forward"

    def step(self, trigger: str) -> Step:
        """One waking.

        Args:
            trigger: what woke it: start, lease, source, files, renewal, rotation, retry, signal or interval.
        """
        started = self._tools.clock()
        refused = self._following.refresh(whole=trigger in {"start", "signal", "interval"})
        session = self._following.session
        if session is None:
            return Step(passed=Passed(trouble=refused), status=None, failed=True, refused=refused)
        memory = self._recalled(session)
        verdict = self._judge(session, memory)
        memory = replace(memory, anchor=verdict.anchor, suspicion=verdict.suspicion)
        role = self._candidacy.stand(session) if self._candidacy is not None else ONLY_ONE
        ahead: Passed | None = None
        if verdict.trusted:
            memory = replace(memory, last_seen=started if verdict.accepted else max(started, memory.last_seen or started))
            ahead, memory = self._urgent(session, memory, role)
        if trigger == "signal":
            memory = replace(memory, attempts=asked_again(memory.attempts))
        before = self._boot()
        self._cache = self._cache.next_pass(now_ns=time.time_ns())
        passed, memory = one_pass(
            session,
            memory,
            settings=self._settings,
            tools=self._tools,
            trusted=verdict.trusted,
            cache=self._cache,
            served=self._served,
            ahead=ahead,
            impatient=self._settings.once or trigger == "signal",
            role=role,
        )
        self._observe(passed.result, self._boot() - before)
        newly_stale = self._ask(session, passed)
        worked = kinds(passed.work)
        again = newly_stale or _goes_on(passed, further=worked != self._worked)
        self._worked = worked
        return self._report(session, memory, passed, verdict, refused, role=role, trigger=trigger, started=started, again=again)

    def _recalled(self, session: Session) -> Memory:
        if self._memory is None:
            self._memory = session.state.read(MEMORY, Memory) or Memory()
            self._served = dict(load_served(session.state))
        return self._memory

    def _judge(self, session: Session, memory: Memory) -> Verdict:
        lifetimes = [component.lifetime for component in session.compiled.state.components.values()]
        return judge(
            Anchor(wall=self._tools.clock(), boot=self._boot()),
            anchor=memory.anchor,
            suspicion=memory.suspicion,
            last_seen=memory.last_seen,
            released=_RELEASED,
            longest=max(lifetimes, default=_NO_LIFETIME),
            interval=self._settings.interval,
        )

    def _urgent(self, session: Session, memory: Memory, role: Role) -> tuple[Passed | None, Memory]:
        """What a commit changed in a large desired state is done ahead of a look at everything.

        Not while a CA is between two generations, or may be: which of them belongs where is told by everything that holds
        one, and a trust file written from less would be taken for the beginning of the end of the old one.
        """
        part = urgent_part(self._following.take_before(), session.compiled.state)
        if part is None or self._last is None or self._last.rotations or not role.acts:
            return None, memory
        targets = (*part.components, *part.bundles, *part.kubeconfigs)
        view = replace(session, compiled=replace(session.compiled, state=part))
        return one_pass(
            view,
            memory,
            settings=self._settings,
            tools=self._tools,
            trusted=True,
            cache=Cache(now_ns=time.time_ns()),
            served={},
            options=Options(targets=targets),
            role=role,
        )

    def _ask(self, session: Session, passed: Passed) -> bool:
        """Asks every endpoint that was not asked in the pass; whether one serves something else, and has hooks to mend it."""
        if passed.view is None:
            return False
        desired = session.compiled.state
        asked = inquiries(desired, passed.view.observed)
        fresh = dict(passed.delivered.served) if passed.delivered else {}
        rest = {address: inquiry for address, inquiry in asked.items() if address not in fresh}
        fresh |= probe_all(rest, now=self._tools.clock, monotonic=self._boot, stop=self._tools.stop)
        stale = {address for address, result in self._served.items() if result.state == "stale"}
        known = {**self._served, **fresh}
        self._served = {address: known[address] for address in asked if address in known}
        return any(
            result.state == "stale" and address not in stale and desired.components[address].after and not desired.suspended
            for address, result in self._served.items()
        )

    def _report(
        self,
        session: Session,
        memory: Memory,
        passed: Passed,
        verdict: Verdict,
        refused: Refused | None,
        *,
        role: Role,
        trigger: str,
        started: datetime,
        again: bool,
    ) -> Step:
        now = self._tools.clock().replace(microsecond=0)
        view, delivered = passed.view, passed.delivered
        others = flapping(memory.attempts, now)
        findings = Findings(
            source=refused,
            source_is_verified=self._settings.verifies,
            signer=self._following.revision.signer if self._following.revision else "",
            clock=None if verdict.trusted else Refused(reason=verdict.reason, message=verdict.message, stalled=False),
            trouble=passed.trouble,
            role=role,
            plan=view.plan.document if view else None,
            failed={**dict(passed.outcome.failed), **dict(passed.outcome.skipped)},
            refused=passed.outcome.refused,
            holds=passed.holds,
            hooks=delivered.hooks if delivered else (),
            served=self._served,
            suspended=session.compiled.state.suspended,
            standings=_standings(view.plan) if view else {},
            flapping=last_writers(others, {a: view.inventory.records[a].paths for a in others if a in view.inventory.records})
            if view
            else {},
        )
        told = conditions(findings, memory.conditions, now)
        if view is None:
            # What only a look can tell is neither over nor begun.
            told = (*told, *(each for each in memory.conditions if each.type in SEEN))
        ready = told[0].status == "True"
        memory = replace(memory, conditions=told, last_success_at=now if ready else memory.last_success_at)
        next_at, next_why = (now, "retry") if again else self._next(passed, memory, now)
        self._me = replace(self._me, passes=self._me.passes + 1, last_success_at=memory.last_success_at)
        status = status_document(
            view=view,
            passed=passed,
            conditions=told,
            following=self._following.describe(),
            reconciler=self._me,
            served=self._served,
            trigger=trigger,
            started=started,
            now=now,
            next_pass=(next_at, next_why) if next_at else None,
            before=self._last,
            cluster=session.compiled.state.cluster,
        )
        self._last = status
        trouble = self._save(session, memory, status)
        self._memory = memory
        failed = not ready or trouble or passed.result == "error"
        return Step(
            passed=passed,
            status=status,
            failed=failed,
            next_at=next_at,
            next_why=next_why,
            again=again,
            refused=refused,
            desired=session.compiled.state,
            acts=role.acts,
        )

    def _next(self, passed: Passed, memory: Memory, now: datetime) -> tuple[datetime | None, str]:
        """The earliest instant at which there is something to do, and why."""
        due: list[tuple[datetime, str]] = []
        if passed.view is not None and (renewal := passed.view.plan.document.summary.next_renewal) is not None:
            due.append((renewal, "renewal"))
        if passed.view is not None:
            ends = (entry.soaks_until for entry in passed.view.plan.document.rotations)
            due += [(end, "rotation") for end in ends if end is not None and end > now]
        if (retry := next_retry(passed.holds, memory.attempts, now)) is not None:
            due.append((retry, "retry"))
        if passed.delivered is not None and passed.delivered.next_attempt_at is not None:
            due.append((passed.delivered.next_attempt_at, "retry"))
        if memory.suspicion is not None:
            due.append((now + next_look(memory.suspicion, self._settings.interval), "retry"))
        if passed.trouble is not None and not passed.trouble.stalled:
            due.append((now + _TROUBLED, "retry"))
        if not due:
            return None, ""
        at, why = min(due)
        # Never at once again: whatever is due and does not go away must not make the loop spin.
        return max(at, now + _SHORTEST), why

    def _save(self, session: Session, memory: Memory, status: StatusDocument) -> bool:
        """Writes down what others read; whether that failed, which stops nothing."""
        try:
            session.state.write(MEMORY, memory)
            session.state.write(SERVED, self._served)
            session.state.write(STATUS, status)
        except StoreError as error:
            _log.warning("what this pass came to cannot be written down: %s", error.advice)
            return True
        return False


def _standings(plan: Plan) -> dict[str, Standing]:
    """Where every CA and keypair stands, by address."""
    lives: tuple[Lifecycle | KeypairLife, ...] = (*plan.lives.values(), *plan.keypairs.values())
    return {life.desired.address: life.standing for life in lives}


def _goes_on(passed: Passed, *, further: bool) -> bool:
    """Whether a step of a rotation was taken, so that the next one may be possible now.

    Args:
        passed: what was done.
        further: whether it is other work than that of the pass before: what comes back again and again must not make the
            loop spin.
    """
    rotating = leads_further(passed.work) or (passed.planned is not None and bool(passed.planned.rotations))
    did = further and bool(passed.outcome.done)
    return rotating and (did or bool(passed.delivered and passed.delivered.ran))

"""The status document of a running reconciler. Decisions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, Literal

from msgspec.structs import replace

from reconciler.daemon.attempts import Hold
from reconciler.daemon.passing import Passed
from reconciler.observed.model import Served
from reconciler.passes.look import View
from reconciler.plan.document import PlanDocument
from reconciler.plan.health import UNSETTLED
from reconciler.plan.status_document import (
    FORMAT_VERSION,
    Condition,
    PassStatus,
    PlannedChange,
    ReconcilerStatus,
    SourceStatus,
    StatusDocument,
    StatusSummary,
)

#: Lines of a plan in a status: more than anybody reads.
MOST_CHANGES: Final = 200

Outcome = Literal["done", "failed", "skipped", "held", "pending"]


def planned_changes(
    plan: PlanDocument,
    *,
    done: Iterable[str] = (),
    failed: Mapping[str, str] | None = None,
    skipped: Mapping[str, str] | None = None,
    holds: Sequence[Hold] = (),
) -> list[PlannedChange]:
    """The lines of a plan with what became of each, in the order of work.

    Args:
        plan: as it was before anything was done.
        done: addresses.
        failed: addresses, with what went wrong.
        skipped: addresses that could not start, and why.
        holds: addresses that have to wait.
    """
    finished = frozenset(done)
    waiting = {hold.address: hold.detail for hold in holds}
    lines = []
    for entry in plan.resource_changes[:MOST_CHANGES]:
        outcome: Outcome = "pending"
        detail = ""
        if entry.address in finished:
            outcome = "done"
        elif failed and entry.address in failed:
            outcome, detail = "failed", failed[entry.address]
        elif skipped and entry.address in skipped:
            outcome, detail = "skipped", skipped[entry.address]
        elif entry.address in waiting:
            outcome, detail = "held", waiting[entry.address]
        elif entry.change.class_ in UNSETTLED:
            outcome = "held"
        reasons = list(dict.fromkeys(reason.code for reason in entry.change.reasons))
        lines.append(
            PlannedChange(address=entry.address, class_=entry.change.class_, reasons=reasons, outcome=outcome, detail=detail)
        )
    return lines


def diagnostics_of(plan: PlanDocument) -> list[str]:
    """Warnings and errors of a plan, one sentence each."""
    return [f"{entry.severity}: {entry.summary}" for entry in plan.diagnostics[:MOST_CHANGES]]


def status_document(
    *,
    view: View | None,
    passed: Passed,
    conditions: Iterable[Condition],
    following: SourceStatus,
    reconciler: ReconcilerStatus,
    served: Mapping[str, Served],
    trigger: str,
    started: datetime,
    now: datetime,
    next_pass: tuple[datetime, str] | None,
    before: StatusDocument | None,
    cluster: str,
) -> StatusDocument:
    """Everything there is to tell after a pass.

    Args:
        view: after the pass; None when it could not look.
        passed: what the pass came to.
        conditions: all that hold.
        following: where the desired state comes from.
        reconciler: who reports.
        served: what endpoints presented.
        trigger: what woke it.
        started: when the pass began.
        now: when it ended.
        next_pass: when it wakes at the latest, and why.
        before: what was told last: its rows stay when this pass could not look.
        cluster: its name.
    """
    plan = passed.planned
    last = PassStatus(
        started_at=started.replace(microsecond=0),
        finished_at=now,
        result=passed.result,
        trigger=trigger,
        revision=following.last_applied_revision,
        changes=_changes(plan, passed) if plan is not None else [],
        diagnostics=diagnostics_of(view.plan.document) if view is not None else [],
    )
    at, why = next_pass if next_pass is not None else (None, "")
    nothing = StatusDocument(format_version=FORMAT_VERSION, cluster=cluster, at=now, summary=StatusSummary())
    status = replace(view, served=served, now=now).status() if view is not None else before or nothing
    return replace(
        status,
        conditions=list(conditions),
        source=following,
        reconciler=replace(reconciler, last_pass=last, next_pass_at=at, next_pass_why=why),
        hooks=list(passed.delivered.hooks) if passed.delivered is not None else status.hooks,
    )


def _changes(plan: PlanDocument, passed: Passed) -> list[PlannedChange]:
    return planned_changes(
        plan,
        done=passed.outcome.done,
        failed=dict(passed.outcome.failed),
        skipped=dict(passed.outcome.skipped),
        holds=passed.holds,
    )

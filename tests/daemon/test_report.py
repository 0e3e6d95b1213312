"""The status document of a running reconciler: what a plan came to, line by line."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import pytest
from msgspec.structs import replace

from reconciler.apply.progress import Outcome
from reconciler.daemon.attempts import Hold
from reconciler.daemon.conditions import Refused
from reconciler.daemon.passing import Passed
from reconciler.daemon.report import MOST_CHANGES, diagnostics_of, planned_changes, status_document
from reconciler.passes.deliver import Delivered
from reconciler.plan.document import PlanDocument
from reconciler.plan.status_document import HookStatus, PassStatus, PlannedChange, StatusDocument
from tests.plan.world import NOW, ca, component, settled
from tests.render.page_stories import SOURCE, document, reconciler
from tests.render.page_stories import certificate as row

A, B, C, D, E = (f"component.{name}" for name in "abcde")
ABOVE: Final = settled(ca(), *(component(name) for name in "abcde"))
ABOVE.advance(days=340)
PLAN: Final[PlanDocument] = ABOVE.plan().document


def line(address: str, outcome: Any, detail: str = "") -> PlannedChange:  # noqa: ANN401 - any word
    """A renewal and what became of it."""
    return PlannedChange(address=address, class_="reissue", reasons=["RenewalDue"], outcome=outcome, detail=detail)


def held(address: str) -> Hold:
    """A change that waits."""
    return Hold(address=address, until=NOW, reason="Backoff", detail="no space")


def test_each_line_says_what_became_of_it() -> None:
    """In the order of work; what was neither done nor tried is pending."""
    told = planned_changes(PLAN, done=[A], failed={B: "no space"}, skipped={C: "its CA failed"}, holds=[held(D)])
    assert told == [
        line(A, "done"),
        line(B, "failed", "no space"),
        line(C, "skipped", "its CA failed"),
        line(D, "held", "no space"),
        line(E, "pending"),
    ]


def test_reasons_stand_once_and_a_blocked_change_is_held() -> None:
    """What the plan itself holds back needs no other word."""
    entry = PLAN.resource_changes[0]
    change = replace(entry.change, class_="blocked", reasons=[*entry.change.reasons, *entry.change.reasons])
    (told,) = planned_changes(replace(PLAN, resource_changes=[replace(entry, change=change)]))
    assert (told.class_, told.reasons, told.outcome) == ("blocked", ["RenewalDue"], "held")


def test_a_long_plan_is_cut() -> None:
    """Nobody reads more than two hundred lines of a status."""
    long = replace(PLAN, resource_changes=PLAN.resource_changes * 50)
    assert len(planned_changes(long)) == MOST_CHANGES == 200


def test_diagnostics_are_one_sentence_each() -> None:
    """With their severity in front."""
    world = settled(ca(), component("a"))
    world.want(A, ca="main", renew_before=timedelta(days=1))
    world.pairs.clear()
    plan = world.plan().document
    assert plan.diagnostics != []
    assert diagnostics_of(plan) == [f"{entry.severity}: {entry.summary}" for entry in plan.diagnostics]


BEFORE: Final = document([row(A)], hooks=[HookStatus(address=A, state="failing", hook="exec reload")])
LOCKED: Final = Passed(trouble=Refused(reason="LockHeld", message="no", stalled=False))
ME: Final = replace(reconciler(), passes=4)


def report(passed: Passed, before: StatusDocument | None, **fields: Any) -> StatusDocument:  # noqa: ANN401 - any argument
    """A report at `NOW` of a pass that began half a second before."""
    arguments: Mapping[str, Any] = {
        "view": None,
        "passed": passed,
        "conditions": (),
        "following": SOURCE,
        "reconciler": ME,
        "served": {},
        "trigger": "files",
        "started": NOW - timedelta(seconds=0.5),
        "now": NOW,
        "next_pass": None,
        "before": before,
        "cluster": "run",
    }
    return status_document(**{**arguments, **fields})


def test_without_a_look_the_rows_and_hooks_stay() -> None:
    """And say when they were seen; what the pass itself came to is new."""
    soon, why = NOW + timedelta(seconds=5), "retry"
    told = report(LOCKED, BEFORE, next_pass=(soon, why))
    last = PassStatus(
        started_at=NOW - timedelta(seconds=1),
        finished_at=NOW,
        result="error",
        trigger="files",
        revision=SOURCE.last_applied_revision,
    )
    assert told == replace(
        BEFORE,
        source=SOURCE,
        reconciler=replace(ME, last_pass=last, next_pass_at=soon, next_pass_why=why),
    )


def test_without_any_look_there_is_an_empty_document_of_the_cluster() -> None:
    """Nothing is claimed about anything."""
    told = report(LOCKED, None)
    assert (told.cluster, told.at, told.resources, told.hooks, told.summary.total) == ("run", NOW, [], [], 0)


def test_what_was_done_is_in_the_last_pass() -> None:
    """The plan as it was before, and the hooks that are owed now."""
    waiting = HookStatus(address=B, state="waiting", hook="exec reload")
    outcome = Outcome(done=(A,), failed=((B, "no space"),), skipped=((C, "its CA failed"),))
    passed = Passed(planned=PLAN, outcome=outcome, holds=(held(D),), delivered=Delivered(ran=(), hooks=(waiting,), served={}))
    told = report(passed, BEFORE)
    assert told.reconciler is not None
    assert told.reconciler.last_pass is not None
    assert [change.outcome for change in told.reconciler.last_pass.changes] == ["done", "failed", "skipped", "held", "pending"]
    assert (told.hooks, told.reconciler.last_pass.result) == ([waiting], "error")


@pytest.mark.parametrize(
    ("passed", "result"),
    [
        (Passed(), "noop"),
        (Passed(outcome=Outcome(done=(A,))), "success"),
        (Passed(outcome=Outcome(done=(A,), failed=((B, ""),))), "error"),
        (Passed(outcome=Outcome(skipped=((B, ""),))), "error"),
        (Passed(holds=(held(A),)), "noop"),
        (LOCKED, "error"),
    ],
    ids=["nothing", "done", "failed", "skipped", "held back", "locked"],
)
def test_a_pass_in_one_word(passed: Passed, result: str) -> None:
    """What is held back was told when it failed."""
    assert passed.result == result

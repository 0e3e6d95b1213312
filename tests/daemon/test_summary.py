"""A step in one line."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import pytest
from msgspec.structs import replace

from reconciler.apply.delivery.round import Ran
from reconciler.apply.hooks.occasion import HookResult
from reconciler.apply.progress import Outcome
from reconciler.daemon.attempts import Hold
from reconciler.daemon.conditions import Refused
from reconciler.daemon.passing import Passed
from reconciler.daemon.reconciler import Step
from reconciler.daemon.summary import in_one_line
from reconciler.passes.deliver import Delivered
from reconciler.plan.status_document import HookStatus
from tests.render.page_stories import NOW, REVISION, certificate, condition, document, reconciler

READY: Final = condition("Ready", "True", "ReconciliationSucceeded", "Everything is as the desired state says.")
STATUS: Final = document([certificate("component.a")], conditions=[READY], reconciler=reconciler(trigger="source"))
FAILED: Final = replace(STATUS, conditions=[condition("Ready", "False", "ApplyFailed", "component.b: no space.")])
SHORT: Final = REVISION[:12]
RAN: Final = Ran(address="component.a", hook="exec reload", result=HookResult(status="ok"))
OWED: Final = HookStatus(address="component.a", state="failing", hook="exec reload")
HOLD: Final = Hold(address="component.d", until=NOW, reason="Backoff", detail="no space")
MUCH: Final = Passed(
    outcome=Outcome(done=("component.a", "component.c"), failed=(("component.b", "no space"),), skipped=(("component.e", ""),)),
    holds=(HOLD,),
    delivered=Delivered(ran=(RAN,), hooks=(OWED, OWED, replace(OWED, state="waiting")), served={}),
)
MUCH_IN_WORDS: Final = (
    f"Pass (source, revision {SHORT}): 2 done, 1 failed, 1 skipped, 1 held back (Backoff), 1 hook run, 2 hooks failing. "
    "ApplyFailed: component.b: no space. Next retry at 2026-11-20 10:00:00 UTC."
)
LOCKED: Final = Passed(trouble=Refused(reason="LockHeld", message="root (pid 1, apply) is at work.", stalled=False))


@pytest.mark.parametrize(
    ("step", "line"),
    [
        (Step(passed=Passed(), status=STATUS, failed=False), f"Pass (source, revision {SHORT}): nothing to do."),
        (
            Step(passed=Passed(), status=STATUS, failed=False, next_at=NOW + timedelta(days=1), next_why="renewal"),
            f"Pass (source, revision {SHORT}): nothing to do. Next renewal at 2026-11-21 10:00:00 UTC.",
        ),
        (
            Step(passed=MUCH, status=FAILED, failed=True, next_at=NOW, next_why="retry"),
            MUCH_IN_WORDS,
        ),
        (Step(passed=LOCKED, status=STATUS, failed=True), "root (pid 1, apply) is at work."),
        (Step(passed=Passed(), status=None, failed=True), "Pass (revision ): nothing to do."),
    ],
    ids=["nothing", "what comes next", "everything", "trouble", "no status"],
)
def test_in_one_line(step: Step, line: str) -> None:
    """What woke it, what was done, what was not, and what comes next."""
    assert in_one_line(step) == line


def test_a_digest_is_as_short_as_a_commit() -> None:
    """Of a directory the revision is a digest."""
    step = Step(passed=Passed(), status=document([], reconciler=reconciler(revision=f"sha256:{'ab' * 32}")), failed=False)
    assert in_one_line(step) == "Pass (interval, revision abababababab): nothing to do."

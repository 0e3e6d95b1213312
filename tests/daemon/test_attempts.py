"""Backoff, budget and flapping: when a change may be made."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from reconciler.daemon.attempts import BUDGET, Life, asked_again, begun, ended, flapping, forgotten, holds, next_retry
from reconciler.daemon.memory import Attempts, Made
from reconciler.plan.build import Work
from reconciler.plan.reasons import Action

NOW: Final = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
A: Final = "component.a"
LONG: Final = Life(ends=NOW + timedelta(days=20), used_for=timedelta(days=335))


def work(action: Action = Action.REISSUE, address: str = A) -> Work:
    """One change."""
    return Work(address=address, kind="component", action=action, findings=())


def hold_of(
    attempts: Attempts, *, action: Action = Action.REISSUE, life: Life = LONG, revision: str = "r1"
) -> tuple[str, float] | None:
    """Why a change has to wait, and for how many seconds."""
    found = holds([work(action)], {A: attempts}, revision=revision, lives={A: life}, now=NOW)
    if not found:
        return None
    until = found[0].until
    return found[0].reason, math.inf if until is None else (until - NOW).total_seconds()


def fail(times: int, *, life: Life = LONG, start: datetime = NOW) -> tuple[Attempts, list[float]]:
    """The attempts after so many failures in a row, and the pauses after each."""
    attempts: dict[str, Attempts] = {}
    pauses = []
    for _ in range(times):
        attempts = begun([A], attempts, revision="r1", now=start)
        attempts = ended([work()], attempts, done=(), failed={A: "no space"}, foreign=frozenset(), lives={A: life}, now=start)
        retry_at = attempts[A].retry_at
        assert retry_at is not None
        pauses.append((retry_at - start).total_seconds())
    return attempts[A], pauses


def test_pauses_double_up_to_fifteen_minutes() -> None:
    """10 s, 20 s, … and never longer than 15 min."""
    assert fail(10)[1] == [10, 20, 40, 80, 160, 320, 640, 900, 900, 900]


@pytest.mark.parametrize(
    ("left", "pause"),
    [
        (timedelta(hours=1), 900),
        (timedelta(minutes=10), 300),
        (timedelta(seconds=50), 25),
        (timedelta(seconds=5), 10),
        (timedelta(-1), 60),
    ],
)
def test_no_pause_outlives_the_certificate(left: timedelta, pause: float) -> None:
    """There is another try before half of what is left is over; what has expired is tried every minute."""
    assert fail(12, life=Life(ends=NOW + left, used_for=timedelta(hours=1)))[1][-1] == pause


def test_a_failure_waits_and_a_new_revision_does_not() -> None:
    """What was refused under one desired state is tried at once under the next."""
    failed, _ = fail(3)
    assert hold_of(failed) == ("Backoff", 40)
    assert hold_of(failed, revision="r2") is None


def test_whoever_asks_does_not_wait_for_a_failure_but_for_a_crash_loop() -> None:
    """`run --once` and SIGHUP try at once what failed; not what never came to its end twice, nor what somebody else changes."""
    failed, _ = fail(3)
    crashing = begun([A], begun([A], {}, revision="r1", now=NOW), revision="r1", now=NOW)[A]
    fought = Attempts(revision="r1", made=made(3, undone=True))

    def asked(attempts: Attempts) -> list[str]:
        found = holds([work()], {A: attempts}, revision="r1", lives={A: LONG}, now=NOW, impatient=True)
        return [hold.reason for hold in found]

    assert [asked(each) for each in (failed, crashing, fought)] == [[], ["Backoff"], ["Flapping"]]


REFUSED: Final = Attempts(revision="r1", failures=1, refused=True, detail="the role does not allow a.example")


def test_what_was_refused_is_not_asked_for_again_under_the_same_desired_state() -> None:
    """No time helps and no certificate that ends soon; whoever is in a hurry gets the same answer; a new revision may ask."""
    attempts = begun([A], {}, revision="r1", now=NOW)
    attempts = ended(
        [work()],
        attempts,
        done=(),
        failed={A: REFUSED.detail},
        refused=frozenset({A}),
        foreign=frozenset(),
        lives={A: Life(ends=NOW + timedelta(minutes=1))},
        now=NOW,
    )
    assert attempts == {A: REFUSED}
    found = holds([work()], attempts, revision="r1", lives={A: LONG}, now=NOW + timedelta(days=30), impatient=True)
    assert [(hold.reason, hold.until, hold.detail) for hold in found] == [("Refused", None, REFUSED.detail)]
    assert next_retry(found, attempts, NOW) is None
    assert hold_of(REFUSED, revision="r2") is None
    assert forgotten(attempts, NOW + timedelta(days=30)) == attempts


@pytest.mark.parametrize(
    ("failed", "refused", "expected"),
    [
        ({}, frozenset(), Attempts(revision="r2", made=(Made(at=NOW, issued=True),))),
        (
            {A: "no space"},
            frozenset(),
            Attempts(revision="r2", failures=1, retry_at=NOW + timedelta(seconds=10), detail="no space"),
        ),
        ({A: "no"}, frozenset({A}), Attempts(revision="r2", failures=1, refused=True, detail="no")),
    ],
    ids=["it works now", "it fails otherwise", "refused again"],
)
def test_a_refusal_lasts_until_the_next_attempt(failed: dict[str, str], refused: frozenset[str], expected: Attempts) -> None:
    """What comes of it takes its place."""
    attempts = begun([A], {A: REFUSED}, revision="r2", now=NOW)
    assert attempts[A].refused is False
    done = [] if failed else [A]
    after = ended([work()], attempts, done=done, failed=failed, refused=refused, foreign=frozenset(), lives={}, now=NOW)
    assert after == {A: expected}


def test_somebody_may_want_it_tried_again() -> None:
    """For some addresses or for all; failures that are no refusals stay as they are."""
    failed, _ = fail(2)
    attempts = {A: REFUSED, "component.b": failed, "component.c": REFUSED}
    assert [address for address, one in asked_again(attempts, ["component.c"]).items() if one.refused] == [A]
    assert asked_again(attempts)["component.b"] == failed
    assert hold_of(asked_again(attempts)[A]) is None


def test_success_forgets_failures() -> None:
    """The next failure begins with ten seconds again."""
    failed, _ = fail(5)
    attempts = begun([A], {A: failed}, revision="r1", now=NOW)
    attempts = ended([work()], attempts, done=[A], failed={}, foreign=frozenset(), lives={}, now=NOW)
    assert attempts == {A: Attempts(revision="r1", made=(Made(at=NOW, issued=True),))}


def test_one_crash_does_not_delay_and_a_crash_loop_does() -> None:
    """A pass that never came to its end is counted on disk before it starts: 50 restarts do not issue 50 certificates."""
    attempts = begun([A], {}, revision="r1", now=NOW)
    assert hold_of(attempts[A]) is None
    waits = []
    for _ in range(4):
        attempts = begun([A], attempts, revision="r1", now=NOW)
        waits.append(hold_of(attempts[A]))
    assert waits == [("Backoff", 10), ("Backoff", 20), ("Backoff", 40), ("Backoff", 80)]


def made(count: int, *, issued: bool = False, undone: bool = False, every: timedelta = timedelta(minutes=5)) -> tuple[Made, ...]:
    """So many changes, the last one a minute ago."""
    last = NOW - timedelta(minutes=1)
    return tuple(Made(at=last - every * (count - 1 - index), issued=issued, undone=undone) for index in range(count))


def test_an_address_has_a_budget_of_certificates() -> None:
    """A comparison that never comes out even costs five certificates an hour, not one a pass; other repairs go on."""
    spent = Attempts(revision="r1", made=made(BUDGET + 2, issued=True))
    assert hold_of(Attempts(revision="r1", made=made(BUDGET, issued=True))) is None
    assert hold_of(spent) == ("BudgetExhausted", 3600 - 60 - 6 * 300)
    assert hold_of(spent, action=Action.REPAIR) is None


def test_short_lives_have_larger_budgets() -> None:
    """A certificate of ten minutes is renewed ten times an hour, and that is right."""
    spent = Attempts(revision="r1", made=made(12, issued=True))
    assert hold_of(spent, life=Life(ends=NOW + timedelta(minutes=9), used_for=timedelta(minutes=6))) is None


def test_another_writer_is_undone_three_times_and_then_named() -> None:
    """After the third time in an hour there is a pause of fifteen minutes between two attempts."""
    fought = Attempts(revision="r1", made=made(3, undone=True))
    assert flapping({A: fought, "component.b": Attempts(made=made(2, undone=True))}, NOW) == (A,)
    assert hold_of(fought, action=Action.REPAIR) == ("Flapping", 840)
    assert hold_of(Attempts(made=made(2, undone=True)), action=Action.REPAIR) is None


def test_what_is_over_is_forgotten() -> None:
    """Only failures, crashes and changes of the last hour are kept."""
    old = Made(at=NOW - timedelta(hours=2), undone=True)
    attempts = {
        A: Attempts(made=(old,)),
        "component.b": Attempts(made=(old, Made(at=NOW))),
        "component.c": Attempts(failures=1, made=(old,)),
    }
    assert forgotten(attempts, NOW) == {"component.b": Attempts(made=(Made(at=NOW),)), "component.c": Attempts(failures=1)}


def test_the_next_retry_is_the_earliest() -> None:
    """Of what is held now and of what failed in this pass."""
    failed, _ = fail(1)
    assert next_retry((), {A: failed}, NOW) == NOW + timedelta(seconds=10)
    assert next_retry((), {}, NOW) is None

"""The conditions: what holds, in words, and since when."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

import pytest

from reconciler.daemon.attempts import Hold
from reconciler.daemon.conditions import Findings, Refused, conditions
from reconciler.daemon.role import Role
from reconciler.observed.model import Served
from reconciler.plan.rotation.barriers import Blocker
from reconciler.plan.rotation.lifecycle import Standing
from reconciler.plan.rotation.phase import Phase
from reconciler.plan.status_document import HookStatus
from tests.plan.external.outside import waiting
from tests.plan.world import NOW, ca, component, settled

WORLD: Final = settled(ca(), component())
EMPTY: Final = WORLD.plan().document
WAITING: Final = waiting().plan().document
INVALID: Final = Refused(reason="DesiredStateInvalid", message="cluster-pki.yaml:3:5: no such CA.")
LATER: Final = Refused(reason="RepositoryNotFound", message="not there.", stalled=False)
HOLD: Final = Hold(address="component.a", until=NOW, reason="Backoff", detail="no space")
FAILING: Final = HookStatus(address="component.a", state="failing", hook="exec reload", detail="exit status 1")
STALE: Final = Served(state="stale", endpoint="h:1", at=NOW)


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        ({}, {"Ready": ("True", "ReconciliationSucceeded")}),
        ({"plan": None}, {"Ready": ("Unknown", "Starting")}),
        ({"plan": WAITING}, {"Ready": ("True", "RequestPending"), "ExternalCAWaiting": ("True", "RequestPending")}),
        (
            {"source": INVALID},
            {
                "Ready": ("False", "DesiredStateInvalid"),
                "SourceVerified": ("False", "DesiredStateInvalid"),
                "Stalled": ("True", "DesiredStateInvalid"),
            },
        ),
        ({"source": LATER}, {"Ready": ("False", "RepositoryNotFound"), "SourceVerified": ("False", "RepositoryNotFound")}),
        (
            {"source_is_verified": True, "signer": "ops@example.com"},
            {"Ready": ("True", "ReconciliationSucceeded"), "SourceVerified": ("True", "SignatureValid")},
        ),
        (
            {"clock": Refused(reason="ClockWentBack", message="by an hour.", stalled=False)},
            {"Ready": ("False", "ClockWentBack"), "ClockUncertain": ("True", "ClockWentBack")},
        ),
        (
            {"failed": {"component.a": "no space", "component.b": "no space"}},
            {"Ready": ("False", "ApplyFailed"), "Reconciling": ("True", "ProgressingWithRetry")},
        ),
        ({"holds": [HOLD]}, {"Ready": ("False", "Backoff"), "Reconciling": ("True", "ProgressingWithRetry")}),
        (
            {"failed": {"component.a": "no"}, "refused": frozenset({"component.a"})},
            {"Ready": ("False", "ApplyFailed"), "Stalled": ("True", "Refused")},
        ),
        (
            {"failed": {"component.a": "no", "component.b": "no space"}, "refused": frozenset({"component.a"})},
            {
                "Ready": ("False", "ApplyFailed"),
                "Reconciling": ("True", "ProgressingWithRetry"),
                "Stalled": ("True", "Refused"),
            },
        ),
        (
            {"holds": [Hold(address="component.a", until=None, reason="Refused", detail="the role allows no such name")]},
            {"Ready": ("False", "Refused"), "Stalled": ("True", "Refused")},
        ),
        (
            {"holds": [Hold(address="component.a", until=NOW, reason="BudgetExhausted", detail="7 certificates")]},
            {"Ready": ("False", "BudgetExhausted"), "BudgetExhausted": ("True", "TooManyIssuances")},
        ),
        (
            {"flapping": {"component.a": "/x"}},
            {"Ready": ("True", "ReconciliationSucceeded"), "Flapping": ("True", "AnotherWriter")},
        ),
        (
            {"role": Role(reason="HoldsLease", message="This reconciler acts.")},
            {"Ready": ("True", "ReconciliationSucceeded"), "Leader": ("True", "HoldsLease")},
        ),
        (
            {"role": Role(acts=False, status="False", reason="HeldByAnother", message="cp-2 (pid 7) acts.")},
            {"Ready": ("True", "ReconciliationSucceeded"), "Leader": ("False", "HeldByAnother")},
        ),
        (
            {"trouble": Refused(reason="LeaseLost", message="cp-2 (pid 7) has taken it", stalled=False)},
            {"Ready": ("False", "LeaseLost")},
        ),
        ({"suspended": True}, {"Ready": ("True", "ReconciliationSucceeded"), "Suspended": ("True", "SuspendedByDesiredState")}),
        ({"hooks": [FAILING]}, {"Ready": ("False", "HookFailed"), "HooksFailing": ("True", "HookFailed")}),
        (
            {"served": {"component.a": STALE}},
            {"Ready": ("False", "ServesAnotherCertificate"), "ServedStale": ("True", "ServesAnotherCertificate")},
        ),
        (
            {"trouble": Refused(reason="LockHeld", message="root@cp-1 (pid 1, apply) is at work", stalled=False)},
            {"Ready": ("False", "LockHeld")},
        ),
    ],
)
def test_what_holds(findings: dict[str, Any], expected: dict[str, tuple[str, str]]) -> None:
    """Ready is always there and comes first; abnormal ones are there only while they are true."""
    found = conditions(Findings(**{"plan": EMPTY} | findings), (), NOW)
    assert {each.type: (each.status, each.reason) for each in found} == expected
    assert found[0].type == "Ready"
    assert all(each.message.strip() for each in found)


def test_a_refusal_says_what_was_refused_and_how_to_ask_again() -> None:
    """Each address with what the issuer said, a few of them."""
    holds = [Hold(address=f"component.{name}", until=None, reason="Refused", detail=f"no {name}") for name in "abcdefg"]
    stalled = conditions(Findings(plan=EMPTY, holds=holds), (), NOW)[1]
    assert stalled.message == (
        "component.a: no a; component.b: no b; component.c: no c; component.d: no d; component.e: no e; and 2 more. "
        "It is not tried again under this desired state. Change what is asked for; or change the server, and then run "
        "`cluster-pki apply` or send SIGHUP."
    )


def standing(*waits: Blocker) -> Standing:
    """A CA whose new generation waits in its first phase."""
    return Standing(phase=Phase.STAGE, source=1, target=2, trusted=(1, 2), waits=waits)


RESTART: Final = Blocker(address="ca.k", message="needs somebody to restart kubelet on w-1", people="restart")
HELD: Final = Blocker(address="ca.k", message="is held by `rotation.hold: clients`", people="release")
DONE: Final = "Then say that it is done: `cluster-pki apply`."
PLANNED: Final = Blocker(address="bundle.k", message="does not hold generation 2 yet", by_plan=True)
OWED: Final = Blocker(address="bundle.k", message="is on disk, and its hooks have not been delivered yet")


@pytest.mark.parametrize(
    ("standings", "expected"),
    [
        ({}, None),
        ({"ca.k": standing(OWED)}, None),
        ({"ca.k": standing(RESTART, PLANNED)}, None),
        (
            {"ca.k": standing(OWED, RESTART)},
            ("RestartNeeded", f"ca.k in phase stage: restart kubelet on w-1. {DONE}"),
        ),
        (
            {"ca.k": standing(HELD)},
            (
                "HeldByDesiredState",
                f"ca.k in phase stage: {HELD.message}. Take `rotation.hold` out, or move it to a later phase.",
            ),
        ),
        (
            {"ca.k": standing(*[RESTART] * 7), "keypair.sa": standing(RESTART)},
            (
                "RestartNeeded",
                f"ca.k in phase stage: {'; '.join(['restart kubelet on w-1'] * 5)}; and 2 more. {DONE} (keypair.sa too)",
            ),
        ),
    ],
    ids=["none", "a hook", "before its files are there", "a restart", "a hold", "much and many"],
)
def test_a_rotation_that_only_people_let_go_on(standings: dict[str, Standing], expected: tuple[str, str] | None) -> None:
    """What they have to do and what comes then; not while a plan or a hook is all that is missing."""
    found = conditions(Findings(plan=EMPTY, standings=standings), (), NOW)
    told = [(each.reason, each.message) for each in found if each.type == "RotationWaiting"]
    assert (found[0].status, told) == ("True", [expected] if expected else [])


def test_changes_that_are_left_are_not_ready() -> None:
    """A plan that is not empty after a pass has something left to do; one with errors says which."""
    world = settled(ca(), component())
    world.advance(days=340)
    pending = conditions(Findings(plan=world.plan().document), (), NOW)[0]
    assert (pending.status, pending.reason, pending.message) == ("False", "ChangesPending", "component.api still to be changed.")


def test_a_condition_keeps_its_time_while_its_status_stays() -> None:
    """Another reason for the same status is no transition."""
    first = conditions(Findings(plan=EMPTY, source=INVALID), (), NOW)
    later = NOW + timedelta(hours=1)
    second = conditions(Findings(plan=EMPTY, source=LATER), first, later)
    assert [(each.type, each.last_transition_time) for each in second] == [
        ("Ready", NOW),
        ("SourceVerified", NOW),
    ]
    third = conditions(Findings(plan=EMPTY), second, later)
    assert [(each.type, each.status, each.last_transition_time) for each in third] == [("Ready", "True", later)]


def test_what_is_due_and_suspended_is_not_ready() -> None:
    """Nothing pretends that a suspended certificate that should be renewed is as it should be."""
    world = settled(ca(), component())
    world.want("component.api", suspended=True)
    assert conditions(Findings(plan=world.plan().document), (), NOW)[0].status == "True"
    world.advance(days=340)
    ready = conditions(Findings(plan=world.plan().document), (), NOW)[0]
    assert (ready.status, ready.reason) == ("False", "ChangesSuspended")
    assert "component.api expires first" in ready.message

"""What is told of a change, and what is not."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import pairwise
from typing import Any, Final

import msgspec
import pytest
from msgspec.structs import replace

from reconciler.daemon.events import events_between
from reconciler.plan.status_document import HookStatus, PlannedChange, ResourceStatus, StatusDocument
from tests.render.page_stories import CALM, DAY, NOW, RICH, SOURCE, certificate, condition, document, reconciler

ROW: Final = certificate("component.a")
READY: Final = condition("Ready", "True", "ReconciliationSucceeded", "Everything is as the desired state says.")
FAILING: Final = condition("Ready", "False", "ApplyFailed", "component.a: no space")
UNSIGNED: Final = condition("SourceVerified", "False", "SignatureInvalid", "No signature.")
HOOK: Final = HookStatus(address="component.a", state="failing", hook="exec reload", detail="exit status 1")
FAILED: Final = PlannedChange(address="component.a", class_="reissue", outcome="failed", detail="no space")
HELD: Final = replace(FAILED, outcome="held", detail="it is tried again at 10:00")


def status(*rows: ResourceStatus, minutes: float = 0, **fields: Any) -> StatusDocument:  # noqa: ANN401 - fields of any type
    """A status some minutes after now, with one good condition unless others are given."""
    at = NOW + timedelta(minutes=minutes)
    return document(rows or [ROW], **{"at": at, "conditions": [READY], "source": SOURCE, **fields})


def passed(minutes: float, *changes: PlannedChange, **fields: Any) -> StatusDocument:  # noqa: ANN401 - fields of any type
    """A status after a pass that planned these changes."""
    started = NOW + timedelta(minutes=minutes)
    return status(minutes=minutes, reconciler=reconciler(started_at=started, changes=list(changes)), **fields)


def told(previous: StatusDocument | None, current: StatusDocument) -> list[tuple[str, str, str, str]]:
    """Kind and name of each, severity, reason and message, the first two as one."""
    return [
        (event.involved_object.name, event.severity, event.reason, event.message) for event in events_between(previous, current)
    ]


def test_shape() -> None:
    """The JSON is Flux's, spelled as Kubernetes spells it."""
    event = events_between(None, status(replace(ROW, served="stale", served_detail="It serves 1f6a."), reconciler=reconciler()))[
        0
    ]
    assert json.loads(msgspec.json.encode(event)) == {
        "involvedObject": {
            "kind": "Component",
            "namespace": "prod-eu-1",
            "name": "component.a",
            "apiVersion": "cluster-pki/v1",
        },
        "severity": "error",
        "timestamp": "2026-11-20T10:00:00Z",
        "message": "component.a: its endpoint is stale. It serves 1f6a.",
        "reason": "ServesAnotherCertificate",
        "metadata": {"revision": SOURCE.last_applied_revision},
        "reportingController": "cluster-pki",
        "reportingInstance": "cp-1",
    }


def test_nothing_happened() -> None:
    """A status like the one before gives nothing, however bad it is; a good beginning gives nothing either."""
    later = replace(RICH, at=RICH.at + timedelta(minutes=5))
    assert (told(RICH, later), told(CALM, CALM), told(None, CALM)) == ([], [], [])


def test_a_pass_with_changes_is_one_event() -> None:
    """What was done in numbers, and what comes next."""
    changes = [
        PlannedChange(address=f"component.{name}", class_=kind, outcome="done")
        for name, kind in (("a", "reissue"), ("b", "reissue"), ("c", "create"))
    ]
    assert told(passed(0), passed(5, *changes)) == [
        (
            "prod-eu-1",
            "info",
            "ReconciliationSucceeded",
            "2 reissued, 1 created: component.a, component.b, component.c. Next renewal: component.a in 234d 23h.",
        )
    ]
    assert told(passed(5, *changes), passed(5, *changes)) == []


def test_a_failure_is_told_once() -> None:
    """Not again while it fails alike or waits for its next try; again when it fails otherwise, or after it had succeeded."""
    line = [("component.a", "error", "ApplyFailed", "component.a could not be changed (reissue): no space")]
    other = replace(FAILED, detail="permission denied")
    steps = [
        passed(0), passed(1, FAILED), passed(2, FAILED), passed(3, HELD), passed(4, FAILED), passed(5, other),
        passed(6), passed(7, FAILED),
    ]  # fmt: skip
    assert [told(before, now) for before, now in pairwise(steps)] == [
        line,
        [],
        [],
        [],
        [("component.a", "error", "ApplyFailed", "component.a could not be changed (reissue): permission denied")],
        [],
        line,
    ]


def test_many_failures_are_bounded() -> None:
    """A lost CA is not ten thousand messages."""
    failures = [replace(FAILED, address=f"component.x[{number}]") for number in range(150)]
    events = told(passed(0), passed(1, *failures))
    assert len(events) == 21
    assert events[-1][0] == "prod-eu-1"
    assert events[-1][3].startswith("130 more changes failed: component.x[20], ")


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ([READY], [FAILING], [("error", "ApplyFailed", "Ready is False: component.a: no space")]),
        ([FAILING], [replace(FAILING, reason="Backoff")], []),
        ([FAILING], [READY], [("info", "ReconciliationSucceeded", "Ready is True: Everything is as the desired state says.")]),
        ([READY], [READY, UNSIGNED], [("error", "SignatureInvalid", "SourceVerified is False: No signature.")]),
        ([UNSIGNED], [replace(UNSIGNED, reason="Rollback")], [("error", "Rollback", "SourceVerified is False: No signature.")]),
        (
            [READY],
            [READY, condition("Flapping", "True", "AnotherWriter", "root.")],
            [("error", "AnotherWriter", "Flapping is True: root.")],
        ),
        ([condition("Flapping", "True", "AnotherWriter", "root.")], [], [("info", "FlappingEnded", "Flapping is over.")]),
        ([READY], [condition("Ready", "Unknown", "Starting", "")], []),
        ([READY], [READY, condition("Reconciling", "True", "ProgressingWithRetry", "")], []),
        ([condition("SourceVerified", "True", "SignatureValid", "")], [], []),
    ],
)
def test_conditions(before: list[Any], now: list[Any], expected: list[Any]) -> None:
    """Transitions alone; of `Ready` not each reason, because it changes with each retry."""
    events = told(status(conditions=before), status(conditions=now))
    assert [event[1:] for event in events] == expected


def test_a_condition_does_not_repeat_what_was_told() -> None:
    """A failed change makes `Ready` False with the same reason: one message is enough."""
    assert [event[2] for event in told(passed(0), passed(1, FAILED, conditions=[FAILING]))] == ["ApplyFailed"]


@pytest.mark.parametrize(
    ("left", "before", "now", "expected"),
    [
        (40 * DAY, 0 * DAY, 9 * DAY, []),
        (40 * DAY, 0 * DAY, 10.5 * DAY, ["component.a expires in 29d 12h and was due for renewal."]),
        (40 * DAY, 11 * DAY, 12 * DAY, []),
        (40 * DAY, 32 * DAY, 33.5 * DAY, ["component.a expires in 6d 12h and was due for renewal."]),
        (40 * DAY, 38 * DAY, 39.5 * DAY, ["component.a expires in 12h and was due for renewal."]),
        (40 * DAY, 39.5 * DAY, 40 * DAY, ["component.a expired 0s ago."]),
        (40 * DAY, 39 * DAY, 43 * DAY, ["component.a expired 3d ago."]),
        (40 * DAY, 41 * DAY, 43 * DAY, []),
        (40 * DAY, 0 * DAY, 43 * DAY, ["component.a expired 3d ago."]),
    ],
)
def test_thresholds(left: timedelta, before: timedelta, now: timedelta, expected: list[str]) -> None:
    """30, 7 and 1 days before the end of what should have been renewed, and the end: each once, the nearest alone."""
    row = certificate("component.a", left=left, before=30 * DAY)
    first, second = (status(row, at=NOW + each) for each in (before, now))
    assert [event[3] for event in told(first, second)] == expected


def test_a_short_life_is_no_threshold() -> None:
    """A certificate of a day is told about only when nobody renewed it in time."""
    row = certificate("component.a", left=20 * timedelta(hours=1), before=8 * timedelta(hours=1))
    assert told(None, status(row)) == []
    late = status(row, at=NOW + timedelta(hours=13))
    assert [event[2] for event in told(status(row), late)] == ["ExpiresSoon"]


def test_a_new_certificate_begins_anew() -> None:
    """What was told of the one before says nothing about the next."""
    old = certificate("component.a", left=3 * DAY, suspended=True)
    new = replace(old, fingerprint="ff" * 32, not_after=NOW + 5 * DAY)
    assert [event[3] for event in told(status(old), status(new))] == [
        "component.a expires in 5d and was due for renewal. It is suspended."
    ]


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (None, "ok", []),
        ("ok", "stale", [("error", "ServesAnotherCertificate")]),
        ("stale", "stale", []),
        ("stale", "ok", [("info", "ServedRecovered")]),
        ("unreachable", "ok", [("info", "ServedRecovered")]),
        ("ok", "unreachable", [("error", "EndpointUnreachable")]),
        ("stale", None, []),
    ],
)
def test_served(before: Any, now: Any, expected: list[tuple[str, str]]) -> None:  # noqa: ANN401 - fields of any type
    """A process that serves something else, or is not there, and its recovery."""
    events = told(status(replace(ROW, served=before)), status(replace(ROW, served=now)))
    assert [event[1:3] for event in events] == expected


def test_hooks() -> None:
    """A hook that begins to fail, once, and that it has run at last."""
    waiting = replace(HOOK, state="waiting")
    steps = [status(), status(hooks=[HOOK]), status(hooks=[HOOK]), status(hooks=[waiting]), status(hooks=[HOOK]), status()]
    assert [[event[2:] for event in told(*pair)] for pair in pairwise(steps)] == [
        [("HookFailed", "component.a: exec reload: exit status 1")],
        [],
        [],
        [("HookFailed", "component.a: exec reload: exit status 1")],
        [("HookRecovered", "component.a: its hooks have run.")],
    ]


def test_everything_wrong_is_told_at_the_start() -> None:
    """When nobody knows what was before."""
    assert sorted({event[2] for event in told(None, RICH)}) == [
        "ApplyFailed", "EndpointUnreachable", "Expired", "ExpiresSoon", "HookFailed", "ReconciliationSucceeded",
        "ServesAnotherCertificate", "SignatureInvalid",
    ]  # fmt: skip

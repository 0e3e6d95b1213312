"""Lines of progress."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from reconciler.apply.progress import Event
from reconciler.cli.progress import json_line, text_line
from reconciler.plan.reasons import Action

START = Event(stage="start", address="component.api[cp-1]", action=Action.REISSUE)
DONE = Event(stage="done", address="component.api[cp-1]", action=Action.REISSUE, detail="1f6a", elapsed=1.2)
FAILED = Event(stage="failed", address="ca.main", action=Action.CREATE, detail="disk\x1b[2J full", elapsed=0.1)
SKIPPED = Event(stage="skipped", address="component.api[cp-1]", action=Action.CREATE, detail="ca.main is not there")


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (START, "component.api[cp-1]: Reissuing..."),
        (DONE, "component.api[cp-1]: Reissue complete after 1s [serial=1f6a]"),
        (FAILED, "ca.main: Creation failed: disk\\x1b[2J full"),
        (SKIPPED, "component.api[cp-1]: Skipped: ca.main is not there"),
    ],
)
def test_text(event: Event, line: str) -> None:
    """One line an event, in Terraform's words; nothing in it can drive a terminal."""
    assert text_line(event) == line


@pytest.mark.parametrize(
    ("event", "level", "kind"),
    [(START, "info", "apply_start"), (DONE, "info", "apply_complete"), (FAILED, "error", "apply_errored")],
)
def test_json(event: Event, level: str, kind: str) -> None:
    """The same with the keys of Terraform's machine-readable UI."""
    assert json.loads(json_line(event, datetime(2026, 1, 1, tzinfo=UTC))) == {
        "@level": level,
        "@message": text_line(event),
        "@module": "cluster-pki.apply",
        "@timestamp": "2026-01-01T00:00:00Z",
        "type": kind,
        "hook": {
            "resource": {"addr": event.address},
            "action": event.action.word,
            "elapsed_seconds": round(event.elapsed, 3),
        },
    }

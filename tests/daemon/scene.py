"""A reconciler in the test's own process: real files and passes, a played source and clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec

from reconciler.daemon.candidacy import Candidacy
from reconciler.daemon.passing import Tools
from reconciler.daemon.reconciler import Reconciler, Step
from reconciler.plan.document import RotationEntry
from reconciler.plan.status_document import PlannedChange, StatusDocument
from tests.builders import NOW
from tests.daemon.followed import Played, follow, settings

READY: Final = {"Ready": ("True", "ReconciliationSucceeded")}
INTERVAL: Final = timedelta(minutes=5)
#: Steps at once after which it is said to spin.
_MOST: Final = 30


@dataclass(slots=True, kw_only=True)
class Scene:
    """A reconciler, its source and its clocks."""

    home: Path
    source: Played
    now: datetime = NOW
    boot: float = 1000.0
    passes: list[str] = field(default_factory=list)
    """Their results."""

    def start(self, *, candidacy: Candidacy | None = None, **fields: Any) -> Reconciler:  # noqa: ANN401 - any field of the settings
        """A fresh one, as after a restart."""
        given = {"state_dir": str(self.home / "state"), "interval": INTERVAL, **fields}
        return Reconciler(
            follow(self.source, self.home, **given),
            settings(self.home, **given),
            tools=Tools(
                clock=lambda: self.now,
                listen=lambda _event: None,
                stop=lambda: False,
                wait=self.pass_time,
                beat=lambda: None,
            ),
            boot=lambda: self.boot,
            observe_pass=lambda result, _seconds: self.passes.append(result),
            candidacy=candidacy,
        )

    def pass_time(self, seconds: float) -> None:
        """Lets both clocks go on."""
        self.now += timedelta(seconds=seconds)
        self.boot += seconds

    @property
    def audit(self) -> list[str]:
        """The addresses for which certificates were signed, in order."""
        lines = (self.home / "state/audit.jsonl").read_bytes().splitlines()
        entries = [msgspec.json.decode(line, type=dict[str, Any]) for line in lines]
        return [entry["address"] for entry in entries if entry.get("serial")]

    def changes(self) -> list[PlannedChange]:
        """What the last pass planned, and what became of it."""
        told = self.saved().reconciler
        assert told is not None
        assert told.last_pass is not None
        return told.last_pass.changes

    def saved(self) -> StatusDocument:
        """What others read."""
        return msgspec.json.decode((self.home / "state/status.json").read_bytes(), type=StatusDocument)


def said(step: Step) -> dict[str, tuple[str, str]]:
    """Status and reason of every condition."""
    assert step.status is not None
    return {each.type: (each.status, each.reason) for each in step.status.conditions}


def walk(reconciler: Reconciler, trigger: str) -> list[Step]:
    """A waking, and what the loop does at once after it."""
    steps = [reconciler.step(trigger)]
    while steps[-1].again:
        assert len(steps) < _MOST, "it spins"
        steps.append(reconciler.step("retry"))
    return steps


def rotation(step: Step, address: str = "ca.main") -> RotationEntry | None:
    """What the status says of a rotation."""
    assert step.status is not None
    return next((entry for entry in step.status.rotations if entry.address == address), None)


def phase(step: Step, address: str = "ca.main") -> str:
    """Where the status says that it stands."""
    entry = rotation(step, address)
    return entry.phase if entry is not None else "stable"

"""What the reconciler last reported, for whoever looks beside it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from msgspec.structs import replace

from reconciler.apply.lock import hold
from reconciler.apply.state import StateDirectory
from reconciler.observed.model import Served
from reconciler.passes.reported import STATUS, is_running, load_served, save_served, with_report
from reconciler.plan.status_document import HookStatus
from tests.render.page_stories import NOW, SOURCE, certificate, condition, document, reconciler

READY: Final = condition("Ready", "True", "ReconciliationSucceeded", "Everything is as the desired state says.")
OWED: Final = HookStatus(address="component.a", state="failing", hook="exec reload")
REPORTED: Final = document(
    [certificate("component.a", sync="OutOfSync")], conditions=[READY], source=SOURCE, reconciler=reconciler(), hooks=[OWED]
)
#: What a command sees with its own eyes, two minutes later.
FRESH: Final = document([certificate("component.a"), certificate("component.b")], at=NOW + timedelta(minutes=2))


@pytest.fixture
def state(tmp_path: Path) -> StateDirectory:
    """An empty state directory."""
    directory = StateDirectory(str(tmp_path / "state"))
    directory.create()
    return directory


def test_beside_a_running_reconciler_its_word_is_added(state: StateDirectory) -> None:
    """Rows as they are now; conditions and source as only it knows them."""
    state.write(STATUS, REPORTED)
    with hold(state.instance_path, operation="run", exclusive=True):
        told = with_report(FRESH, state, now=NOW)
    assert told == replace(FRESH, conditions=[READY], source=SOURCE, reconciler=REPORTED.reconciler)


def test_of_one_that_ended_only_what_stays_true_is_told(state: StateDirectory) -> None:
    """Where it came from stays; whether all is well nobody watches any more."""
    state.write(STATUS, REPORTED)
    told = with_report(FRESH, state, now=NOW + timedelta(microseconds=5))
    (gone,) = told.conditions
    assert (gone.type, gone.status, gone.reason, gone.last_transition_time) == ("Ready", "Unknown", "NotRunning", NOW)
    assert gone.message == (
        "No reconciler runs with this state directory; it last reported at 2026-11-20 10:00 UTC. Start it with `cluster-pki run`."
    )
    assert told == replace(FRESH, conditions=[gone], source=SOURCE)


@pytest.mark.parametrize("reported", [None, replace(REPORTED, reconciler=None)], ids=["nothing", "nobody"])
def test_where_none_ever_ran_nothing_is_said_about_one(reported: object, state: StateDirectory) -> None:
    """A status by hand stays what it is."""
    if reported is not None:
        state.write(STATUS, replace(REPORTED, reconciler=None))
    assert with_report(FRESH, state, now=NOW) is FRESH


def test_a_report_that_is_damaged_is_none(state: StateDirectory) -> None:
    """It is for people; nothing depends on it."""
    Path(state.path, STATUS).write_bytes(b"{")
    assert with_report(FRESH, state, now=NOW) is FRESH


def test_whether_it_runs_is_asked_of_its_lock(state: StateDirectory) -> None:
    """Not of a pid that somebody else may have by now."""
    assert not is_running(state)
    with hold(state.instance_path, operation="run", exclusive=True):
        assert is_running(state)
    assert not is_running(state)


def test_what_was_served_is_kept_beside_what_is_known(state: StateDirectory) -> None:
    """An apply by hand asks a few endpoints; what is known of the others stays. Nothing asked, nothing written."""
    save_served(state, {})
    assert list(Path(state.path).iterdir()) == []
    old = Served(state="ok", endpoint="a:1", at=NOW)
    new = Served(state="stale", endpoint="b:1", at=NOW, detail="b:1 presents another.")
    save_served(state, {"component.a": old, "component.b": old})
    save_served(state, {"component.b": new})
    assert load_served(state) == {"component.a": old, "component.b": new}

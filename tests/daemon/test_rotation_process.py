"""Rotations by a reconciler that is a process: killed in each phase, and asleep while it soaks."""

from __future__ import annotations

import signal
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.daemon.reconciler import Step
from tests.daemon.followed import Played, text
from tests.daemon.running import Place, document, running
from tests.daemon.scene import INTERVAL, READY, Scene, said, walk
from tests.soak.soak import small_disk


def asked(generation: int, terms: str = "") -> str:
    """A server, a client and a bundle, of a CA at this generation."""
    ca = f"  main: {{path: ca/main, generation: {generation}, rotation: {{soak: 0s{terms}}}}}\n"
    person = "  person: {ca: main, usages: [client auth], path: pki/person}\n"
    bundle = "bundles:\n  trust: {cas: [main], path: pki/trust.crt}\n"
    return document("api").replace("  main: {path: ca/main}\n", ca) + person + bundle


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """The first generation, asked for in a repository."""
    place = Place(home=tmp_path, git=True)
    place.write(asked(1))
    return place


def phase(place: Place) -> str:
    """Where the CA stands by what is reported of the commit in force; empty while another is, or more is done at once."""
    status = place.status()
    if status.get("source", {}).get("last_applied_revision") != place.run_git("rev-parse", "HEAD").strip():
        return ""
    if status["reconciler"]["next_pass_why"] == "retry":  # noqa: S105 - a reason
        return ""
    return next((entry["phase"] for entry in status["rotations"]), "stable")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "terminated"])
def test_ended_in_every_phase_it_goes_on_from_there(place: Place, number: signal.Signals) -> None:
    """Each process finds what the one before left, takes one step further, and is ended there; the last one is done."""
    with running(place, interval="1h") as one:
        one.wait_for(lambda: phase(place) == "stable")
    serials = [place.serial(name) for name in ("api", "person")]
    for hold, where in (("clients", "stage"), ("servers", "clients"), ("distrust", "soak")):
        place.write(asked(2, f", hold: {hold}"))
        with running(place, interval="1h") as one:
            one.wait_for(lambda: phase(place) == where)  # noqa: B023 - waited for at once
            one.send(number)
            one.process.wait(timeout=10)
        moved = [place.serial(name) != before for name, before in zip(("api", "person"), serials, strict=True)]
        assert moved == {"stage": [False, False], "clients": [False, True], "soak": [True, True]}[where]
    place.write(asked(2))
    with running(place, interval="1h") as one:
        one.wait_for(lambda: phase(place) == "stable")
        assert one.stop() == 0
    assert place.plan_is_empty()
    assert (place.root / "srv/pki/trust.crt").read_bytes() == (place.root / "srv/ca/main.g2.crt").read_bytes()


def test_it_sleeps_while_it_soaks_and_wakes_at_the_end(place: Place) -> None:
    """Not at the next interval, and without asking the clock all the time in between."""
    with running(place, interval="1h") as one:
        one.wait_for(lambda: phase(place) == "stable")
        place.write(asked(2).replace("soak: 0s", "soak: 6s"))
        one.wait_for(lambda: phase(place) == "soak")
        before = one.passes()
        one.wait_for(lambda: phase(place) == "stable", within=20)
        assert place.conditions() == READY
        assert place.status()["rotations"] == []
        # At its end, and what then is to be done at once: taking the old one out.
        assert one.passes() - before <= 4
        assert one.stop() == 0
    assert place.plan_is_empty()


def test_a_revocation_list_is_signed_in_time_after_an_hour_without_a_disk(tmp_path: Path) -> None:
    """From two thirds of its validity on it is tried again and again, and there is a new one before nextUpdate."""
    ca = {"path": "ca/main", "crl": {"path": "crl/main", "validity": "6h"}}
    scene = Scene(home=tmp_path, source=Played(a=text("api", cas={"main": ca})))
    root = tmp_path / "root"

    def until(reached: timedelta, step: Step) -> Step:
        """Passes the time as the loop would: to whatever falls due, at most to the interval."""
        while scene.now < begun + reached:
            due = min(step.next_at or scene.now + INTERVAL, scene.now + INTERVAL)
            scene.pass_time(max(1.0, (due - scene.now).total_seconds()))
            step = walk(reconciler, step.next_why)[-1]
        return step

    def remount(mode: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{mode}", str(root)], check=True)

    with small_disk(root):
        reconciler, begun = scene.start(), scene.now
        step = walk(reconciler, "start")[-1]
        assert step.next_at == begun + timedelta(hours=4)
        first = next(row for row in step.status.resources if row.type == "crl") if step.status else None
        remount("ro")
        step = until(timedelta(hours=5), step)
        assert said(step)["Ready"][0] == "False"
        remount("rw")
        step = until(timedelta(hours=5, minutes=20), step)
        second = next(row for row in step.status.resources if row.type == "crl") if step.status else None
    assert first is not None
    assert second is not None
    assert said(step) == READY
    assert first.not_after == begun + timedelta(hours=6)
    assert second.not_after is not None
    assert second.not_after > begun + timedelta(hours=11)
    assert (second.number or 0) > (first.number or 0)

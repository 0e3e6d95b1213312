"""Whenever apply dies, readers see old or new and never a mix, and the next apply finishes the work."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path
from typing import Final

import pytest

from tests.crash.check_pairs import violations
from tests.crash.cli_stories import HARNESS, LONG_LIVED, STORIES, Story, attack
from tests.crash.rotation_stories import ROTATIONS
from tests.real.cluster import PROGRAM, Cluster, environment

INSTANTS: Final = 5


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_killed_at_any_time(story: Story, tmp_path: Path) -> None:
    """Killed at evenly spread instants of its run, apply leaves sound pairs, and a second apply an empty plan."""
    template = tmp_path / "template"
    template.mkdir()
    story.prepare(template)
    whole = _run_for(3.0 if story.term_after else 60.0, story, _copy(template, tmp_path / "whole"))
    for instant in range(INSTANTS):
        cluster = _copy(template, tmp_path / f"killed-{instant}")
        # The first part of a run only starts Python.
        _run_for(whole * (0.4 + 0.6 * instant / INSTANTS), story, cluster)
        assert list(violations(cluster.root, cluster.home)) == []
        cluster.apply()
        assert list(violations(cluster.root, cluster.home)) == []
        assert cluster.reasons(expect=0) == {}


def _copy(template: Path, home: Path) -> Cluster:
    shutil.copytree(template, home, symlinks=True)
    return Cluster(home=home)


def _run_for(seconds: float, story: Story, cluster: Cluster) -> float:
    """Runs a story's command and kills it after so many seconds; returns how long it ran."""
    where = ("-f", str(cluster.file), "--root", str(cluster.root), "--state-dir", str(cluster.home / "state"))
    started = time.monotonic()
    process = subprocess.Popen(
        [*PROGRAM, *story.command.split(), *where], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment()
    )
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    return time.monotonic() - started


@pytest.mark.skipif(not HARNESS.exists(), reason="no crash harness here; name one with CLUSTER_PKI_CRASHPOINTS")
@pytest.mark.parametrize(
    ("story", "faults", "events"),
    [
        (STORIES[0], "kill", range(1, 64, 2)),
        (STORIES[0], "power,err:EIO,full,sig:TERM", range(3, 64, 8)),
        (STORIES[3], "kill,power", range(11, 80, 12)),
        (STORIES[4], "kill,power", range(11, 500, 61)),
        (STORIES[5], "kill,power,err:EIO,sig:TERM", range(1, 140, 12)),
        (STORIES[6], "kill,power,err:EIO", range(1, 60, 6)),
        (STORIES[7], "kill,power", range(1, 140, 9)),
        (STORIES[8], "kill,power,err:EIO", range(1, 200, 12)),
        (STORIES[9], "kill,power,err:EIO", range(1, 200, 12)),
        (LONG_LIVED, "kill,sig:TERM,sig:HUP", range(5, 140, 25)),
    ],
    ids=[
        "one pair killed",
        "one pair and other faults",
        "a kubeconfig and a bundle",
        "a batch",
        "a pass",
        "a list",
        "a revocation",
        "requests",
        "a shared kubeconfig",
        "a reconciler",
    ],
)
def test_a_sample_of_system_calls(story: Story, faults: str, events: range, tmp_path: Path) -> None:
    """A pair is published as one: there is no system call after which a reader could find half of it.

    ``make crash`` has every fault at every system call of every story.
    """
    done = attack(story, faults, tmp_path, events=",".join(map(str, events)))
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


@pytest.mark.skipif(not HARNESS.exists(), reason="no crash harness here; name one with CLUSTER_PKI_CRASHPOINTS")
@pytest.mark.parametrize("story", ROTATIONS, ids=lambda story: story.name)
def test_a_rotation_is_found_again(story: Story, tmp_path: Path) -> None:
    """Killed in any phase: sound pairs, the same phase without the state directory, an end, nothing issued twice.

    A few system calls of each phase; ``make crash`` has them all.
    """
    done = attack(story, "kill", tmp_path, events=",".join(map(str, range(17, 450, 75))))
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"

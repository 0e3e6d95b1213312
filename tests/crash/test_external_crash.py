"""Whenever an apply with an external CA dies, keys and requests go on from there, and no certificate is without its key."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.cli_stories import HARNESS, Story, attack
from tests.crash.external_stories import STORIES


@pytest.mark.skipif(not HARNESS.exists(), reason="no crash harness here; name one with CLUSTER_PKI_CRASHPOINTS")
@pytest.mark.parametrize(
    ("story", "faults", "events"),
    [
        (STORIES[0], "kill,err:EIO", range(1, 90, 13)),
        (STORIES[1], "kill,err:EIO", range(1, 120, 11)),
        (STORIES[2], "kill", range(1, 40, 6)),
    ],
    ids=lambda value: value.name if isinstance(value, Story) else "",
)
def test_a_sample_of_system_calls(story: Story, faults: str, events: range, tmp_path: Path) -> None:
    """After any of them a second apply leaves a plan that has nothing to do but to wait.

    ``make crash`` has every fault at every system call of every story.
    """
    done = attack(story, faults, tmp_path, events=",".join(map(str, events)))
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"

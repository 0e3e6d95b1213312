"""Whenever an apply dies that rests on a server: the next one finishes, everything is signed once, and nothing is left over."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.crash.cli_stories import HARNESS
from tests.crash.vault_attack import attack_with_server
from tests.crash.vault_stories import STORIES

#: A few system calls of each story, connecting and sending among them.
EVENTS: Final = {
    "signed and kept there": "40,70,95,110",
    "CAs that are made there": "45,80,105",
    "rotation from stage to its end": "60,110,160",
}


@pytest.mark.skipif(not HARNESS.exists(), reason="no crash harness here; name one with CLUSTER_PKI_CRASHPOINTS")
@pytest.mark.parametrize("name", EVENTS)
def test_a_sample_of_system_calls(name: str, tmp_path: Path) -> None:
    """Sound pairs and whole secrets at any time; then an empty plan, and one certificate that lives for each component.

    ``make crash`` has every system call of every story.
    """
    story = next(each for each in STORIES if each.name == name)
    done = attack_with_server(story, "kill", tmp_path / "run", events=EVENTS[name])
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"

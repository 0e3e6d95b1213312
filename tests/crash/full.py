"""Every fault at every system call of every story: ``make crash``. Minutes to an hour, by the machine."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.crash.cli_stories import HARNESS, STORIES, attack
from tests.crash.external_stories import STORIES as EXTERNAL_STORIES
from tests.crash.rotation_stories import ROTATIONS
from tests.crash.vault_attack import attack_with_server
from tests.crash.vault_stories import STORIES as VAULT_STORIES

FAULTS: Final = ("kill", "torn", "power", "err:EIO", "err:ENOSPC", "full", "rofs", "short", "sig:TERM")
#: The disk is the same with a server and without one. What counts with one is when the program dies.
FAULTS_WITH_SERVER: Final = ("kill", "sig:TERM")


def main() -> int:
    """Prints the harness's table per story; 1 when anything was violated."""
    if not HARNESS.exists():
        sys.stderr.write(f"{HARNESS} is not there; name the crash harness with CLUSTER_PKI_CRASHPOINTS\n")
        return 1
    worst = 0
    for story in (*STORIES, *EXTERNAL_STORIES, *ROTATIONS):
        sys.stdout.write(f"== {story.name}\n")
        sys.stdout.flush()
        with tempfile.TemporaryDirectory() as scratch:
            done = attack(story, ",".join(FAULTS), Path(scratch) / "run", events=story.events)
        sys.stdout.write(done.stdout + done.stderr)
        worst = max(worst, done.returncode)
    for served in VAULT_STORIES:
        sys.stdout.write(f"== {served.name}\n")
        sys.stdout.flush()
        with tempfile.TemporaryDirectory() as scratch:
            done = attack_with_server(served, ",".join(FAULTS_WITH_SERVER), Path(scratch) / "run")
        sys.stdout.write(done.stdout + done.stderr)
        worst = max(worst, done.returncode)
    return 1 if worst else 0


if __name__ == "__main__":
    raise SystemExit(main())

"""Every fault at every system call of every story: ``make crash``. Minutes to an hour, by the machine."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.crash.cli_stories import HARNESS, STORIES, attack
from tests.crash.rotation_stories import ROTATIONS

FAULTS: Final = ("kill", "torn", "power", "err:EIO", "err:ENOSPC", "full", "rofs", "short", "sig:TERM")


def main() -> int:
    """Prints the harness's table per story; 1 when anything was violated."""
    if not HARNESS.exists():
        sys.stderr.write(f"{HARNESS} is not there; name the crash harness with CLUSTER_PKI_CRASHPOINTS\n")
        return 1
    worst = 0
    for story in (*STORIES, *ROTATIONS):
        sys.stdout.write(f"== {story.name}\n")
        sys.stdout.flush()
        with tempfile.TemporaryDirectory() as scratch:
            done = attack(story, ",".join(FAULTS), Path(scratch) / "run", events=story.events)
        sys.stdout.write(done.stdout + done.stderr)
        worst = max(worst, done.returncode)
    return 1 if worst else 0


if __name__ == "__main__":
    raise SystemExit(main())

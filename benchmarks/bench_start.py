"""How long the program takes to start, against the least that Python itself needs."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from benchmarks.measure import PROGRAM, REPOSITORY, Row, below, interleaved, program, run


def measure(scratch: Path) -> list[Row]:
    """``version`` against bare Python; a plan without changes against a Python that imports cryptography."""
    shutil.copy(REPOSITORY / "cluster-pki.example.yaml", scratch / "cluster-pki.yaml")
    run(program(scratch, "apply", "--auto-approve"), cwd=scratch)
    seconds = interleaved(
        {
            "python": (sys.executable, "-c", "pass"),
            "version": (*PROGRAM, "version"),
            "cryptography": (sys.executable, "-c", "import cryptography.x509"),
            "plan": program(scratch, "plan", "--detailed-exitcode"),
        },
        cwd=scratch,
        rounds=15,
    )
    return [
        below("version / bare Python", seconds["version"] / seconds["python"], "x", limit=1.5),
        below("plan of the example / import cryptography.x509", seconds["plan"] / seconds["cryptography"], "x", limit=3),
    ]

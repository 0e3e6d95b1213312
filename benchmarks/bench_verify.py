"""A verification of a cluster of 5,000 nodes: 45,000 connections, as they are on disk and in every phase of a change."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Final

from benchmarks.bench_plan import desired
from benchmarks.measure import Row, Run, below, program, run

ROUNDS: Final = 3
#: More names in the certificates of the API servers: one certificate and what follows it.
_BEFORE: Final = 'version: "1.36"\n'
_AFTER: Final = 'version: "1.36"\n  certSANs: {dns: [more.large.example.com]}\n'


def measure(scratch: Path) -> list[Row]:
    """Cold, with the cache of observations removed before each run; and in every phase of a small change."""
    file = scratch / "cluster-pki.yaml"
    file.write_text(desired(), encoding="utf-8")
    run(program(scratch, "apply", "--auto-approve"), cwd=scratch)
    cold: list[Run] = []
    for _ in range(ROUNDS):
        (scratch / "state" / "observed.cache").unlink(missing_ok=True)
        cold.append(run(program(scratch, "verify"), cwd=scratch))
    file.write_text(desired().replace(_BEFORE, _AFTER), encoding="utf-8")
    phases = [run(program(scratch, "verify", "--every-phase"), cwd=scratch) for _ in range(ROUNDS)]
    return [
        below("verify of 30,000 connections, cold", statistics.median(one.seconds for one in cold), " s", limit=30),
        below("verify of them in every phase of a change", statistics.median(one.seconds for one in phases), " s", limit=30),
        below("peak memory of these verifications", max(one.peak_mib for one in (*cold, *phases)), " MiB", limit=600),
    ]

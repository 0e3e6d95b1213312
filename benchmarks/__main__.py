"""``python -m benchmarks [start] [plan] [apply] [run] [verify] [vault]``: measures; all of it without arguments."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks import bench_apply, bench_plan, bench_run, bench_start, bench_vault, bench_verify
from benchmarks.measure import table

BENCHMARKS = {
    "start": bench_start.measure,
    "plan": bench_plan.measure,
    "apply": bench_apply.measure,
    "run": bench_run.measure,
    "verify": bench_verify.measure,
    "vault": bench_vault.measure,
}


def main(names: list[str]) -> int:
    """Runs the named benchmarks; 0 even when a target was missed: a busy machine is not a failure."""
    rows = []
    for name in names or BENCHMARKS:
        sys.stderr.write(f"measuring {name} ...\n")
        with tempfile.TemporaryDirectory(prefix="cluster-pki-bench-") as scratch:
            rows += BENCHMARKS[name](Path(scratch))
    sys.stdout.write(table(rows))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

"""A durable apply of 1,000 ECDSA certificates against the least work possible, and against a shell loop of openssl."""

from __future__ import annotations

import shutil
import statistics
import sys
from pathlib import Path
from typing import Final

from benchmarks.measure import REPOSITORY, Row, at_least, program, run

COUNT: Final = 1_000
#: The shell loop is slow and linear: a tenth of it, times ten.
SHARE: Final = 10
ROUNDS: Final = 3
HEAD: Final = """\
apiVersion: cluster-pki/v1
cluster: bench
stores:
  files: {type: file, root: /srv}
cas:
  bench: {path: ca/bench}
"""


def desired(count: int) -> str:
    """A CA and `count` servers."""
    components = (
        f"  host-{number}:\n"
        "    ca: bench\n"
        "    usages: [server auth]\n"
        f"    subject: {{commonName: host-{number}.bench.internal}}\n"
        f"    sans: {{dns: [host-{number}.bench.internal]}}\n"
        f"    path: pki/host-{number}/tls\n"
        for number in range(count)
    )
    return HEAD + ("components:\n" + "".join(components) if count else "")


def measure(scratch: Path) -> list[Row]:
    """Rates of the three, run in turn; starting Python is part of both Python sides."""
    ours: list[float] = []
    bare: list[float] = []
    shell: list[float] = []
    for number in range(ROUNDS):
        home = scratch / str(number)
        home.mkdir()
        (home / "cluster-pki.yaml").write_text(desired(0), encoding="utf-8")
        run(program(home, "apply", "--auto-approve"), cwd=home)
        (home / "cluster-pki.yaml").write_text(desired(COUNT), encoding="utf-8")
        ours.append(run(program(home, "apply", "--auto-approve"), cwd=home).seconds)
        bare.append(run((sys.executable, "-m", "benchmarks.bare_loop", str(home / "bare"), str(COUNT)), cwd=REPOSITORY).seconds)
        loop = ("sh", str(REPOSITORY / "benchmarks" / "openssl_loop.sh"), str(home / "shell"), str(COUNT // SHARE))
        shell.append(run(loop, cwd=home).seconds * SHARE)
        shutil.rmtree(home)
    seconds = statistics.median(ours)
    return [
        at_least(
            f"apply of 1,000 certificates ({COUNT / seconds:.0f}/s), of the bare loop's rate",
            100 * statistics.median(bare) / seconds,
            " %",
            limit=70,
        ),
        at_least("apply of 1,000 certificates / shell loop of openssl", statistics.median(shell) / seconds, "x", limit=15),
    ]

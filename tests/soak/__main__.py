"""``python -m tests.soak [DAYS] [SEED]``: the long form, 200 components and 60 simulated days by default: an hour or two."""

from __future__ import annotations

import sys
import tempfile
from datetime import timedelta
from pathlib import Path

from tests.soak.soak import Soak


def main(arguments: list[str]) -> int:
    """Runs it and prints what it saw."""
    days = int(arguments[0]) if arguments else 60
    seed = int(arguments[1]) if len(arguments) > 1 else 1
    step = timedelta(hours=1)
    with tempfile.TemporaryDirectory(prefix="cluster-pki-soak-") as home:
        soak = Soak(home=Path(home), components=200, cycles=timedelta(days=days) // step, step=step, seed=seed, tell=tell)
        soak.run()
    tell(f"{soak.offset} simulated, {soak.samples} samples of pairs, none mixed, nothing expired; {dict(soak.faults)}")
    tell(f"memory {min(soak.memory):.0f} to {max(soak.memory):.0f} MiB")
    tell(f"descriptors {min(soak.descriptors)} to {max(soak.descriptors)}")
    return 0


def tell(line: str) -> None:
    """Prints a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

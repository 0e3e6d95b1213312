"""At every system call of a publication a crash, a full disk or a power cut leaves old or new, and the next run finishes.

The table below is a part; ``CLUSTER_PKI_CRASH=all`` attacks every event with every fault, which takes minutes a case.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.crash.cli_stories import HARNESS
from tests.crash.store_driver import CASES, prepare
from tests.real.cluster import REPOSITORY

DRIVER: Final = Path(__file__).with_name("store_driver.py")
ALL: Final = "kill,torn,power,err:EIO,err:ENOSPC,full,rofs,short"

#: What a run of the tests can afford: the events around the swap, each under faults of its own.
SHORT: Final = {
    "first": ("power", "32-46"),
    "renewal": ("kill", "22-38"),
    "conversion": ("kill", "30-56"),
    "plain": ("kill,torn", "12-26"),
    "plain-same-key": ("err:EIO", "8-20"),
    "single": ("full,rofs,short", "8-18"),
}


@pytest.mark.skipif(not HARNESS.exists(), reason="no crash harness here; name one with CLUSTER_PKI_CRASHPOINTS")
@pytest.mark.parametrize("case", CASES)
def test_publication(case: str, tmp_path: Path) -> None:
    """No fault leaves a mixed pair, a missing file, an open key or a run that cannot be repeated."""
    template = tmp_path / "template"
    template.mkdir()
    prepare(case, str(template))
    driver = f"{sys.executable} {DRIVER} {case}"
    faults, events = SHORT[case]
    part = ["--faults", ALL] if os.environ.get("CLUSTER_PKI_CRASH") == "all" else ["--faults", faults, "--events", events]
    done = subprocess.run(
        [
            *(sys.executable, str(HARNESS), "--template", str(template), "--jobs", "2", "--quiet", *part),
            *("--cmd", f"{driver} publish {{dir}}", "--check", f"{driver} check {{dir}}", "--final", f"{driver} final {{dir}}"),
            *("--forbid", "Traceback", "--workdir", str(tmp_path)),
        ],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"

"""Plans that were carried out are kept, without end but not without bound."""

from __future__ import annotations

import os
from pathlib import Path

from reconciler.apply.state import StateDirectory
from reconciler.passes.kept_plans import KEPT, keep_plan
from reconciler.plan.saved import decode
from tests.plan.world import ca, component, settled


def test_one_file_a_revision_and_the_oldest_go(tmp_path: Path) -> None:
    """The file is what `plan --out` saves, for nobody else to read."""
    plan = settled(ca(), component()).plan().document
    state = StateDirectory(str(tmp_path / "state"))
    for number in range(KEPT + 3):
        keep_plan(state, plan, version=f"{number:040x}")
        path = Path(state.plans_path) / f"{number:040x}.json"
        os.utime(path, (number, number))
    keep_plan(state, plan, version=f"sha256:{'ab' * 32}")
    names = sorted(path.name for path in Path(state.plans_path).iterdir())
    assert len(names) == KEPT
    assert f"{3:040x}.json" not in names
    kept = Path(state.plans_path) / f"{'ab' * 20}.json"
    assert decode(kept.read_bytes()) == plan
    assert kept.stat().st_mode & 0o777 == 0o600

"""The example of signing requests works as it stands, and is what the page shows."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Final

from tests.inprocess import Home

REPOSITORY: Final = Path(__file__).resolve().parents[1]
EXAMPLE: Final = REPOSITORY / "examples" / "requests"


def test_the_page_shows_the_example() -> None:
    """To the byte."""
    page = (REPOSITORY / "docs" / "desired-state.md").read_text(encoding="utf-8")
    block = re.search(r'```yaml title="cluster-pki.yaml"\n(.*?)```', page, re.DOTALL)
    assert block is not None
    assert block[1] == (EXAMPLE / "cluster-pki.yaml").read_text(encoding="utf-8")


def test_the_example_signs_what_is_approved(tmp_path: Path) -> None:
    """Two certificates and an answer; who waits is told; then nothing is left to do."""
    home = Home(path=tmp_path)
    shutil.copytree(EXAMPLE, tmp_path, dirs_exist_ok=True)
    assert home.apply().code == 0
    issued = tmp_path / "srv/people/issued"
    assert sorted(path.name for path in issued.iterdir() if not path.name.startswith(".")) == ["bob.crt", "bob.yaml", "jane.crt"]
    plan = home.plan("--detailed-exitcode")
    assert (plan.code, [each["address"] for each in plan.json["diagnostics"]]) == (0, ["request.ann"])

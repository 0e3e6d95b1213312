"""docs/reasons.md explains every word that a plan may use."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from reconciler.plan.guards import EMPTY, MAX_CHANGES, MAX_DESTROY, PREVENT_DESTROY
from reconciler.plan.reasons import Reason

PAGE: Final = (Path(__file__).parents[2] / "docs" / "reasons.md").read_text(encoding="utf-8")


def test_every_reason_has_its_paragraph() -> None:
    """In the order of the words themselves, each once, and none that does not exist."""
    assert re.findall(r"^## (\w+)$", PAGE, re.MULTILINE) == [reason.value for reason in Reason]


def test_every_guard_has_its_row() -> None:
    """So that whoever meets the code finds the way out."""
    codes = set(re.findall(r"^\| `([a-z-]+)` \|", PAGE, re.MULTILINE))
    assert codes >= {MAX_CHANGES, MAX_DESTROY, EMPTY, PREVENT_DESTROY}
    sources = "".join(
        path.read_text(encoding="utf-8") for path in (Path(__file__).parents[2] / "reconciler" / "plan").rglob("*.py")
    )
    assert [code for code in sorted(codes) if f'"{code}"' not in sources] == []

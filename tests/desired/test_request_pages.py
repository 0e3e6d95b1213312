"""The pages of the rules on signing requests: the files that they show do what they say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from reconciler.desired.rules import RULES
from tests.requesting import MAIN, diagnostics

PAGES: Final = Path(__file__).resolve().parents[2] / "docs" / "rules"
CODES: Final = sorted(code for code in RULES if code[3] == "7")
_BLOCK: Final = re.compile(r'^```\w+(?: title="([^"]+)")?\n(.*?)^```$', re.DOTALL | re.MULTILINE)


def _files(code: str, heading: str) -> tuple[str, dict[str, str | bytes]]:
    """The main file below a heading, and the files beside it."""
    section = (PAGES / f"{code}.md").read_text(encoding="utf-8").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    files: dict[str, str | bytes] = {title or MAIN: text for title, text in _BLOCK.findall(section)}
    return str(files.pop(MAIN)), files


@pytest.mark.parametrize("code", CODES)
def test_example_breaks_exactly_its_rule(code: str) -> None:
    """The example is told with the code of its page and with nothing else, at a place, with a way out."""
    found = diagnostics(*_files(code, "Example"))
    assert {each.code for each in found} == {code}
    assert all(each.span is not None and each.hint for each in found)


@pytest.mark.parametrize("code", CODES)
def test_remedy_is_clean(code: str) -> None:
    """What the page recommends compiles without a word."""
    assert diagnostics(*_files(code, "Use instead")) == ()

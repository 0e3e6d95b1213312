"""The pages of the rules on references, policy, stores and issuers: their examples do what they say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from reconciler.desired.rules import RULES
from tests.desired.compiling import codes_of, diagnostics_of

PAGES: Final = Path(__file__).resolve().parents[2] / "docs" / "rules"
CODES: Final = sorted(code for code in RULES if code[3] in "2345")
HEADINGS: Final = ["What it does", "Why is this bad?", "Example", "Use instead"]


def _example(code: str, heading: str) -> str:
    section = (PAGES / f"{code}.md").read_text(encoding="utf-8").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    blocks: list[str] = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
    assert len(blocks) == 1
    return blocks[0]


@pytest.mark.parametrize("code", CODES)
def test_page_has_its_form(code: str) -> None:
    """Every rule has a page with its name and the four headings."""
    text = (PAGES / f"{code}.md").read_text(encoding="utf-8")
    assert text.splitlines()[0] == f"# {code}: {RULES[code].name}"
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == HEADINGS


@pytest.mark.parametrize("code", CODES)
def test_example_breaks_exactly_its_rule(code: str) -> None:
    """The example is reported with the code of its page and with nothing else, at a place in the file, with a way out."""
    diagnostics = diagnostics_of(_example(code, "Example"))
    assert {diagnostic.code for diagnostic in diagnostics} == {code}
    assert {diagnostic.severity for diagnostic in diagnostics} == {RULES[code].severity}
    assert code == "CPK216" or all(diagnostic.span for diagnostic in diagnostics)


@pytest.mark.parametrize("code", CODES)
def test_remedy_is_clean(code: str) -> None:
    """What the page recommends compiles without a word."""
    assert codes_of(_example(code, "Use instead")) == []

"""Every rule has a page, and what the pages show as wrong is wrong, and as right is right."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from reconciler.desired.diagnostics import InvalidDesiredStateError
from reconciler.desired.load import load
from reconciler.desired.rules import RULES
from reconciler.source.directory import DirectorySource

PAGES: Final = Path(__file__).resolve().parents[2] / "docs" / "rules"
HEADINGS: Final = ["## What it does", "## Why is this bad?", "## Example", "## Use instead"]
#: Rules of reading files and of form; the others need the whole desired state and have tests of their own.
LOADER_RULES: Final = [code for code in RULES if code[3] in "01"]
BLOCK: Final = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.DOTALL | re.MULTILINE)


def section(code: str, heading: str) -> str:
    """The text below a heading of a rule's page."""
    text = (PAGES / f"{code}.md").read_text(encoding="utf-8")
    return text.partition(f"\n{heading}\n")[2].partition("\n## ")[0]


def write_files(directory: Path, text: str) -> bool:
    """Writes the YAML blocks of a section under their titles; whether there are any."""
    blocks = [(title or "cluster-pki.yaml", body) for kind, title, body in BLOCK.findall(text) if kind == "yaml"]
    for name, body in blocks:
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_text(body, encoding="utf-8")
    return bool(blocks)


def codes(path: Path) -> set[str]:
    """The codes of what loading a file finds."""
    try:
        load(DirectorySource(str(path)))
    except InvalidDesiredStateError as error:
        return {diagnostic.code for diagnostic in error.diagnostics}
    return set()


def test_pages_and_rules_are_the_same_set() -> None:
    """No rule without a page, no page without a rule; codes and names are unique."""
    assert {path.stem for path in PAGES.glob("*.md")} == set(RULES)
    assert len({rule.name for rule in RULES.values()}) == len(RULES)
    assert list(RULES) == sorted(RULES)


@pytest.mark.parametrize("code", RULES)
def test_every_page_has_the_same_form(code: str) -> None:
    """Title, what it does, why it is bad, an example, and what to write instead."""
    text = (PAGES / f"{code}.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {code}: {RULES[code].name}\n")
    assert re.findall(r"^## .*$", text, re.MULTILINE) == HEADINGS
    assert [heading for heading in HEADINGS if not section(code, heading).strip()] == []


@pytest.mark.parametrize("code", LOADER_RULES)
def test_the_example_is_a_mistake_of_this_rule_alone(code: str, tmp_path: Path) -> None:
    """YAML blocks are files, shell blocks are run."""
    text = section(code, "## Example")
    if write_files(tmp_path, text):
        assert codes(tmp_path / "cluster-pki.yaml") == {code}
        return
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "cluster-pki").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m reconciler.cli.main "$@"\n')
    (programs / "cluster-pki").chmod(0o755)
    (script,) = [body for kind, _, body in BLOCK.findall(text) if kind == "sh"]
    done = subprocess.run(
        ["sh", "-e"],
        input=f"PATH={programs}:$PATH\n{script}",
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert (done.returncode, done.stdout[:14], done.stderr) == (1, f"error[{code}]:", "")


@pytest.mark.parametrize("code", LOADER_RULES)
def test_what_to_use_instead_is_right(code: str, tmp_path: Path) -> None:
    """Where it is a file."""
    if write_files(tmp_path, section(code, "## Use instead")):
        assert codes(tmp_path / "cluster-pki.yaml") == set()

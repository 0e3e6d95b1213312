"""The guide to access is true: its commands are run in the order of the page, and print every line of output that it shows."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import kubernetes_validate  # type: ignore[import-untyped]  # it has no types
import yaml

from tests.guides import Step, commands, environment, install, page, untrue, work

GUIDE: Final = page("give-someone-access.md")
_BLOCK: Final = re.compile(r"^```(sh|console|yaml)(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def steps() -> Iterator[Step]:
    """What a reader does, block by block; what is refused is shown with its error."""
    for kind, title, block in _BLOCK.findall(GUIDE):
        if title:
            yield Step(command=f"cat > {title} <<'END'\n{block}END")
        elif kind == "sh":
            yield Step(command=block)
        elif kind == "console":
            for step in commands(block):
                refused = any(line.startswith("error") for line in step.shown)
                yield Step(command=step.command, shown=step.shown, must=not refused)


def test_the_page_can_be_worked_through(tmp_path: Path) -> None:
    """From a request to access, other ways to ask, renewal, withdrawal, and an administrator for a day."""
    todo, desk, home = list(steps()), tmp_path / "checkout", tmp_path / "home"
    install(tmp_path / "bin")
    for directory in (desk, home):
        directory.mkdir()
    variables = environment(tmp_path / "bin", HOME=str(home), GIT_CONFIG_NOSYSTEM="1")
    subprocess.run(["git", "init", "-q", "-b", "main"], cwd=desk, env=variables, check=True)
    assert len(todo) > 20
    assert untrue(todo, work(todo, desk, variables)) == ""
    committed = [path for path in (desk / "requests").iterdir() if "PRIVATE" in path.read_text(encoding="utf-8")]
    assert ((home / ".kube/jane.key").stat().st_mode & 0o777, committed) == (0o600, [])


def test_the_binding_is_one_of_the_api() -> None:
    """A reader may apply it."""
    (binding,) = [yaml.safe_load(block) for kind, title, block in _BLOCK.findall(GUIDE) if kind == "yaml" and not title]
    kubernetes_validate.validate(binding, "1.36", strict=True)

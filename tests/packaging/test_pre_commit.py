"""The hook for pre-commit: what its manifest promises, and what its command does."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.packaging.processes import REPOSITORY, parse_options, run

HOOKS: Final[list[dict[str, Any]]] = yaml.safe_load((REPOSITORY / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
#: <https://pre-commit.com/#new-hooks>
FIELDS: Final = frozenset(
    {
        "id",
        "name",
        "entry",
        "language",
        "files",
        "exclude",
        "types",
        "types_or",
        "pass_filenames",
        "description",
        "args",
        "stages",
    }
)


def test_the_manifest_is_one_of_pre_commit() -> None:
    """Its fields are known, and what must be there is there."""
    assert [set(hook) - FIELDS for hook in HOOKS] == [set()]
    assert [{"id", "name", "entry", "language"} <= set(hook) for hook in HOOKS] == [True]


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_the_entry_is_a_command(hook: dict[str, Any]) -> None:
    """Our parser takes it as it is, without file names, and with the argument that the documentation names."""
    assert hook["pass_filenames"] is False
    assert parse_options(*shlex.split(hook["entry"])[1:], "--file=clusters/prod.yaml")["file"] == "clusters/prod.yaml"


@pytest.mark.parametrize(("change", "code"), [("", 0), ("cluster: again\n", 1)], ids=["sound", "a key given twice"])
def test_a_commit_is_stopped_by_a_mistake(change: str, code: int, tmp_path: Path) -> None:
    """The hook's command passes or fails as pre-commit needs it, from the top of the repository."""
    shutil.copy(REPOSITORY / "cluster-pki.example.yaml", tmp_path / "cluster-pki.yaml")
    with (tmp_path / "cluster-pki.yaml").open("a", encoding="utf-8") as file:
        file.write(change)
    (hook,) = HOOKS
    run(*shlex.split(hook["entry"]), cwd=tmp_path, expect=code)

"""The GitHub action: its scripts are run, with a stand-in for GitHub."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from tests.packaging.workflow import ACTION, STEPS, Runner

DOCUMENT: Final = """
apiVersion: cluster-pki/v1
cluster: office
stores:
  files: {type: file, root: /office}
cas:
  root: {path: ca/root}
components:
  web: {ca: root, usages: [server auth], sans: {dns: [web.example.com]}, path: web/tls}
"""
MARKER: Final = "<!-- cluster-pki:plan:office -->"
#: Somebody who read our code wrote our marker into a comment.
FOREIGN: Final = {"id": 1, "user": {"login": "mallory"}, "body": f"{MARKER}\nNo changes."}
SCRIPTS: Final = [pytest.param(step["run"], id=step["id"]) for step in STEPS]


def runner(
    home: Path, *, document: str = DOCUMENT, comments: Sequence[dict[str, Any]] = (), inputs: Mapping[str, str] | None = None
) -> Runner:
    """A machine with this desired state checked out."""
    made = Runner(home=home, inputs={"root": "copy"} | dict(inputs or {}))
    made.prepare(list(comments))
    (made.workspace / "cluster-pki.yaml").write_text(document, encoding="utf-8")
    return made


def converge(machine: Runner) -> None:
    """Makes the files so that nothing is left to do."""
    command = [str(machine.home / "temp/cluster-pki-environment/bin/cluster-pki"), "apply", "--root=copy", "--auto-approve"]
    subprocess.run(command, cwd=machine.workspace, check=True, capture_output=True)


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_are_sound(script: str) -> None:
    """Shellcheck has nothing to say, and nothing from outside is pasted into a script."""
    checked = subprocess.run(
        ["shellcheck", "--shell=bash", "-"], input=script, capture_output=True, text=True, check=False, timeout=60
    )
    assert (checked.stdout, checked.returncode, "${{" in script) == ("", 0, False)


def test_every_step_is_a_script_of_our_own() -> None:
    """No other action is used, every input is described, and every one is used."""
    assert [step for step in STEPS if "uses" in step or step["shell"] != "bash"] == []
    used = {text for step in STEPS for text in step["env"].values()}
    assert {f"${{{{ inputs.{name} }}}}" for name in ACTION["inputs"]} - used == set()
    assert [name for kind in ("inputs", "outputs") for name, each in ACTION[kind].items() if not each["description"]] == []


def test_changes_become_a_comment(tmp_path: Path) -> None:
    """The plan is in the summary and in a new comment; the job succeeds; the saved plan can be applied."""
    machine = runner(tmp_path, comments=[FOREIGN])
    outcome = machine.run()
    assert (outcome.code, outcome.step, outcome.outputs["exitcode"], outcome.outputs["has-changes"]) == (0, "result", "2", "true")
    foreign, comment = machine.comments()
    assert foreign == FOREIGN
    assert comment["body"] == outcome.summary == Path(outcome.outputs["comment-file"]).read_text(encoding="utf-8")
    assert comment["body"].splitlines()[0] == MARKER
    assert "component.web" in comment["body"]
    assert json.loads(Path(outcome.outputs["plan-file"]).read_text(encoding="utf-8"))["cluster"] == "office"


def test_the_comment_is_updated_in_place(tmp_path: Path) -> None:
    """The second run changes the comment of the first one, although another comment with our marker stands before it."""
    machine = runner(tmp_path, comments=[FOREIGN])
    machine.run()
    converge(machine)
    outcome = machine.run()
    assert (outcome.code, outcome.outputs["exitcode"], outcome.outputs["has-changes"]) == (0, "0", "false")
    foreign, comment = machine.comments()
    assert (foreign, comment["body"]) == (FOREIGN, outcome.summary)
    assert "No changes." in comment["body"]
    assert [call.split()[0] for call in machine.calls()] == ["GET", "POST", "GET", "PATCH"]


def test_each_node_has_a_comment_of_its_own(tmp_path: Path) -> None:
    """A matrix over nodes does not overwrite its own comments."""
    document = DOCUMENT + "nodes: [{name: n-1, roles: [worker]}, {name: n-2, roles: [worker]}]\n"
    machine = runner(tmp_path, document=document)
    for node in ("n-1", "n-2", "n-1"):
        machine.inputs["node"] = node
        assert machine.run().code == 0
    assert [comment["body"].splitlines()[0] for comment in machine.comments()] == [
        "<!-- cluster-pki:plan:office:n-1 -->",
        "<!-- cluster-pki:plan:office:n-2 -->",
    ]


@pytest.mark.parametrize(
    ("inputs", "code", "step"),
    [
        pytest.param({"fail-on-changes": "true"}, 2, "result", id="changes are not wanted"),
        pytest.param({"options": "--target=component.web\n\n--allow-mass-change\n"}, 0, "result", id="more options"),
        pytest.param({"options": "--no-such-option"}, 64, "result", id="a typo never looks like changes"),
        pytest.param({"options": "--target=$(touch injected); `touch injected`"}, 64, "result", id="options are no script"),
        pytest.param({"file": "missing.yaml"}, 1, "validate", id="no desired state"),
        pytest.param({"file": "$(touch injected).yaml"}, 1, "validate", id="a file name is no script"),
    ],
)
def test_the_job_ends_as_the_plan_says(inputs: dict[str, str], code: int, step: str, tmp_path: Path) -> None:
    """The exit code of plan is that of the job, with 2 only where it is asked for; inputs are never run."""
    machine = runner(tmp_path, inputs=inputs)
    outcome = machine.run()
    assert (outcome.code, outcome.step) == (code, step), outcome.log
    assert list(machine.workspace.rglob("injected")) == []


def test_a_mistake_is_shown_at_its_line(tmp_path: Path) -> None:
    """Validation prints an annotation for the changed file, and there is no plan."""
    machine = runner(tmp_path, document=DOCUMENT.replace("server auth", "server oath"))
    outcome = machine.run()
    assert (outcome.code, outcome.step, machine.calls()) == (1, "validate", [])
    assert "::error title=CPK" in outcome.log
    assert "file=cluster-pki.yaml,line=9" in outcome.log


@pytest.mark.parametrize(
    ("inputs", "number"), [({"comment": "false"}, "7"), ({}, "")], ids=["not wanted", "a push, no pull request"]
)
def test_without_a_comment_nobody_is_asked(inputs: dict[str, str], number: str, tmp_path: Path) -> None:
    """Where there is nothing to comment on, GitHub is left alone."""
    machine = runner(tmp_path, inputs=inputs)
    pushed = Runner(home=machine.home, number=number, inputs=machine.inputs)
    outcome = pushed.run()
    assert (outcome.code, outcome.outputs["exitcode"], machine.calls()) == (0, "2", [])


def test_a_token_that_may_only_read_fails_nothing(tmp_path: Path) -> None:
    """Pull requests from forks have one: there is a warning, and the plan is in the summary."""
    machine = runner(tmp_path)
    (machine.tools / "read-only").touch()
    outcome = machine.run()
    assert (outcome.code, machine.comments(), MARKER in outcome.summary) == (0, [], True)
    assert "::warning title=cluster-pki::The comment cannot be written" in outcome.log

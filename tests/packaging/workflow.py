"""A runner of composite actions, as far as ours uses one, and a stand-in for GitHub behind the command `gh`."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from tests.packaging.processes import PROGRAMS, REPOSITORY, environment

ACTION: Final[dict[str, Any]] = yaml.safe_load((REPOSITORY / "action.yml").read_text(encoding="utf-8"))
STEPS: Final[list[dict[str, Any]]] = ACTION["runs"]["steps"]
_EXPRESSION: Final = re.compile(r"\$\{\{ ([a-z_.A-Z-]+) \}\}")

#: Keeps comments in a file. What `--jq` asks is asked of jq, whose language gh has too.
GH: Final = r"""#!/usr/bin/env python3
import json, os, subprocess, sys
from pathlib import Path

if os.environ["GH_TOKEN"] != "the-token":
    sys.exit("gh: HTTP 401: Bad credentials")
arguments = sys.argv[1:]
assert arguments.pop(0) == "api"
method, body, jq, path = "GET", None, None, None
while arguments:
    match arguments.pop(0):
        case "--method":
            method = arguments.pop(0)
        case "--field":
            name, _, text = arguments.pop(0).partition("=")
            assert name == "body" and text.startswith("@"), text
            body = Path(text[1:]).read_text()
        case "--jq":
            jq = arguments.pop(0)
        case "--paginate" | "--silent":
            pass
        case other:
            assert path is None and not other.startswith("-"), other
            path = other
store = Path(__file__).with_name("comments.json")
comments = json.loads(store.read_text())
with Path(__file__).with_name("calls").open("a") as calls:
    print(method, path, file=calls)
if method != "GET" and Path(__file__).with_name("read-only").exists():
    sys.exit("gh: Resource not accessible by integration (HTTP 403)")
match method, path.split("/"):
    case "GET", ["repos", "example", "pki", "issues", "7", "comments?per_page=100"]:
        done = subprocess.run(["jq", "--raw-output", jq], input=json.dumps(comments), text=True)
        sys.exit(done.returncode)
    case "POST", ["repos", "example", "pki", "issues", "7", "comments"]:
        comments.append({"id": len(comments) + 100, "user": {"login": "github-actions[bot]"}, "body": body})
    case "PATCH", ["repos", "example", "pki", "issues", "comments", number]:
        next(comment for comment in comments if comment["id"] == int(number))["body"] = body
    case _:
        sys.exit(f"gh: HTTP 404: {method} {path}")
store.write_text(json.dumps(comments))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a run: the exit code of the step that ended it, outputs, summary, log."""

    code: int
    step: str
    outputs: dict[str, str]
    summary: str
    log: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """A machine of GitHub's with a checkout."""

    home: Path
    number: str = "7"
    inputs: dict[str, str] = field(default_factory=dict)

    @property
    def workspace(self) -> Path:
        """The checkout."""
        return self.home / "workspace"

    @property
    def tools(self) -> Path:
        """Where `gh` is, and what it keeps."""
        return self.home / "tools"

    def prepare(self, comments: list[dict[str, Any]]) -> None:
        """Makes the machine: a workspace, `gh`, and the environment that the action would install, which is ours."""
        self.workspace.mkdir(parents=True)
        self.tools.mkdir()
        (self.tools / "gh").write_text(GH, encoding="utf-8")
        (self.tools / "gh").chmod(0o755)
        (self.tools / "comments.json").write_text(json.dumps(comments), encoding="utf-8")
        installed = self.home / "temp" / "cluster-pki-environment" / "bin"
        installed.mkdir(parents=True)
        (installed / "cluster-pki").symlink_to(PROGRAMS / "cluster-pki")

    def comments(self) -> list[dict[str, Any]]:
        """The comments of the pull request."""
        return list(json.loads((self.tools / "comments.json").read_text(encoding="utf-8")))

    def calls(self) -> list[str]:
        """What was asked of GitHub."""
        path = self.tools / "calls"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def run(self) -> Outcome:
        """Runs the steps in order until one fails."""
        given = {name: str(each.get("default", "")) for name, each in ACTION["inputs"].items()} | self.inputs
        outputs = dict[str, dict[str, str]]()
        summary = self.home / "summary"
        summary.write_text("", encoding="utf-8")
        log, code, last = "", 0, ""
        for step in STEPS:
            written = self.home / "output"
            written.write_text("", encoding="utf-8")
            env = {name: self._value(str(text), given, outputs) for name, text in step["env"].items()}
            ran = self._script(step["run"], env, output=written, summary=summary)
            log += ran.stdout
            code, last = ran.returncode, step["id"]
            outputs[last] = dict(line.split("=", 1) for line in written.read_text(encoding="utf-8").splitlines())
            if code:
                break
        return Outcome(
            code=code,
            step=last,
            outputs={name: self._value(each["value"], given, outputs) for name, each in ACTION["outputs"].items()},
            summary=summary.read_text(encoding="utf-8"),
            log=log,
        )

    def _script(self, text: str, env: dict[str, str], *, output: Path, summary: Path) -> subprocess.CompletedProcess[str]:
        script = self.home / "script.sh"
        script.write_text(text, encoding="utf-8")
        machine = {
            "RUNNER_TEMP": str(self.home / "temp"),
            "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(summary),
            "GITHUB_REPOSITORY": "example/pki",
            "CI": "true",
        }
        everything = environment(machine | env)
        everything["PATH"] = f"{self.tools}:{everything['PATH']}"
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=self.workspace,
            env=everything,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )

    def _value(self, text: str, given: dict[str, str], outputs: dict[str, dict[str, str]]) -> str:
        """A value with its expressions replaced."""

        def look_up(match: re.Match[str]) -> str:
            match match[1].split("."):
                case ["inputs", name]:
                    return self._value(given[name], given, outputs)
                case ["steps", step, "outputs", name]:
                    return outputs.get(step, {}).get(name, "")
                case ["github", "event", "pull_request", "number"]:
                    return self.number
                case ["github", "token"]:
                    return "the-token"
                case ["github", "action_path"]:
                    return str(REPOSITORY)
            msg = f"unknown expression {match[0]}"
            raise ValueError(msg)

        return _EXPRESSION.sub(look_up, text)

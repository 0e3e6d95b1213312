"""docs/run.md and docs/ci.md are true: commands, options, variables and files that they name exist."""

from __future__ import annotations

import re
import shlex
from typing import Any, Final

import pytest
import yaml

from tests.packaging.manifests import ours, sync_options
from tests.packaging.processes import REPOSITORY, parse_options
from tests.packaging.workflow import ACTION

PAGE: Final = (REPOSITORY / "docs" / "run.md").read_text(encoding="utf-8")
CI_PAGE: Final = (REPOSITORY / "docs" / "ci.md").read_text(encoding="utf-8")
SHELL: Final = "\n".join(re.findall(r"(?ms)^```sh\n(.*?)^```", PAGE))
COMMANDS: Final = re.findall(r"(?m)^cluster-pki .*$", SHELL) + re.findall(r"`(cluster-pki (?!run`)[a-z][^`]*)`", PAGE)
BLOCKS: Final[list[dict[str, Any]]] = [
    block for text in re.findall(r"(?ms)^```yaml\n(.*?)^```", PAGE + CI_PAGE) if isinstance(block := yaml.safe_load(text), dict)
]


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_can_be_understood(command: str) -> None:
    """Our own parser takes every command line of the page."""
    words = shlex.split(command, comments=True)[1:]
    assert parse_options(*words)["command"] == words[0]


def test_options_and_variables_exist() -> None:
    """What the page calls an option, or the twin of one, is an option of `run` or of another command that the page shows."""
    known = {name for command in ("run", "apply", "verify") for name in parse_options(command)}
    named = set(re.findall(r"`--([a-z-]+)", PAGE)) - {"target", "depth"}
    named |= {name.lower() for name in re.findall(r"`CLUSTER_PKI_([A-Z_]+)[`=]", PAGE)}
    assert {name.replace("-", "_") for name in named} - known == set()
    assert "--depth" in sync_options()


def test_paths_exist() -> None:
    """Files of the repository that the page names are there."""
    named = set(re.findall(r"\b((?:contrib|deploy)/[\w./-]*\w)", PAGE + CI_PAGE))
    assert {path for path in named if not (REPOSITORY / path.removeprefix("cluster-pki/")).exists()} == set()


def test_the_patch_for_others_to_ask_agrees_with_itself() -> None:
    """Its arguments are options, those of the manifest are kept, and the probes ask by TLS at the port that it opens."""
    (patch,) = (block for block in BLOCKS if block.get("kind") == "Deployment")
    (container,) = patch["spec"]["template"]["spec"]["containers"]
    options, before = parse_options(*container["args"]), parse_options(*ours("deployment")["args"])
    assert {name for name in before if before[name] != options[name]} <= {
        "listen",
        "listen_tls",
        "listen_client_ca",
        "path",
        "log_format",
    }
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert str(options["listen"]).endswith(f":{ports['status']}")
    assert [container[kind]["httpGet"] for kind in ("livenessProbe", "readinessProbe")] == [
        {"port": "status", "path": path, "scheme": "HTTPS"} for path in ("/healthz", "/readyz")
    ]


def test_the_example_of_the_action_uses_inputs_that_exist() -> None:
    """A workflow that is copied from the page gives the action nothing that it does not know, and reads outputs that it has."""
    (workflow,) = (block for block in BLOCKS if "jobs" in block)
    steps = workflow["jobs"]["pki"]["steps"]
    (ours_,) = (step for step in steps if "cluster-pki" in step["uses"])
    assert set(ours_["with"]) - set(ACTION["inputs"]) == set()
    assert set(re.findall(r"steps\.pki\.outputs\.([a-z-]+)", str(steps))) - set(ACTION["outputs"]) == set()
    table = set(re.findall(r"`([a-z-]+)`", "".join(re.findall(r"(?m)^\| (`.*?) \|", CI_PAGE))))
    assert set(ACTION["inputs"]) - table == set()

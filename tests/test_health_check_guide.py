"""The guide to a health check is true: its commands are run in the order of the page, and print every line that it shows."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
import yaml

from tests.clusters.kubeadm import kubeadm
from tests.clusters.mint import reissue
from tests.guides import Printed, Step, commands, environment, install, page, untrue

GUIDE: Final = page("certificate-health-check.md")
_BLOCK: Final = re.compile(r"^```(sh|console|yaml)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PKI: Final = "etc/kubernetes/pki"
#: What the certificate of the API server was made with: nobody had thought of a name for the cluster.
OLD_NAMES: Final = (
    "dns:cp-1", "dns:kubernetes", "dns:kubernetes.default", "dns:kubernetes.default.svc",
    "dns:kubernetes.default.svc.cluster.local", "ip:10.96.0.1", "ip:192.0.2.11",
)  # fmt: skip
#: Runs a command in the files of a node instead of on it: what begins with a slash lies there.
_SSH: Final = """#!/bin/sh
export ROOT="$NODES/${1#root@}"
shift
exec sh -c "$(printf '%s ' "$@" | sed "s| /| $ROOT/|g")"
"""
#: Puts the files that it is asked to make where they belong.
_KUBEADM: Final = """#!/bin/sh
case "$*" in
    "certs renew "*) name=$3 ;;
    "init phase certs "*) name=$4 ;;
esac
cp "$MENDED/$name".* "$ROOT/etc/kubernetes/pki"
"""


class Desk:
    """Where the page is worked through: a directory, a cluster beside it, and the programs that reach it."""

    def __init__(self, home: Path) -> None:
        """A cluster with two faults, and the files that mend them."""
        nodes, programs, mended, self.work = home / "nodes", home / "bin", home / "mended", home / "work"
        for directory in (mended, self.work):
            directory.mkdir()
        now = datetime.now(UTC).replace(microsecond=0)
        kubeadm(nodes, now=now)
        for name in ("apiserver", "front-proxy-client"):
            for file in (nodes / "cp-1" / PKI).glob(f"{name}.*"):
                shutil.copy(file, mended)
        (nodes / "cp-1/root").mkdir()
        reissue(nodes / "cp-1" / PKI / "front-proxy-client.crt", not_after=now + timedelta(days=11, hours=12))
        reissue(nodes / "cp-1" / PKI / "apiserver.crt", sans=OLD_NAMES)
        install(programs, {"ssh": _SSH, "kubeadm": _KUBEADM})
        self.environment = environment(programs, NODES=str(nodes), MENDED=str(mended))

    def run(self, command: str) -> Printed:
        """What a command prints; one that fails in a pipe counts."""
        done = subprocess.run(
            ["bash", "-c", f"set -o pipefail; {command}"],
            cwd=self.work,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        return Printed(text=done.stdout, code=done.returncode)


def steps() -> Iterator[Step]:
    """Each command of the page with the lines that it shows."""
    for kind, block in _BLOCK.findall(GUIDE):
        if kind == "console":
            yield from commands(block)


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Desk, list[Printed]]:
    """The whole page, worked through once."""
    desk = Desk(tmp_path_factory.mktemp("guide"))
    [script] = [block for kind, block in _BLOCK.findall(GUIDE) if kind == "sh"]
    (desk.work / "snapshot.sh").write_text(script, encoding="utf-8")
    return desk, [desk.run(step.command) for step in steps()]


def test_the_page_can_be_worked_through(worked: tuple[Desk, list[Printed]]) -> None:
    """From a snapshot without keys to a report that says that nothing is broken, and what is handed on."""
    todo, (desk, printed) = list(steps()), worked
    assert len(todo) > 12
    assert untrue(todo, printed) == ""
    assert (desk.work / "certificates.csv").read_bytes().startswith(b"\xef\xbb\xbfNode;Path;")


def test_a_snapshot_may_lie_in_a_repository(worked: tuple[Desk, list[Printed]]) -> None:
    """A checkout has modes of its own, and what CI is told to run ends as it should: nothing worse than notices."""
    desk, _ = worked
    for path in (desk.work / "snapshot").rglob("*"):
        if path.is_file():
            path.chmod(0o644)
    jobs = [yaml.safe_load(block) for kind, block in _BLOCK.findall(GUIDE) if kind == "yaml"]
    github = [step["run"] for step in jobs[0]["jobs"]["health"]["steps"] if "run" in step]
    asked = [each for each in (*github, *jobs[1]["certificates"]["script"]) if each.startswith("cluster-pki ")]
    assert [desk.run(command).code for command in asked] == [*[0] * (len(asked) - 1), 4]
    assert 4 in jobs[1]["certificates"]["allow_failure"]["exit_codes"]


def test_the_script_is_one_that_shells_understand(worked: tuple[Desk, list[Printed]]) -> None:
    """It is handed to whatever sh a node has."""
    desk, _ = worked
    assert desk.run("shellcheck snapshot.sh") == Printed(text="", code=0)

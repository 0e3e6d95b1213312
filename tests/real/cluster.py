"""A desired state in a directory of its own, and the program run on it as its users run it: as a process."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from tests import clocks

PROGRAM: Final = (sys.executable, "-m", "reconciler.cli.main")
REPOSITORY: Final = Path(__file__).resolve().parents[2]
TIMEOUT: Final = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Configuration, root and state of one cluster, all below one directory."""

    home: Path
    clock: str = ""
    """How far from now it is for the program: ``+340d``."""

    @property
    def file(self) -> Path:
        """The desired state."""
        return self.home / "cluster-pki.yaml"

    @property
    def root(self) -> Path:
        """Where every absolute path of the desired state begins."""
        return self.home / "root"

    def run(self, *arguments: str, expect: int = 0) -> str:
        """Runs a command; returns its standard output, and fails with everything it said when it ends otherwise."""
        command, *rest = arguments
        everywhere = ("-f", str(self.file), "--root", str(self.root), "--state-dir", str(self.home / "state"))
        done = subprocess.run(
            [*PROGRAM, command, *everywhere, *rest],
            cwd=self.home,
            env=environment() | (clocks.shifted(self.clock) if self.clock else {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        assert done.returncode == expect, f"{arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done.stdout

    def apply(self, *, expect: int = 0) -> str:
        """Plans and applies."""
        return self.run("apply", "--auto-approve", expect=expect)

    def plan(self, *options: str, expect: int) -> dict[str, Any]:
        """The plan as JSON; 0 is "no changes", 2 is "changes"."""
        text = self.run("plan", "--detailed-exitcode", "--format", "json", *options, expect=expect)
        return msgspec.json.decode(text, type=dict[str, Any])

    def reasons(self, *options: str, expect: int = 2) -> dict[str, tuple[str, ...]]:
        """What the plan would change, by address, with the codes of its reasons in order."""
        changes = self.plan(*options, expect=expect)["resource_changes"]
        return {change["address"]: tuple(reason["code"] for reason in change["change"]["reasons"]) for change in changes}

    def resources(self) -> dict[str, dict[str, Any]]:
        """``status`` as JSON, by address."""
        status = msgspec.json.decode(self.run("status", "--format", "json"), type=dict[str, Any])
        return {resource["address"]: resource for resource in status["resources"]}

    def paths(self, address: str) -> dict[str, Path]:
        """The files of an address by their kind."""
        return {kind: Path(path) for kind, path in self.resources()[address]["paths"].items()}

    def snapshot(self) -> dict[str, tuple[int, int, bytes]]:
        """Inode, mode and bytes behind every visible name below the root: a change of any of them is a change."""
        visible = (path for path in self.root.rglob("*") if path.is_file() and not generation(path.relative_to(self.root)))
        return {
            str(path.relative_to(self.root)): (path.stat().st_ino, path.stat().st_mode & 0o7777, path.read_bytes())
            for path in visible
        }


def generation(path: Path) -> bool:
    """Whether a path lies in a generation directory, behind the names that readers use."""
    return any(part.startswith(".") for part in path.parts)


def environment() -> dict[str, str]:
    """Ours, without what would change the program's behaviour."""
    ours = ("CLUSTER_PKI_", "COV_", "FAKETIME", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, "DONT_FAKE_MONOTONIC": "1", "NO_COLOR": "1"}


def make_cluster(home: Path, text: str) -> Cluster:
    """A cluster with this desired state, nothing applied yet."""
    cluster = Cluster(home=home)
    cluster.file.write_text(text, encoding="utf-8")
    return cluster

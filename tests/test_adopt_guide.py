"""The guide to adopting is true: its commands are run in the order of the page, and print every line of output that it shows."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tests.clusters.kubeadm import kubeadm
from tests.guides import Step, commands, environment, install, page, untrue, work

_BLOCK: Final = re.compile(r"^```(sh|console|diff)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
#: The nodes are directories: what is said to one is done there, with its root for ``/``.
_SSH: Final = """#!/bin/sh
node=${1#root@}; shift
case $1 in
  cluster-pki) shift; CLUSTER_PKI_STATE_DIR=$NODES/$node.state exec cluster-pki "$@" --root "$NODES/$node" ;;
  tar) shift 3; exec tar -C "$NODES/$node" "$@" ;;
esac
"""
_EDIT: Final = "import sys, pathlib; p = pathlib.Path('cluster-pki.yaml'); p.write_text(p.read_text().replace(*sys.argv[1:]))"


def steps() -> Iterator[Step]:
    """What a reader does, block by block."""
    for kind, block in _BLOCK.findall(page("adopt-a-cluster.md")):
        if kind == "sh":
            yield Step(command=block)
        elif kind == "diff":
            lines = block.splitlines()
            old = "\n".join(line[1:] for line in lines if line.startswith("-"))
            new = "\n".join(line[1:] for line in lines if line.startswith("+"))
            yield Step(command=shlex.join([sys.executable, "-c", _EDIT, old, new]))
        else:
            yield from commands(block)


def test_the_page_can_be_worked_through(tmp_path: Path) -> None:
    """From the disks of a cluster to a first change, to nodes that look after themselves, and back to ordinary files."""
    todo, desk = list(steps()), tmp_path / "work"
    desk.mkdir()
    kubeadm(tmp_path / "nodes", now=datetime.now(UTC).replace(microsecond=0))
    install(tmp_path / "bin", {"ssh": _SSH})
    variables = environment(
        tmp_path / "bin",
        NODES=str(tmp_path / "nodes"),
        CLUSTER_PKI_STATE_DIR=str(tmp_path / "state"),
        CLUSTER_PKI_AUTO_APPROVE="true",
    )
    assert len(todo) > 15
    assert untrue(todo, work(todo, desk, variables)) == ""
    pki = desk / "snapshot/cp-1/etc/kubernetes/pki"
    assert [path.name for path in pki.iterdir() if path.is_symlink() or path.name.startswith(".")] == []

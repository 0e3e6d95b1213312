"""The guide to external CAs is true: its commands are run in the order of the page, and print every line that it shows."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.guides import Step, commands, environment, install, page, untrue, work

_BLOCK: Final = re.compile(r"^```(sh|console)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def steps() -> Iterator[Step]:
    """What a reader does; a plan with an answer that must not be used ends with an error."""
    for kind, block in _BLOCK.findall(page("external-ca.md")):
        if kind == "sh":
            yield Step(command=block)
            continue
        for step in commands(block):
            refused = any(line.startswith("│ Error") for line in step.shown)
            yield Step(command=step.command, shown=step.shown, must=not refused)


def test_the_page_can_be_worked_through(tmp_path: Path) -> None:
    """From a CA that is somewhere else to two certificates of it and a further name; nothing waits at the end."""
    todo, desk = list(steps()), tmp_path / "desk"
    desk.mkdir()
    install(tmp_path / "bin")
    variables = environment(tmp_path / "bin", CLUSTER_PKI_AUTO_APPROVE="true", CLUSTER_PKI_STATE_DIR=str(tmp_path / "state"))
    assert len(todo) > 10
    assert untrue(todo, work(todo, desk, variables)) == ""
    store = desk / "demo/etc/kubernetes"
    text = subprocess.run(
        ["openssl", "x509", "-in", store / "pki/apiserver.crt", "-noout", "-ext", "subjectAltName"],
        check=True,
        capture_output=True,
    ).stdout
    assert b"DNS:api.demo.example, DNS:api.demo.internal" in text
    assert (list(store.rglob("*.next.*")), (store / "pki/ca.key").exists()) == ([], False)

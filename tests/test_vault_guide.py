"""The guide to Vault is true: its commands are run in the order of the page, and print every line of output that it shows."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.vault_server.api import Vault
from tests.vault_server.fixtures import vault

__all__ = ["vault"]

REPOSITORY: Final = Path(__file__).resolve().parents[1]
GUIDE: Final = (REPOSITORY / "docs/vault.md").read_text(encoding="utf-8")
EXAMPLE: Final = REPOSITORY / "examples/vault.yaml"
_BLOCK: Final = re.compile(r"^```(sh|console|diff|yaml)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
#: From here on the server is sealed.
_SEALED: Final = "## When Vault is sealed or away"
#: Starts a server, which the test has.
_START: Final = "bao server -dev -dev-root-token-id=root &\n"
_ADDRESS: Final = "http://127.0.0.1:8200"
_TIMEOUT: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A command of the page, with the lines of output that it shows."""

    command: str
    shown: tuple[str, ...] = ()
    must: bool = True
    """Whether it has to end well."""


def steps(page: str) -> Iterator[Step]:
    """What a reader does, block by block."""
    for kind, block in _BLOCK.findall(page):
        if kind == "sh":
            yield Step(command=block)
        elif kind == "diff":
            yield Step(command=_edit(block))
        elif kind == "yaml" and "cluster: shop" in block:
            yield Step(command=f"cat > shop.yaml <<'END'\n{block}END")
        elif kind == "console" and block.startswith("$ "):
            for each in block.removeprefix("$ ").split("\n$ "):
                command, *shown = each.rstrip("\n").split("\n")
                yield Step(command=command, shown=tuple(shown), must=False)


def _edit(block: str) -> str:
    """One line of one of the documents becomes another."""
    old, new = block.rstrip("\n").split("\n")
    assert (old[0], new[0]) == ("-", "+")
    program = (
        "import sys, pathlib; old, new = sys.argv[1:]; "
        "(path,) = [p for p in map(pathlib.Path, ('cluster-pki.yaml', 'shop.yaml')) if p.exists() and old in p.read_text()]; "
        "path.write_text(path.read_text().replace(old, new))"
    )
    return shlex.join([sys.executable, "-c", program, old[1:], new[1:]])


class Desk:
    """Where the page is worked through: a directory, a shell whose variables stay, and a server."""

    def __init__(self, home: Path, vault: Vault) -> None:
        """Lays out the example, and a server's command line unless a real one is there."""
        self.home = home
        self.vault = vault
        self.namespace = vault.namespace()
        vault.must("POST", "sys/mounts/secret", {"type": "kv", "options": {"version": "2"}}, namespace=self.namespace)
        (home / "examples").mkdir()
        (home / "examples/vault.yaml").write_text(self.here(EXAMPLE.read_text(encoding="utf-8")), encoding="utf-8")
        programs = home / "bin"
        programs.mkdir()
        _program(programs / "cluster-pki", "reconciler.cli.main")
        # Against a real server its own command line, where that is installed.
        if vault.scripted is not None or shutil.which("bao") is None:
            _program(programs / "bao", "tests.bao")
        kept = {name: value for name, value in os.environ.items() if name not in {"CI", "BAO_TOKEN", "VAULT_TOKEN"}}
        self.environment = {name: value for name, value in kept.items() if not name.startswith("CLUSTER_PKI_")} | {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "BAO_NAMESPACE": self.namespace,
            "CLUSTER_PKI_AUTO_APPROVE": "true",
        }

    def here(self, text: str) -> str:
        """The page's text for this server: its address, its token, and a namespace where nothing is yet."""
        text = text.replace(_START, "").replace(_ADDRESS, self.vault.address)
        text = text.replace("BAO_TOKEN=root", f"BAO_TOKEN={self.vault.root_token}")
        text = text.replace("{type: vault, ", f"{{type: vault, namespace: {self.namespace}, ")
        return text.replace("    type: vault\n", f"    type: vault\n    namespace: {self.namespace}\n")

    def work(self, todo: list[Step]) -> list[str]:
        """Runs the steps in one shell; returns what each has printed."""
        script = ["[ ! -e variables ] || . ./variables"]
        for number, step in enumerate(todo):
            command = self.here(step.command).rstrip("\n")
            script += [f"echo '@@ {number}'", f"{{ {command}\n}} 2>&1", "printf '\\n@@ = %s\\n' $?"]
        script += ["export -p > variables"]
        done = subprocess.run(
            ["bash", "-c", "\n".join(script)],
            cwd=self.home,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=False,
        )
        parts = re.split(r"^@@ [0-9]+\n", done.stdout, flags=re.MULTILINE)[1:]
        assert len(parts) == len(todo), done.stderr
        return parts


def _program(path: Path, module: str) -> None:
    path.write_text(f'#!/bin/sh\nPYTHONPATH={REPOSITORY} exec {sys.executable} -m {module} "$@"\n', encoding="utf-8")
    path.chmod(0o755)


def untrue(todo: list[Step], printed: list[str]) -> str:
    """Lines that were not printed in the order of the page, and commands that failed; empty when there are none."""
    found = []
    for step, said in zip(todo, printed, strict=True):
        if step.must and "@@ = 0" not in said:
            found.append(f"{step.command}\n{said}")
        lines = iter(said.splitlines())
        for shown in step.shown:
            form = re.compile(f".*{re.escape(shown.strip()).replace('…', '.*')}")
            if shown.strip() and not any(form.match(line) for line in lines):
                found.append(f"{step.command}: {shown}\n{said}")
                break
    return "\n\n".join(found)


def test_the_page_can_be_worked_through(tmp_path: Path, vault: Vault) -> None:
    """From nothing to a cluster whose PKI is in Vault, and everything that befalls it; the server is sealed in the end.

    The real server is somebody else's, and is not sealed.
    """
    before, heading, rest = GUIDE.partition(_SEALED)
    desk, todo = Desk(tmp_path, vault), list(steps(before))
    assert (heading, len(todo) > 25) == (_SEALED, True)
    found = untrue(todo, desk.work(todo))
    assert not found, found
    if vault.scripted is not None:
        vault.scripted.world.sealed = True
        sealed = list(steps(rest.partition("\n## ")[0]))
        found = untrue(sealed, desk.work(sealed))
        assert (len(sealed), found) == (1, ""), found


#: What servers say, in their words.
_THEIRS: Final = frozenset({"not allowed by this role", "unknown role"})


def test_messages_that_it_explains_are_those_of_the_program() -> None:
    """Each message of the last table stands in the code, up to what differs each time."""
    code = "".join(path.read_text(encoding="utf-8") for path in sorted((REPOSITORY / "reconciler").rglob("*.py")))
    rows = re.findall(r"^\| (`.*?) \|", GUIDE.rpartition("\n## When something is wrong")[2], re.MULTILINE)
    said = {message for row in rows for message in re.findall(r"`([^`]+)`", row)} - _THEIRS - {"verify"}
    assert len(said) > 15
    assert [message for message in sorted(said) if not all(part.strip() in code for part in message.split("…"))] == []

"""The guide to Vault is true: its commands are run in the order of the page, and print every line of output that it shows."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.guides import REPOSITORY, Printed, Step, commands, environment, install, of_module, page, untrue, work
from tests.vault_server.api import Vault
from tests.vault_server.fixtures import vault

__all__ = ["vault"]

GUIDE: Final = page("vault.md")
EXAMPLE: Final = REPOSITORY / "examples/vault.yaml"
_BLOCK: Final = re.compile(r"^```(sh|console|diff|yaml)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
#: From here on the server is sealed.
_SEALED: Final = "## When Vault is sealed or away"
#: Starts a server, which the test has.
_START: Final = "bao server -dev -dev-root-token-id=root &\n"
_ADDRESS: Final = "http://127.0.0.1:8200"


def steps(text: str) -> Iterator[Step]:
    """What a reader does, block by block."""
    for kind, block in _BLOCK.findall(text):
        if kind == "sh":
            yield Step(command=block)
        elif kind == "diff":
            yield Step(command=_edit(block))
        elif kind == "yaml" and "cluster: shop" in block:
            yield Step(command=f"cat > shop.yaml <<'END'\n{block}END")
        elif kind == "console" and block.startswith("$ "):
            yield from (Step(command=step.command, shown=step.shown, must=False) for step in commands(block))


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
        # Against a real server its own command line, where that is installed.
        scripted = vault.scripted is not None or shutil.which("bao") is None
        install(home / "bin", {"bao": of_module("tests.bao")} if scripted else {})
        kept = {name: value for name, value in environment(home / "bin").items() if name not in {"BAO_TOKEN", "VAULT_TOKEN"}}
        self.environment = kept | {"BAO_NAMESPACE": self.namespace, "CLUSTER_PKI_AUTO_APPROVE": "true"}

    def here(self, text: str) -> str:
        """The page's text for this server: its address, its token, and a namespace where nothing is yet."""
        text = text.replace(_START, "").replace(_ADDRESS, self.vault.address)
        text = text.replace("BAO_TOKEN=root", f"BAO_TOKEN={self.vault.root_token}")
        text = text.replace("{type: vault, ", f"{{type: vault, namespace: {self.namespace}, ")
        return text.replace("    type: vault\n", f"    type: vault\n    namespace: {self.namespace}\n")

    def work(self, todo: list[Step]) -> list[Printed]:
        """Runs the steps in one shell, whose variables stay; returns what each has printed."""
        here = [Step(command=self.here(step.command)) for step in todo]
        before = Step(command="[ ! -e variables ] || . ./variables")
        return work([before, *here, Step(command="export -p > variables")], self.home, self.environment)[1:-1]


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

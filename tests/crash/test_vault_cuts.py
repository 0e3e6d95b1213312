"""Whichever request of an apply loses its answer, or never gets to the server: the next apply finishes, and nothing is left."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

import pytest

from tests.crash.check_pairs import violations
from tests.crash.check_server import left_over, torn
from tests.crash.vault_stories import STORIES, VaultStory, copied, furnished, listening, prepare
from tests.inprocess import Home, Said
from tests.vault_server.script import Misbehaviour, Script
from tests.vault_server.server import VaultServer

BEFORE: Final = Misbehaviour(cut="before")
AFTER: Final = Misbehaviour(cut="after")
WRITES: Final = frozenset({"POST", "DELETE"})


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long: the server of these tests shows at once what it has done."""
    monkeypatch.setattr("reconciler.vault.patience.FIRST", 0.001)
    for module in ("vault_pki", "pki_making", "lists"):
        monkeypatch.setattr(f"reconciler.issuers.{module}.WAITS", (0.0, 0.0, 0.0))


def cut(script: Script, kind: str, number: int) -> None:
    """Cuts the connection of a request before or after it is carried out; with ``down`` after, and of every one from then on."""
    script.on("*", "*", BEFORE if kind == "before" else AFTER, nth=number)
    if kind == "down":
        script.on("*", "*", BEFORE, nth=number + 1, times=0)


@pytest.mark.parametrize("kind", ["before", "after", "down"])
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_every_request_is_cut(story: VaultStory, kind: str, tmp_path: Path) -> None:
    """Sound pairs and whole secrets at any time; then a second apply, or a third, an empty plan, and nothing left over."""
    template = tmp_path / "template"
    with listening(furnished()) as server:
        prepare(story, template, server)
        begin, begun = copied(server.world), server.log.count()
        whole = copy(template)
        assert apply(whole).code == 0
        requests = list(enumerate(server.log.entries()[begun:], start=1))
        done(whole, server, story, "undisturbed")
        after_write = False
        for number, request in requests:
            # What is read is simply read again. For good, the first request after a write counts, too: its answer is known.
            after, after_write = after_write, request.method in WRITES
            if not after_write and not (after and kind == "down"):
                continue
            what = f"{kind} {number}: {request.method} {request.path}"
            server.world, home = copied(begin), copy(template)
            cut(server.script, kind, number)
            said = apply(home)
            server.script.clear()
            assert "defect" not in said.log, f"{what}: {said.log}"
            sound(home, server, what)
            said = apply(home)
            said = apply(home) if said.code else said
            assert said.code == 0, f"{what}: {said.log}"
            done(home, server, story, what)


def copy(template: Path) -> Home:
    """A story's directory as it was, in place of what became of it."""
    home = Home(path=template.with_name("home"))
    shutil.rmtree(home.path, ignore_errors=True)
    shutil.copytree(template, home.path, symlinks=True)
    return home


def apply(home: Home) -> Said:
    """One step after the other."""
    return home.apply("--parallelism", "1")


def sound(home: Home, server: VaultServer, what: str) -> None:
    """What holds at every instant."""
    assert [*violations(home.path / "srv", home.path), *torn(server.world)] == [], what


def done(home: Home, server: VaultServer, story: VaultStory, what: str) -> None:
    """What holds at the end."""
    sound(home, server, what)
    plan = home.plan("--detailed-exitcode")
    assert plan.code == 0, f"{what}: {plan.out}"
    assert list(left_over(server.world, story)) == [], what
    assert (home.path / "state" / "journal").read_bytes() == b"", what

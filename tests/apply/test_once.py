"""Recovery of an apply that was cut short, as its user hears of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.apply.journal import Intent, Journal
from reconciler.desired.place import Place
from tests.inprocess import Home

DESIRED = """\
apiVersion: cluster-pki/v1
cluster: demo
stores: {files: {type: file, root: /store}}
cas: {main: {path: ca/main}}
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An applied CA."""
    home = Home(path=tmp_path)
    home.write(DESIRED)
    assert home.apply().code == 0
    return home


def test_an_open_intent_is_undone_and_told(home: Home) -> None:
    """What was intended and never published is burnt: one line, one audit entry, an empty journal."""
    place = Place(store="files", root=str(home.path / "store"), path="pki/a")
    intent = Intent(id="1234", address="component.a", cluster="demo", place=place, serial="beef")
    Journal.open(str(home.path / "state" / "journal")).append([intent])
    said = home.apply()
    assert (said.code, said.log) == (
        0,
        "component.a: an interrupted apply was undone (serial beef was never published)\n",
    )
    assert '"operation":"abandoned"' in (home.path / "state" / "audit.jsonl").read_text(encoding="utf-8")
    assert home.apply().log == ""


def test_a_cut_journal_is_told(home: Home) -> None:
    """Bytes that are no whole record are dropped, and the user hears of it."""
    (home.path / "state" / "journal").write_bytes(b"deadbeef {half a rec")
    said = home.apply()
    assert (said.code, said.log) == (
        0,
        "The journal was cut short by a crash; its last 20 bytes were not whole and are dropped.\n",
    )
    assert home.apply().log == ""

"""What a dead run left open is finished when it was durable, and undone when it was not."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Literal

import pytest

from reconciler.apply.journal import Abandoned, Intent, Issued, Journal, Published, open_intents
from reconciler.apply.recovery import Recovered, Recovery, recover
from reconciler.desired.place import Place
from reconciler.plan.inventory import Record
from reconciler.stores.disk import DISK
from reconciler.stores.errors import StoreError
from reconciler.stores.files import Staged, commit, discard, stage
from tests.stores.publishing import pair, place, publication, publish, readable, tree

Layout = Literal["generations", "plain"]
LAYOUTS = pytest.mark.parametrize("layout", ["generations", "plain"])

OLD = {".key": "key of old", ".crt": "certificate of old"}
NEW = {".key": "key of new", ".crt": "certificate of new"}
RECORD = Record(kind="component", paths=("/srv/pki/api.crt",), serial="1f")


def fitting(files: dict[str, bytes]) -> str | None:
    """Whether key and certificate name the same owner."""
    return None if len({data.rpartition(b" ")[2] for data in files.values()}) == 1 else "they do not belong together"


def _intent(where: Place) -> Intent:
    return Intent(id="new", address="component.api", cluster="demo", place=where, serial="1f")


def _began(journal: Journal, where: Place) -> Staged:
    """A run up to the durable files."""
    if not readable(where):
        publish(where, "old")
    journal.append([_intent(where)])
    return stage(publication(where, pair("new"), intent="new"))


def _marked(journal: Journal, where: Place) -> Staged:
    """A run up to the mark that lets recovery roll forward."""
    staged = _began(journal, where)
    journal.append([Issued(id="new", record=RECORD, digests=staged.digests)])
    return staged


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """An empty journal beside the store."""
    return Journal.open(str(tmp_path / "journal"))


def _again(tmp_path: Path) -> Journal:
    return Journal.open(str(tmp_path / "journal"))


def test_nothing_to_do(journal: Journal) -> None:
    """An empty journal recovers to nothing."""
    assert recover(journal, store=DISK, verify=fitting) == Recovery(items=(), failed=(), records={})


@LAYOUTS
def test_before_anything_was_staged(tmp_path: Path, journal: Journal, layout: Layout) -> None:
    """The intent is abandoned; nothing was there to remove."""
    where = place(tmp_path / "root", layout=layout)
    journal.append([_intent(where)])
    recovery = recover(_again(tmp_path), store=DISK, verify=fitting)
    why = "the run ended before its files were complete"
    assert recovery.items == (Recovered(intent=_intent(where), completed=False, why=why),)
    assert _again(tmp_path).records[-1] == Abandoned(id="new", why=why)


@LAYOUTS
def test_without_the_mark_it_is_undone(tmp_path: Path, journal: Journal, layout: Layout) -> None:
    """Files that nobody vouched for go, every trace of them, and the serial is burnt."""
    where = place(tmp_path / "root", layout=layout)
    publish(where, "old")
    before = tree(tmp_path / "root")
    _began(journal, where)
    recovery = recover(_again(tmp_path), store=DISK, verify=fitting)
    assert [(item.completed, item.intent.serial) for item in recovery.items] == [(False, "1f")]
    assert recovery.records == {}
    assert tree(tmp_path / "root") == before


@LAYOUTS
def test_with_the_mark_it_is_finished(tmp_path: Path, journal: Journal, layout: Layout) -> None:
    """Durable files become visible, and their record is handed back."""
    where = place(tmp_path / "root", layout=layout)
    _marked(journal, where)
    recovery = recover(_again(tmp_path), store=DISK, verify=fitting)
    assert recovery == Recovery(
        items=(Recovered(intent=_intent(where), completed=True),), failed=(), records={"component.api": RECORD}
    )
    assert readable(where) == NEW
    assert _again(tmp_path).records[-1] == Published(id="new")


@LAYOUTS
def test_what_was_visible_already_is_only_noted(tmp_path: Path, journal: Journal, layout: Layout) -> None:
    """A run that died between the swap and its note changes nothing any more."""
    where = place(tmp_path / "root", layout=layout)
    commit(_marked(journal, where))
    before = tree(tmp_path / "root")
    assert [item.completed for item in recover(_again(tmp_path), store=DISK, verify=fitting).items] == [True]
    assert tree(tmp_path / "root") == before


def test_between_two_renames_of_plain_files(tmp_path: Path, journal: Journal) -> None:
    """The one instant at which a reader can find a mixed pair ends with the next run."""
    where = place(tmp_path / "root", layout="plain")
    _marked(journal, where)
    folder = tmp_path / "root/etc/pki"
    (folder / ".api.key.cluster-pki.tmp").rename(folder / "api.key")
    assert readable(where) == {".key": "key of new", ".crt": "certificate of old"}
    recover(_again(tmp_path), store=DISK, verify=fitting)
    assert readable(where) == NEW


@LAYOUTS
def test_files_that_do_not_fit_are_undone(tmp_path: Path, journal: Journal, layout: Layout) -> None:
    """The mark is not enough: what becomes visible is verified again."""
    where = place(tmp_path / "root", layout=layout)
    publish(where, "old")
    before = tree(tmp_path / "root")
    journal.append([_intent(where)])
    staged = stage(publication(where, pair("new", key="other"), intent="new"))
    journal.append([Issued(id="new", record=RECORD, digests=staged.digests)])
    recovery = recover(_again(tmp_path), store=DISK, verify=fitting)
    assert [item.why for item in recovery.items] == ["they do not belong together"]
    assert tree(tmp_path / "root") == before


@LAYOUTS
def test_files_that_are_gone(tmp_path: Path, journal: Journal, layout: Layout) -> None:
    """What somebody removed cannot be finished: the old pair stays, the next plan decides."""
    where = place(tmp_path / "root", layout=layout)
    discard(_marked(journal, where))
    recovery = recover(_again(tmp_path), store=DISK, verify=fitting)
    assert [item.completed for item in recovery.items] == [False]
    assert readable(where) == OLD


@LAYOUTS
@pytest.mark.parametrize("call", ["rename", "fsync"])
def test_a_disk_that_refuses_leaves_it_open(
    tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch, layout: Layout, call: str
) -> None:
    """What cannot be finished now is neither lost nor given up, and stops no other."""
    where = place(tmp_path / "root", layout=layout)
    _marked(journal, where)
    again = _again(tmp_path)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    with monkeypatch.context() as patched:
        patched.setattr(os, call, refuse)
        recovery = recover(again, store=DISK, verify=fitting)
    refused = [(intent.id, error.errno) for intent, error in recovery.failed if isinstance(error, StoreError)]
    assert (refused, len(recovery.failed)) == ([("new", errno.EROFS)], 1)
    again.checkpoint()
    assert [waiting.intent.id for waiting in open_intents(_again(tmp_path).records)] == ["new"]
    assert [item.completed for item in recover(_again(tmp_path), store=DISK, verify=fitting).items] == [True]
    assert readable(where) == NEW


def test_records_that_did_not_reach_the_inventory(tmp_path: Path, journal: Journal) -> None:
    """A run that published and died before its checkpoint left its records in the journal."""
    where = place(tmp_path / "root")
    commit(_marked(journal, where))
    journal.append([Published(id="new")])
    found = recover(_again(tmp_path), store=DISK, verify=fitting)
    assert found == Recovery(items=(), failed=(), records={"component.api": RECORD})


def test_recovering_twice_is_recovering_once(tmp_path: Path, journal: Journal) -> None:
    """A recovery that died and is repeated finds nothing left to do."""
    where = place(tmp_path / "root")
    _marked(journal, where)
    recover(_again(tmp_path), store=DISK, verify=fitting)
    before = tree(tmp_path / "root")
    assert recover(_again(tmp_path), store=DISK, verify=fitting).items == ()
    assert tree(tmp_path / "root") == before


def test_a_journal_cut_at_every_byte_never_harms_a_pair(tmp_path: Path) -> None:
    """However much of the journal is lost, the visible pair is the old or the new one, whole."""
    root = tmp_path / "first"
    first = Journal.open(str(tmp_path / "journal"))
    _marked(first, place(root))
    data = (tmp_path / "journal").read_bytes()
    for length in range(0, len(data) + 1, 9):
        folder = tmp_path / f"cut-{length}"
        folder.mkdir()
        where = place(folder / "root")
        _marked(Journal.open(str(folder / "journal")), where)
        cut = (folder / "journal").read_bytes()[:length]
        (folder / "journal").write_bytes(cut)
        recover(_again(folder), store=DISK, verify=fitting)
        assert readable(where) in (OLD, NEW)
        publish(where, "next")
        assert readable(where) == {".key": "key of next", ".crt": "certificate of next"}

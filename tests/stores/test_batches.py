"""Many publications at once: one failure stops no other, and shared directories are synced once."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal

import pytest

from reconciler.desired.place import Place
from reconciler.stores import syncing
from reconciler.stores.errors import PartlyCommittedError, StoreError
from reconciler.stores.files import MANY, Staged, commit_all, stage, stage_all
from tests.stores.publishing import pair, place, publication, readable


def _name(where: Place) -> str:
    return where.path.rpartition("/")[2]


def _stage(where: Place) -> Staged:
    return stage(publication(where, pair(_name(where)), intent=_name(where)))


@pytest.mark.parametrize("count", [MANY - 1, MANY, 40])
def test_many_at_once(tmp_path: Path, count: int) -> None:
    """Staged and committed together, every pair is its own."""
    places = [place(tmp_path, f"etc/pki/c{number}") for number in range(count)]
    staged = stage_all([publication(where, pair(_name(where)), intent=_name(where)) for where in places])
    commit_all([one for one in staged if isinstance(one, Staged)])
    assert [readable(where) for where in places] == [
        {".key": f"key of c{number}", ".crt": f"certificate of c{number}"} for number in range(count)
    ]


def test_an_empty_batch(tmp_path: Path) -> None:
    """Nothing to do is nothing done."""
    commit_all([])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("count", "files", "systems"), [(3, 6 * 3 + len(("root", "etc", "pki")), 0), (20, 0, 2)])
def test_the_price_in_syncs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, files: int, systems: int) -> None:
    """Few pairs cost six syncs each and one for each shared directory; many cost one of the file system a step."""
    synced: list[str] = []
    fsync, sync_file_system = os.fsync, syncing.sync_file_system
    _stage(place(tmp_path, "etc/pki/first"))

    def counted(what: str, sync: Callable[[int], None], fd: int) -> None:
        synced.append(what)
        sync(fd)

    monkeypatch.setattr(os, "fsync", partial(counted, "file", fsync))
    monkeypatch.setattr(syncing, "sync_file_system", partial(counted, "system", sync_file_system))
    places = [place(tmp_path, f"etc/pki/c{number}") for number in range(count)]
    staged = stage_all([publication(where, pair(_name(where)), intent=_name(where)) for where in places])
    commit_all([one for one in staged if isinstance(one, Staged)])
    assert (synced.count("file"), synced.count("system")) == (files, systems)


@pytest.mark.parametrize("layout", ["generations", "plain"])
def test_a_batch_is_synced_in_every_layout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: Literal["generations", "plain"]
) -> None:
    """Renames of ordinary files are made durable like swapped links: once when staged, once when published."""
    synced: list[int] = []
    sync_file_system = syncing.sync_file_system

    def counted(fd: int) -> None:
        synced.append(os.fstat(fd).st_dev)
        sync_file_system(fd)

    monkeypatch.setattr(syncing, "sync_file_system", counted)
    places = [place(tmp_path, f"etc/pki/c{number}", layout=layout) for number in range(MANY)]
    staged = stage_all([publication(where, pair(_name(where)), intent=_name(where)) for where in places])
    commit_all([one for one in staged if isinstance(one, Staged)])
    assert synced == [tmp_path.stat().st_dev] * 2
    assert all(readable(where) for where in places)


def test_a_file_system_that_cannot_be_synced_fails_the_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of a batch counts as staged, and nothing of it is left; a commit stays open and can be repeated."""
    places = [place(tmp_path, f"etc/c{number}") for number in range(MANY)]
    publications = [publication(where, pair(_name(where)), intent=_name(where)) for where in places]

    def refuse(_fd: int) -> None:
        raise StoreError(str(tmp_path), "the disk reported an I/O error")

    with monkeypatch.context() as broken:
        broken.setattr(syncing, "sync_file_system", refuse)
        assert [str(result) for result in stage_all(publications)] == [f"{tmp_path}: the disk reported an I/O error"] * MANY
    assert list((tmp_path / "etc").iterdir()) == []
    staged = [one for one in stage_all(publications) if isinstance(one, Staged)]
    with monkeypatch.context() as broken:
        broken.setattr(syncing, "sync_file_system", refuse)
        with pytest.raises(PartlyCommittedError) as caught:
            commit_all(staged)
    assert len(caught.value.failed) == MANY
    commit_all(staged)
    assert all(readable(where) for where in places)


def test_one_failure_stops_no_other(tmp_path: Path) -> None:
    """The error names who failed, and everybody else is published."""
    places = [place(tmp_path, f"etc/{name}") for name in ("a", "b", "c")]
    staged = [_stage(where) for where in places]
    (tmp_path / "etc/.b").rename(tmp_path / "gone")
    with pytest.raises(PartlyCommittedError, match="1 of 3 publications failed") as caught:
        commit_all(staged)
    assert {intent: error.path for intent, error in caught.value.failed.items()} == {"b": f"{tmp_path}/etc/.b"}
    assert [bool(readable(where)) for where in places] == [True, False, True]


def test_a_directory_that_cannot_be_synced_fails_all_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Success is not reported for what may be lost, and others are not held responsible."""
    places = [place(tmp_path, path) for path in ("bad/a", "bad/b", "good/c")]
    staged = [_stage(where) for where in places]
    inode, fsync = (tmp_path / "bad").stat().st_ino, os.fsync

    def refuse(fd: int) -> None:
        if os.fstat(fd).st_ino == inode:
            raise OSError(5, "Input/output error")
        fsync(fd)

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(PartlyCommittedError) as caught:
        commit_all(staged)
    assert {intent: error.problem for intent, error in caught.value.failed.items()} == {
        "a": "the disk reported an I/O error",
        "b": "the disk reported an I/O error",
    }
    monkeypatch.undo()
    commit_all(staged)
    assert all(readable(where) for where in places)

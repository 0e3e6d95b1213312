"""Many publications at once: one failure stops no other, and shared directories are synced once."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reconciler.desired.model import Place
from reconciler.stores.errors import PartlyCommittedError
from reconciler.stores.files import Staged, commit_all, stage
from tests.stores.publishing import pair, place, publication, readable


def _stage(where: Place) -> Staged:
    name = where.path.rpartition("/")[2]
    return stage(publication(where, pair(name), intent=name))


@pytest.mark.parametrize("workers", [1, 8])
def test_many_at_once(tmp_path: Path, workers: int) -> None:
    """Staged in threads and committed together, every pair is its own."""
    places = [place(tmp_path, f"etc/pki/c{number}") for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        staged = list(pool.map(_stage, places))
    commit_all(staged, workers=workers)
    assert [readable(where) for where in places] == [
        {".key": f"key of c{number}", ".crt": f"certificate of c{number}"} for number in range(40)
    ]


def test_an_empty_batch(tmp_path: Path) -> None:
    """Nothing to do is nothing done."""
    commit_all([])
    assert list(tmp_path.iterdir()) == []


def test_the_price_in_syncs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Six syncs a pair, and one for each directory that they share."""
    synced = []
    fsync = os.fsync

    def counted(fd: int) -> None:
        synced.append(fd)
        fsync(fd)

    places = [place(tmp_path, f"etc/pki/c{number}") for number in range(20)]
    _stage(place(tmp_path, "etc/pki/first"))
    monkeypatch.setattr(os, "fsync", counted)
    commit_all([_stage(where) for where in places])
    assert len(synced) == 6 * len(places) + len(("root", "etc", "pki"))


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

"""Directories are entered one by one, and only where nobody else could swap them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.stores.errors import StoreError
from reconciler.stores.files import commit, stage
from tests.stores.publishing import pair, place, publication, publish, readable


@pytest.mark.parametrize("path", ["../api", "a/../api", "/etc/api", "a//api", "./api", "", "a/", "a\0b/api"])
def test_paths_stay_below_their_root(tmp_path: Path, path: str) -> None:
    """A path that is not plain is refused before anything is touched."""
    with pytest.raises(StoreError, match="not a plain path below its store's root"):
        publish(place(tmp_path, path), "one")
    assert list(tmp_path.iterdir()) == []


def test_the_root_may_be_a_link(tmp_path: Path) -> None:
    """The root is the administrator's word; links in it are followed."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "root").symlink_to("disk")
    publish(place(tmp_path / "root"), "one")
    assert readable(place(tmp_path / "disk")) == {".key": "key of one", ".crt": "certificate of one"}


def test_a_link_below_the_root_is_refused(tmp_path: Path) -> None:
    """A directory that is a link leads elsewhere: refused by name, with the way out."""
    (tmp_path / "victim").mkdir()
    (tmp_path / "etc").symlink_to("victim")
    with pytest.raises(StoreError, match="/etc: a part of the path is a symbolic link") as caught:
        publish(place(tmp_path), "one")
    assert caught.value.hint == "point the store's root at the real directory instead"
    assert list((tmp_path / "victim").iterdir()) == []


def test_a_directory_that_becomes_a_link_between_stage_and_commit(tmp_path: Path) -> None:
    """A swap between two steps is noticed: the victim stays untouched."""
    where = place(tmp_path)
    staged = stage(publication(where, pair("new"), intent="new"))
    (tmp_path / "etc/pki").rename(tmp_path / "moved")
    (tmp_path / "victim").mkdir()
    (tmp_path / "etc/pki").symlink_to(tmp_path / "victim")
    with pytest.raises(StoreError, match="/etc/pki: a part of the path is a symbolic link"):
        commit(staged)
    assert list((tmp_path / "victim").iterdir()) == []


@pytest.mark.parametrize("mode", [0o775, 0o757, 0o777])
def test_directories_that_others_may_write_are_refused(tmp_path: Path, mode: int) -> None:
    """Whoever may write a directory could replace the key in it."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc").chmod(mode)
    with pytest.raises(StoreError, match=f"writable by others .mode {mode:04o}") as caught:
        publish(place(tmp_path), "one")
    assert caught.value.hint == f"chmod go-w {tmp_path}/etc"


@pytest.mark.parametrize("mode", [0o1777, 0o755, 0o700])
def test_directories_that_are_safe(tmp_path: Path, mode: int) -> None:
    """A sticky directory lets nobody rename the files of others."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc").chmod(mode)
    publish(place(tmp_path), "one")
    assert readable(place(tmp_path)) == {".key": "key of one", ".crt": "certificate of one"}


def _somebody_elses(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes a directory look as if user 4711 owned it; chown itself would take root."""
    inode, fstat = directory.stat().st_ino, os.fstat

    def pretend(fd: int) -> os.stat_result:
        status = fstat(fd)
        fields = list(status)
        fields[4] = 4711
        return os.stat_result(fields) if status.st_ino == inode else status

    monkeypatch.setattr(os, "fstat", pretend)


def test_a_directory_of_a_third_party_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its owner could replace the key in it."""
    (tmp_path / "etc").mkdir()
    _somebody_elses(tmp_path / "etc", monkeypatch)
    with pytest.raises(StoreError, match="belongs to user 4711"):
        publish(place(tmp_path), "one")


def test_a_root_of_a_third_party_is_the_administrators_choice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mounted volumes belong to whoever made them, and may be open to all."""
    root = tmp_path / "volume"
    root.mkdir()
    root.chmod(0o777)
    _somebody_elses(root, monkeypatch)
    publish(place(root), "one")
    assert readable(place(root)) == {".key": "key of one", ".crt": "certificate of one"}


@pytest.mark.parametrize("make", [Path.touch, os.mkfifo], ids=["file", "pipe"])
def test_something_else_where_a_directory_should_be(tmp_path: Path, make: Callable[[Path], None]) -> None:
    """A file in the way is an error that names it."""
    make(tmp_path / "etc")
    with pytest.raises(StoreError, match="/etc: a part of the path is not a directory"):
        publish(place(tmp_path), "one")


def test_a_missing_root_is_made(tmp_path: Path) -> None:
    """The first apply into an empty place makes it, in one piece."""
    where = place(tmp_path / "demo/nodes/cp-1")
    publish(where, "one")
    assert readable(where) == {".key": "key of one", ".crt": "certificate of one"}


def test_staging_leaks_no_descriptors(tmp_path: Path) -> None:
    """A thousand publications must not use up the descriptors of a process."""
    where = place(tmp_path)
    publish(where, "warm")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for number in range(5):
        publish(where, f"c{number}")
    (tmp_path / "etc").chmod(0o777)
    with pytest.raises(StoreError):
        publish(where, "refused")
    assert len(list(Path("/proc/self/fd").iterdir())) == before

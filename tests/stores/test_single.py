"""One file is replaced as a whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reconciler.stores.errors import StoreError
from reconciler.stores.single import write_file, write_single
from tests.stores.publishing import place, tree


def test_a_new_file(tmp_path: Path) -> None:
    """Missing directories are made, the mode is exact."""
    write_single(place(tmp_path, "etc/admin.conf"), b"text", mode=0o600)
    assert tree(tmp_path) == {"etc": "0755", "etc/admin.conf": "0600 text"}


def test_replacing_is_a_new_file(tmp_path: Path) -> None:
    """Who holds the old file open, by descriptor or hard link, keeps the old bytes; a wide mode is not inherited."""
    where = place(tmp_path, "admin.conf")
    path = tmp_path / "admin.conf"
    path.write_text("old")
    path.chmod(0o666)
    (tmp_path / "spy").hardlink_to(path)
    write_single(where, b"new", mode=0o600)
    assert tree(tmp_path) == {"admin.conf": "0600 new", "spy": "0666 old"}


def test_the_same_content_is_not_written_again(tmp_path: Path) -> None:
    """Writing what is there changes nothing, not even the time."""
    where = place(tmp_path, "admin.conf")
    write_single(where, b"text", mode=0o600)
    before = (tmp_path / "admin.conf").stat()
    write_single(where, b"text", mode=0o600)
    assert (tmp_path / "admin.conf").stat() == before


def test_a_large_file(tmp_path: Path) -> None:
    """The inventory of a large cluster is megabytes: it is written, compared and replaced like any other."""
    where = place(tmp_path, "inventory.json")
    for size in (3 << 20, 5 << 20, 2 << 20):
        write_single(where, b"x" * size, mode=0o600)
        assert (tmp_path / "inventory.json").stat().st_size == size


def test_a_link_is_replaced(tmp_path: Path) -> None:
    """The file that a link led to is not written."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "admin.conf").symlink_to(victim)
    write_single(place(tmp_path, "admin.conf"), b"text", mode=0o600)
    assert tree(tmp_path) == {"admin.conf": "0600 text", "victim": f"{victim.stat().st_mode & 0o777:04o} precious"}


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    """Nothing waits for a reader."""
    os.mkfifo(tmp_path / "admin.conf")
    with pytest.raises(StoreError, match="it is a directory, pipe"):
        write_single(place(tmp_path, "admin.conf"), b"text", mode=0o600)


def test_a_failed_rename_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old file stays, and its replacement is not left beside it."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    write_single(place(tmp_path, "admin.conf"), b"old", mode=0o600)
    monkeypatch.setattr(os, "rename", refuse)
    with pytest.raises(StoreError, match=r"admin\.conf: the disk reported an I/O error"):
        write_single(place(tmp_path, "admin.conf"), b"new", mode=0o600)
    assert tree(tmp_path) == {"admin.conf": "0600 old"}


def test_a_path_of_the_users_choice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A saved plan goes where it was asked to, links in the path included, absolute or not."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    write_file(str(tmp_path / "link/a.plan"), b"plan", mode=0o600)
    monkeypatch.chdir(tmp_path / "real")
    write_file("b.plan", b"plan", mode=0o600)
    assert sorted(path.name for path in (tmp_path / "real").iterdir()) == ["a.plan", "b.plan"]

"""Published files go away in an order that leaves no certificate without its key."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import pytest

from reconciler.stores.errors import StoreError
from reconciler.stores.removal import remove
from tests.stores.publishing import pair, place, publication, publish, tree

DIRECTORIES = {"etc": "0755", "etc/pki": "0755"}


@pytest.mark.parametrize("layout", ["generations", "plain"])
def test_everything_goes(tmp_path: Path, layout: Literal["generations", "plain"]) -> None:
    """Names, generations and leftovers go; doing it again is fine."""
    where = place(tmp_path, layout=layout)
    publish(where, "one")
    publish(where, "two")
    (tmp_path / "etc/pki/.api.key.cluster-pki.tmp").write_text("leftover")
    remove(where, (".crt", ".key"))
    remove(where, (".crt", ".key"))
    assert tree(tmp_path) == DIRECTORIES


def test_the_certificate_goes_before_its_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers never see a certificate whose key is gone."""
    where = place(tmp_path)
    publish(where, "one")
    gone = []
    unlink = os.unlink

    def watched(name: str, *, dir_fd: int) -> None:
        gone.append(name)
        unlink(name, dir_fd=dir_fd)

    monkeypatch.setattr(os, "unlink", watched)
    remove(where, (".key", ".crt"))
    assert [name for name in gone if not name.startswith(".")][:2] == ["api.crt", "api.key"]


def test_neighbours_stay(tmp_path: Path) -> None:
    """Only the pair itself goes; its directory and other pairs stay."""
    publish(place(tmp_path, "etc/pki/api-client"), "client")
    before = tree(tmp_path)
    publish(place(tmp_path, "etc/pki/api"), "one")
    remove(place(tmp_path, "etc/pki/api"), (".crt", ".key"))
    assert tree(tmp_path) == before


def test_what_is_not_ours_keeps_the_home(tmp_path: Path) -> None:
    """A file that somebody put into the hidden directory is not removed."""
    where = place(tmp_path)
    publish(where, "one")
    (tmp_path / "etc/pki/.api/notes").write_text("mine")
    remove(where, (".crt", ".key"))
    assert sorted(tree(tmp_path)) == ["etc", "etc/pki", "etc/pki/.api", "etc/pki/.api/notes"]


def test_a_single_file(tmp_path: Path) -> None:
    """A kubeconfig is a name without suffix."""
    (tmp_path / "admin.conf").write_text("text")
    remove(place(tmp_path, "admin.conf"), ("",))
    assert tree(tmp_path) == {}


def test_a_directory_in_the_way(tmp_path: Path) -> None:
    """Nothing is removed when one of the names is no file."""
    where = place(tmp_path, layout="plain")
    publish(where, "one")
    (tmp_path / "etc/pki/api.p12").mkdir()
    with pytest.raises(StoreError, match=r"api\.p12: it is a directory"):
        remove(where, (".crt", ".key", ".p12"))
    assert (tmp_path / "etc/pki/api.crt").exists()


def test_a_place_that_never_was(tmp_path: Path) -> None:
    """Nothing to remove is fine, and makes no directories."""
    remove(place(tmp_path / "nowhere"), tuple(file.suffix for file in publication(place(tmp_path), pair("x"), intent="x").files))
    assert tree(tmp_path) == {}

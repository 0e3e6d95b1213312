"""Ordinary files move in an order that recovery can finish, and what does not change is not touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.stores.errors import StoreError
from reconciler.stores.files import Staged, commit, discard, read_back, stage
from tests.stores.publishing import pair, place, publication, publish, readable, tree


def test_first_publication(tmp_path: Path) -> None:
    """Files, modes, and nothing else."""
    publish(place(tmp_path, layout="plain"), "one")
    assert tree(tmp_path) == {
        "etc": "0755",
        "etc/pki": "0755",
        "etc/pki/api.crt": "0644 certificate of one",
        "etc/pki/api.key": "0600 key of one",
    }


def test_staging_is_invisible(tmp_path: Path) -> None:
    """Temporary files wait beside their targets, hidden and closed from the first byte."""
    where = place(tmp_path, layout="plain")
    publish(where, "old")
    before = tree(tmp_path)
    staged = stage(publication(where, pair("new"), intent="new"))
    added = {name: text for name, text in tree(tmp_path).items() if name not in before}
    assert added == {
        "etc/pki/.api.crt.cluster-pki.tmp": "0644 certificate of new",
        "etc/pki/.api.key.cluster-pki.tmp": "0600 key of new",
    }
    assert read_back(staged) == {".key": b"key of new", ".crt": b"certificate of new"}
    discard(staged)
    assert tree(tmp_path) == before


def test_with_the_same_key_only_the_certificate_moves(tmp_path: Path) -> None:
    """The key file stays the very same file."""
    where = place(tmp_path, layout="plain")
    publish(where, "old", key="both")
    key = tmp_path / "etc/pki/api.key"
    before = key.stat()
    publish(where, "new", key="both")
    assert (key.stat().st_ino, key.stat().st_ctime_ns) == (before.st_ino, before.st_ctime_ns)
    assert readable(where) == {".key": "key of both", ".crt": "certificate of new"}


def test_a_wrong_mode_is_a_change(tmp_path: Path) -> None:
    """The same key under a wrong mode is written anew."""
    where = place(tmp_path, layout="plain")
    publish(where, "old", key="both")
    (tmp_path / "etc/pki/api.key").chmod(0o644)
    publish(where, "new", key="both")
    assert (tmp_path / "etc/pki/api.key").stat().st_mode & 0o777 == 0o600


def test_a_commit_that_died_is_finished(tmp_path: Path) -> None:
    """With the key renamed and the certificate not, committing again moves the certificate."""
    where = place(tmp_path, layout="plain")
    publish(where, "old")
    staged = stage(publication(where, pair("new"), intent="new"))
    folder = tmp_path / "etc/pki"
    (folder / ".api.key.cluster-pki.tmp").rename(folder / "api.key")
    assert read_back(staged) == {".key": b"key of new", ".crt": b"certificate of new"}
    commit(staged)
    assert readable(where) == {".key": "key of new", ".crt": "certificate of new"}


@pytest.mark.parametrize("suffix", [".key", ".crt"])
def test_nothing_moves_when_something_is_missing(tmp_path: Path, suffix: str) -> None:
    """A temporary file that vanished stops the commit before its first rename."""
    where = place(tmp_path, layout="plain")
    publish(where, "old")
    staged = stage(publication(where, pair("new"), intent="new"))
    (tmp_path / f"etc/pki/.api{suffix}.cluster-pki.tmp").unlink()
    with pytest.raises(StoreError, match=rf"api\{suffix}: the staged file is gone"):
        commit(staged)
    assert readable(where) == {".key": "key of old", ".crt": "certificate of old"}


def test_leftovers_of_a_crash_are_overwritten(tmp_path: Path) -> None:
    """A temporary file of a dead run neither wedges the next one nor gets published."""
    where = place(tmp_path, layout="plain")
    publish(where, "old", key="both")
    for suffix in (".key", ".crt"):
        (tmp_path / f"etc/pki/.api{suffix}.cluster-pki.tmp").write_text("half")
    publish(where, "new", key="both")
    assert sorted(path.name for path in (tmp_path / "etc/pki").iterdir()) == ["api.crt", "api.key"]
    assert readable(where) == {".key": "key of both", ".crt": "certificate of new"}


def test_discarding_without_knowing_the_files(tmp_path: Path) -> None:
    """A run that died while staging left no list; its temporary files go, those of the neighbours stay."""
    where = place(tmp_path, layout="plain")
    stage(publication(where, pair("new"), intent="new"))
    neighbour = tmp_path / "etc/pki/.apix.key.cluster-pki.tmp"
    neighbour.write_text("another pair's")
    discard(Staged(intent="new", place=where, digests={}))
    assert [path.name for path in (tmp_path / "etc/pki").iterdir()] == [neighbour.name]


def test_from_generations_to_plain(tmp_path: Path) -> None:
    """A pair that changes its layout leaves no generations behind."""
    publish(place(tmp_path), "one")
    publish(place(tmp_path), "two")
    where = place(tmp_path, layout="plain")
    publish(where, "three")
    assert tree(tmp_path / "etc/pki") == {"api.crt": "0644 certificate of three", "api.key": "0600 key of three"}


def test_links_are_replaced_never_written_through(tmp_path: Path) -> None:
    """A link to a victim becomes an ordinary file; the victim keeps its content."""
    where = place(tmp_path, layout="plain")
    (tmp_path / "etc/pki").mkdir(parents=True)
    victim = tmp_path / "victim"
    victim.write_text("key of both")
    (tmp_path / "etc/pki/api.key").symlink_to(victim)
    publish(where, "new", key="both")
    assert victim.read_text() == "key of both"
    assert not (tmp_path / "etc/pki/api.key").is_symlink()

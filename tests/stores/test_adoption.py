"""Ordinary files become links without an instant at which a reader finds less, or something mixed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from reconciler.stores.errors import StoreError
from reconciler.stores.files import commit, stage
from reconciler.stores.publication import tag_of
from tests.stores.publishing import generations, pair, place, plain_files, publication, publish, readable


def test_ordinary_files_become_the_generation_before(tmp_path: Path) -> None:
    """What stood there is kept as it was, content and mode, one number below the new generation."""
    where = place(tmp_path)
    plain_files(tmp_path / "etc/pki", "theirs")
    (tmp_path / "etc/pki/api.key").chmod(0o640)
    publish(where, "ours")
    adopted = tmp_path / "etc/pki/.api" / f"000001-{tag_of('before ours')}"
    assert generations(where) == ("1", "2*")
    assert readable(where) == {".key": "key of ours", ".crt": "certificate of ours"}
    assert (adopted / "api.key").read_text() == "key of theirs"
    assert (adopted / "api.crt").read_text() == "certificate of theirs"
    assert (adopted / "api.key").stat().st_mode & 0o777 == 0o640
    meta = json.loads((adopted / "meta.json").read_text())
    assert (meta["address"], meta["generation"], meta["adopted"]) == ("component.api", 1, True)


def test_every_step_shows_old_or_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looked at before every rename, the pair is whole; theirs until the one rename that makes it ours."""
    where = place(tmp_path)
    plain_files(tmp_path / "etc/pki", "theirs")
    staged = stage(publication(where, pair("ours"), intent="ours"))
    seen = []
    rename = os.rename

    def watched(*arguments: object, **options: object) -> None:
        seen.append(readable(where))
        rename(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "rename", watched)
    commit(staged)
    theirs = {".key": "key of theirs", ".crt": "certificate of theirs"}
    assert seen == [theirs] * 4
    assert readable(where) == {".key": "key of ours", ".crt": "certificate of ours"}


@pytest.mark.parametrize("meta", [None, "{"])
def test_a_staged_generation_without_its_record(tmp_path: Path, meta: str | None) -> None:
    """What was tampered with between stage and commit takes over nothing."""
    where = place(tmp_path)
    plain_files(tmp_path / "etc/pki", "theirs")
    staged = stage(publication(where, pair("ours"), intent="ours"))
    record = next((tmp_path / "etc/pki/.api").glob("*/meta.json"))
    record.unlink()
    if meta is not None:
        record.write_text(meta)
    with pytest.raises(StoreError, match=r"meta\.json: it is"):
        commit(staged)
    assert readable(where) == {".key": "key of theirs", ".crt": "certificate of theirs"}


@pytest.mark.parametrize("links", [(), (".key",), (".key", ".crt")])
def test_an_adoption_that_died_is_finished(tmp_path: Path, links: tuple[str, ...]) -> None:
    """Wherever an adoption ended, the next publication goes on from there."""
    where = place(tmp_path)
    plain_files(tmp_path / "etc/pki", "theirs")
    staged = stage(publication(where, pair("ours"), intent="ours"))
    home = tmp_path / "etc/pki/.api"
    adopted = home / f"000001-{tag_of('before ours')}"
    adopted.mkdir()
    for file in pair("theirs"):
        (adopted / f"api{file.suffix}").write_bytes(file.data)
    (home / "current").symlink_to(adopted.name)
    for suffix in links:
        (tmp_path / f"etc/pki/api{suffix}").unlink()
        (tmp_path / f"etc/pki/api{suffix}").symlink_to(f".api/current/api{suffix}")
    commit(staged)
    assert generations(where) == ("1", "2*")
    assert readable(where) == {".key": "key of ours", ".crt": "certificate of ours"}
    assert (tmp_path / "etc/pki/api.crt").is_symlink()


def test_a_link_that_somebody_replaced(tmp_path: Path) -> None:
    """An ordinary file where our link was is what readers see, and so is adopted before it goes."""
    where = place(tmp_path)
    publish(where, "old")
    certificate = tmp_path / "etc/pki/api.crt"
    certificate.unlink()
    certificate.write_text("certificate of somebody")
    publish(where, "new")
    assert generations(where) == ("2", "3*")
    assert readable(where) == {".key": "key of new", ".crt": "certificate of new"}
    before = next((tmp_path / "etc/pki/.api").glob("000002-*"))
    assert (before / "api.crt").read_text() == "certificate of somebody"
    assert (before / "api.key").read_text() == "key of old"


def test_foreign_links_are_read_and_replaced_never_written_through(tmp_path: Path) -> None:
    """A link to a victim becomes our link; the victim keeps its content."""
    where = place(tmp_path)
    (tmp_path / "etc/pki").mkdir(parents=True)
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "etc/pki/api.key").symlink_to(victim)
    (tmp_path / "etc/pki/api.crt").symlink_to(tmp_path / "nowhere")
    publish(where, "ours")
    assert victim.read_text() == "precious"
    assert readable(where) == {".key": "key of ours", ".crt": "certificate of ours"}


def test_a_readable_key_of_old_is_not_reused(tmp_path: Path) -> None:
    """A hard link to a key file that everybody may write sees nothing of the new key."""
    where = place(tmp_path)
    plain_files(tmp_path / "etc/pki", "theirs")
    (tmp_path / "etc/pki/api.key").chmod(0o666)
    spy = tmp_path / "spy"
    spy.hardlink_to(tmp_path / "etc/pki/api.key")
    publish(where, "ours")
    assert spy.read_text() == "key of theirs"
    assert (tmp_path / "etc/pki/api.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["directory", "pipe"])
@pytest.mark.parametrize("layout", ["generations", "plain"])
def test_what_is_no_file_is_refused(tmp_path: Path, make: object, layout: str) -> None:
    """A directory or pipe at a published name is an error that names it, found while staging; nothing hangs."""
    where = place(tmp_path, layout="plain" if layout == "plain" else "generations")
    (tmp_path / "etc/pki").mkdir(parents=True)
    target = tmp_path / "etc/pki/api.crt"
    assert callable(make)
    make(target)
    with pytest.raises(StoreError, match=r"api\.crt: it is a directory, pipe, socket or device"):
        publish(where, "ours")
    assert sorted(path.name for path in (tmp_path / "etc/pki").iterdir()) == ["api.crt"]


def test_too_much_to_adopt(tmp_path: Path) -> None:
    """A file that can be no certificate is not copied: the error names it, and it stays."""
    where = place(tmp_path)
    plain_files(tmp_path / "etc/pki", "theirs")
    with (tmp_path / "etc/pki/api.crt").open("r+b") as file:
        file.truncate(2 << 20)
    with pytest.raises(StoreError, match=r"api\.crt: it is larger than"):
        publish(where, "ours")
    assert not (tmp_path / "etc/pki/api.crt").is_symlink()

"""A pair in generations changes as one, keeps the generation before, and tidies up after itself."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.stores.durable import Content
from reconciler.stores.errors import StoreError
from reconciler.stores.files import OutFile, Publication, commit, discard, read_back, stage
from reconciler.stores.publication import tag_of
from tests.stores.publishing import generations, pair, place, publication, publish, readable, tree


def test_first_publication(tmp_path: Path) -> None:
    """Directories, generation, links and modes are exactly these."""
    where = place(tmp_path)
    paths = commit(
        stage(
            Publication(
                address="component.api",
                cluster="demo",
                intent="one",
                place=where,
                files=pair("one"),
                fingerprint="ab12",
                created_at=datetime(2026, 3, 1, tzinfo=UTC),
            )
        )
    )
    name = f"000001-{tag_of('one')}"
    found = tree(tmp_path)
    meta = found.pop(f"etc/pki/.api/{name}/meta.json")
    assert paths == (f"{tmp_path}/etc/pki/api.key", f"{tmp_path}/etc/pki/api.crt")
    assert found == {
        "etc": "0755",
        "etc/pki": "0755",
        "etc/pki/.api": "0755",
        "etc/pki/.api/current": f"-> {name}",
        f"etc/pki/.api/{name}": "0755",
        f"etc/pki/.api/{name}/api.crt": "0644 certificate of one",
        f"etc/pki/.api/{name}/api.key": "0600 key of one",
        "etc/pki/api.crt": "-> .api/current/api.crt",
        "etc/pki/api.key": "-> .api/current/api.key",
    }
    assert meta.startswith("0644 ")
    assert json.loads(meta[5:]) == {
        "address": "component.api",
        "cluster": "demo",
        "generation": 1,
        "intent": "one",
        "fingerprint": "ab12",
        "created_at": "2026-03-01T00:00:00Z",
        "adopted": False,
    }


def test_the_previous_generation_stays_until_the_next(tmp_path: Path) -> None:
    """Current and previous are kept, older ones go."""
    where = place(tmp_path)
    seen = []
    for name in ("one", "two", "three", "four"):
        publish(where, name)
        seen.append(generations(where))
    assert seen == [("1*",), ("1", "2*"), ("2", "3*"), ("3", "4*")]
    assert readable(where) == {".key": "key of four", ".crt": "certificate of four"}


def test_staging_is_invisible(tmp_path: Path) -> None:
    """What is staged can be read back and thrown away without a reader noticing."""
    where = place(tmp_path)
    publish(where, "old")
    before = tree(tmp_path)
    staged = stage(publication(where, pair("new"), intent="new"))
    assert readable(where) == {".key": "key of old", ".crt": "certificate of old"}
    assert read_back(staged) == {".key": b"key of new", ".crt": b"certificate of new"}
    discard(staged)
    discard(staged)
    assert tree(tmp_path) == before


def test_discarding_a_first_publication_leaves_no_home(tmp_path: Path) -> None:
    """A pair that never was leaves only the directories above it."""
    staged = stage(publication(place(tmp_path), pair("new"), intent="new"))
    discard(staged)
    assert tree(tmp_path) == {"etc": "0755", "etc/pki": "0755"}


def test_discarding_what_is_visible_does_nothing(tmp_path: Path) -> None:
    """The current generation cannot be thrown away."""
    where = place(tmp_path)
    staged = stage(publication(where, pair("new"), intent="new"))
    commit(staged)
    discard(staged)
    assert readable(where) == {".key": "key of new", ".crt": "certificate of new"}


def test_committing_twice_is_committing_once(tmp_path: Path) -> None:
    """Recovery may commit what already is current."""
    where = place(tmp_path)
    staged = stage(publication(where, pair("new"), intent="new"))
    commit(staged)
    before = tree(tmp_path)
    commit(staged)
    assert tree(tmp_path) == before


def test_staging_an_intent_again_starts_afresh(tmp_path: Path) -> None:
    """Leftovers of the same intent are overwritten, not mixed."""
    where = place(tmp_path)
    stage(publication(where, (*pair("draft"), OutFile(suffix=".p12", data=b"draft", mode=0o600)), intent="new"))
    commit(stage(publication(where, pair("new"), intent="new")))
    home = tmp_path / f"etc/pki/.api/000001-{tag_of('new')}"
    assert sorted(entry.name for entry in home.iterdir()) == ["api.crt", "api.key", "meta.json"]


def test_a_stale_writer_is_refused(tmp_path: Path) -> None:
    """A generation cannot replace a newer one: its writer slept while another took over."""
    where = place(tmp_path)
    asleep = stage(publication(where, pair("asleep"), intent="asleep"))
    kept = tmp_path / "kept"
    home = tmp_path / "etc/pki/.api"
    generation = home / f"000001-{tag_of('asleep')}"
    generation.rename(kept)
    publish(where, "one")
    publish(where, "two")
    kept.rename(generation)
    with pytest.raises(StoreError, match=r"000002-\w+ is newer than 000001-"):
        commit(asleep)
    assert readable(where) == {".key": "key of two", ".crt": "certificate of two"}


def test_staged_files_that_vanished(tmp_path: Path) -> None:
    """Committing what somebody removed is an error that says so."""
    where = place(tmp_path)
    publish(where, "old")
    staged = stage(publication(where, pair("new"), intent="new"))
    discard(staged)
    with pytest.raises(StoreError, match="the staged generation is gone"):
        commit(staged)
    assert readable(where) == {".key": "key of old", ".crt": "certificate of old"}


def test_leftovers_of_a_crash_are_collected(tmp_path: Path) -> None:
    """Half-written generations and half-made links neither wedge the next publication nor outlive it."""
    where = place(tmp_path)
    publish(where, "one")
    publish(where, "two")
    home = tmp_path / "etc/pki/.api"
    for leftover in ("000003-deadbeef", "000003-00c0ffee"):
        (home / leftover).mkdir(mode=0o700)
        (home / leftover / "api.key").write_text("half")
    (home / ".current.cluster-pki.tmp").symlink_to("000003-deadbeef")
    (home.parent / ".api.crt.cluster-pki.tmp").symlink_to("nowhere")
    publish(where, "three", extra=(OutFile(suffix=".p12", data=b"store", mode=0o600),))
    assert generations(where) == ("2", "3*")
    assert not (home / ".current.cluster-pki.tmp").is_symlink()
    assert readable(where) == {".key": "key of three", ".crt": "certificate of three"}


def test_an_output_that_is_gone_takes_its_name_with_it(tmp_path: Path) -> None:
    """No published name dangles after its output left."""
    where = place(tmp_path)
    publish(where, "one", extra=(OutFile(suffix=".p12", data=b"store", mode=0o600),))
    assert (tmp_path / "etc/pki/api.p12").read_bytes() == b"store"
    publish(where, "two")
    assert not (tmp_path / "etc/pki/api.p12").is_symlink()


@pytest.mark.parametrize("target", ["gone", "000009-deadbeef"])
def test_a_current_link_that_leads_nowhere(tmp_path: Path, target: str) -> None:
    """A broken current link is replaced; its number is not used again."""
    where = place(tmp_path)
    publish(where, "one")
    link = tmp_path / "etc/pki/.api/current"
    link.unlink()
    link.symlink_to(target)
    publish(where, "two")
    assert readable(where) == {".key": "key of two", ".crt": "certificate of two"}


def test_no_repr_shows_a_key() -> None:
    """What holds a key does not print it."""
    whole = publication(place(Path("/srv")), pair("secret"), intent="one")
    assert "key of secret" not in repr(whole)
    assert repr(Content(b"key of secret", 0o600, None, None)) == "Content(13 bytes, 0600)"


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o777])
def test_modes_do_not_depend_on_the_umask(tmp_path: Path, umask: int) -> None:
    """Whatever the umask, files and directories get exactly their modes."""
    before = os.umask(umask)
    try:
        publish(place(tmp_path / "new root"), "one")
    finally:
        os.umask(before)
    found = {path.rpartition("/")[2]: text[:4] for path, text in tree(tmp_path).items() if not text.startswith("->")}
    found.pop(f"000001-{tag_of('one')}")
    assert found == {
        "new root": "0755",
        "etc": "0755",
        "pki": "0755",
        ".api": "0755",
        "api.key": "0600",
        "api.crt": "0644",
        "meta.json": "0644",
    }


def test_owner_and_group_are_set(tmp_path: Path) -> None:
    """Owner and group given as numbers reach the files."""
    where = place(tmp_path)
    wanted = Publication(
        address="component.api",
        cluster="demo",
        intent="one",
        place=where,
        files=pair("one"),
        uid=os.geteuid(),
        gid=os.getegid(),
    )
    commit(stage(wanted))
    status = (tmp_path / "etc/pki/api.key").stat()
    assert (status.st_uid, status.st_gid) == (os.geteuid(), os.getegid())

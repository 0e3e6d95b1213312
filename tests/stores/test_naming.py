"""Pairs whose files are called as others call them: ``api.pem`` and ``api-key.pem``, in both layouts."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

import pytest
from msgspec.structs import replace

from reconciler.desired.place import Naming, Place
from reconciler.stores.disk import DISK
from reconciler.stores.files import Staged, commit, discard, read_back, stage
from reconciler.stores.ownership import is_owned
from reconciler.stores.removal import remove
from tests.stores.publishing import generations, pair, place, publication, publish, tree

Layout = Literal["generations", "plain"]
CFSSL: Final = Naming(certificate=".pem", key="-key.pem")
PAIR: Final = (".key", ".crt")


def named(root: Path, *, layout: Layout = "generations", path: str = "etc/pki/api") -> Place:
    """A place whose files are called as cfssl calls them."""
    return replace(place(root, path, layout=layout), naming=CFSSL)


def shown(root: Path) -> dict[str, str]:
    """What readers find, through links."""
    folder = root / "etc/pki"
    return {path.name: path.read_text() for path in sorted(folder.iterdir()) if path.is_file()}


@pytest.mark.parametrize("layout", ["generations", "plain"])
def test_readers_find_the_files_by_their_names(tmp_path: Path, layout: Layout) -> None:
    """Nothing is under the usual ones; what is staged is found again by what it is."""
    where = named(tmp_path, layout=layout)
    staged = stage(publication(where, pair("one"), intent="one"))
    assert read_back(staged) == {".key": b"key of one", ".crt": b"certificate of one"}
    assert commit(staged) == (where.file(".key"), where.file(".crt"))
    assert shown(tmp_path) == {"api-key.pem": "key of one", "api.pem": "certificate of one"}
    publish(where, "two")
    assert shown(tmp_path) == {"api-key.pem": "key of two", "api.pem": "certificate of two"}


def test_links_lead_into_a_generation_under_the_same_names(tmp_path: Path) -> None:
    """So that a generation is a directory somebody can copy."""
    where = named(tmp_path)
    publish(where, "one")
    links = {path: text for path, text in tree(tmp_path).items() if path.startswith("etc/pki/api")}
    assert links == {"etc/pki/api-key.pem": "-> .api/current/api-key.pem", "etc/pki/api.pem": "-> .api/current/api.pem"}
    assert is_owned(where, PAIR, address="component.api", cluster="demo", vouched=False)
    assert not is_owned(place(tmp_path), PAIR, address="component.api", cluster="demo", vouched=False)


def test_files_of_others_become_the_generation_before(tmp_path: Path) -> None:
    """Key and certificate, whole."""
    folder = tmp_path / "etc/pki"
    folder.mkdir(parents=True)
    (folder / "api.pem").write_text("certificate of theirs")
    (folder / "api-key.pem").write_text("key of theirs")
    where = named(tmp_path)
    publish(where, "ours")
    assert generations(where) == ("1", "2*")
    (adopted,) = folder.glob(".api/000001-*")
    assert {path.name: path.read_text() for path in adopted.glob("api*")} == {
        "api-key.pem": "key of theirs",
        "api.pem": "certificate of theirs",
    }


def test_another_naming_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    """No name of before is left to dangle."""
    publish(place(tmp_path), "one")
    publish(named(tmp_path), "two")
    assert shown(tmp_path) == {"api-key.pem": "key of two", "api.pem": "certificate of two"}


@pytest.mark.parametrize("known", [True, False])
def test_what_waits_under_temporary_names_is_discarded(tmp_path: Path, *, known: bool) -> None:
    """Also by a recovery that knows nothing but the place; a neighbour's stays."""
    neighbour = replace(named(tmp_path, layout="plain", path="etc/pki/api-key"), naming=Naming())
    stage(publication(neighbour, pair("neighbour"), intent="neighbour"))
    before = tree(tmp_path)
    where = named(tmp_path, layout="plain")
    staged = stage(publication(where, pair("one"), intent="one"))
    assert ".api-key.pem.cluster-pki.tmp" in {path.name for path in (tmp_path / "etc/pki").iterdir()}
    discard(staged if known else Staged(intent="one", place=where, digests={}))
    assert tree(tmp_path) == before


@pytest.mark.parametrize("layout", ["generations", "plain"])
def test_removing_takes_both_away(tmp_path: Path, layout: Layout) -> None:
    """By the names of now, and by those that a record has."""
    where = named(tmp_path, layout=layout)
    publish(where, "one")
    remove(where, PAIR)
    assert tree(tmp_path) == {"etc": "0755", "etc/pki": "0755"}
    publish(where, "one")
    remove(replace(where, naming=Naming()), ("-key.pem", ".pem"))
    assert tree(tmp_path) == {"etc": "0755", "etc/pki": "0755"}


def test_generations_beside_a_ca_are_found_by_its_names(tmp_path: Path) -> None:
    """And only by those."""
    for name in ("ca.g2.pem", "ca.g3-key.pem", "ca.g4.crt", "ca.g5.key", "ca.g6.pem.old"):
        (tmp_path / name).write_text("")
    assert DISK.numbers_beside(named(tmp_path, path="ca")) == (2, 3)
    assert DISK.numbers_beside(place(tmp_path, "ca")) == (4, 5)

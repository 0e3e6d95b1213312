"""A node's files are those below its root, whatever its links say."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.discovery.root import MAX_ENTRIES, Listing, Root, is_text
from reconciler.observed.model import Absent, Unusable
from reconciler.stores.read import ReadFile
from tests.discovery.trees import link, tree

LOOP = Unusable(problem="not-a-file", detail="its symbolic links form a loop")


def read(root: Root, path: str) -> bytes | Absent | Unusable:
    """The bytes alone."""
    found = root.read(path)
    return found.data if isinstance(found, ReadFile) else found


@pytest.mark.parametrize(
    ("target", "content"),
    [
        ("/etc/ca.crt", b"inside"),
        ("ca.crt", b"inside"),
        ("../etc/./ca.crt", b"inside"),
        ("../../../../etc/ca.crt", b"inside"),
        ("/etc/../etc//ca.crt", b"inside"),
        ("/secret.crt", Absent()),
        ("../../secret.crt", Absent()),
        ("gone", Absent()),
        ("loop", LOOP),
    ],
)
def test_links_stay_inside(tmp_path: Path, target: str, content: object) -> None:
    """An absolute link begins at the node's root, and ``..`` ends there."""
    tree(tmp_path, {"secret.crt": b"outside", "node/etc/ca.crt": b"inside"})
    link(tmp_path / "node", "/etc/loop", "loop")
    link(tmp_path / "node", "/etc/link", target)
    root = Root(str(tmp_path / "node"))
    assert (read(root, "/etc/link"), root.link("/etc/link")) == (content, target)


def test_directories_may_be_links(tmp_path: Path) -> None:
    """On the way to a file they are followed, too, and two ways to one place are seen to be that."""
    tree(tmp_path, {"data/pki/ca.crt": b"x", "etc/empty": b""})
    link(tmp_path, "/etc/kubernetes", "/data")
    link(tmp_path, "/etc/out", "/..")
    root = Root(str(tmp_path))
    assert read(root, "/etc/kubernetes/pki/ca.crt") == b"x"
    assert read(root, "/etc/out/data/pki/ca.crt") == b"x"
    assert root.same("/etc/kubernetes/pki") == root.same("/data/pki") == f"{tmp_path}/data/pki"
    assert (root.is_directory("/etc/kubernetes"), root.is_file("/etc/kubernetes/pki/ca.crt")) == (True, True)
    assert (root.is_directory("/gone"), root.exists("/gone"), root.link("/data"), root.link("/")) == (False, False, "", "")
    assert root.names("/etc/kubernetes") == Listing(names=("pki",))


def test_names_in_a_directory(tmp_path: Path) -> None:
    """Sorted; what cannot stand in an output is left out, and that is told."""
    tree(tmp_path, {"b": b"", "a": b""})
    (tmp_path / os.fsdecode(b"\xff.crt")).write_bytes(b"")
    root = Root(str(tmp_path))
    assert root.names("/") == Listing(names=("a", "b"), problem="names in it that are not UTF-8 were left out")
    assert (root.names("/gone"), root.names("/a")) == (Listing(), Listing())


def test_a_directory_with_too_much_in_it(tmp_path: Path) -> None:
    """Its beginning is looked at, and that is told."""
    tree(tmp_path, {f"{number:05}": b"" for number in range(MAX_ENTRIES + 2)})
    listing = Root(str(tmp_path)).names("/")
    assert len(listing.names) == MAX_ENTRIES
    assert listing.problem == f"only {MAX_ENTRIES} of its {MAX_ENTRIES + 2} entries were looked at"


def test_a_place_outside_that_was_asked_for(tmp_path: Path) -> None:
    """It is this machine's, with its links."""
    tree(tmp_path, {"node/etc/a": b"node", "given/a": b"given", "givenness/a": b"no"})
    link(tmp_path, "/given/b", f"{tmp_path}/given/a")
    root = Root(str(tmp_path / "node"), elsewhere=[f"{tmp_path}/given"])
    assert [read(root, f"{tmp_path}/given/{name}") for name in "ab"] == [b"given", b"given"]
    assert [read(root, path) for path in (f"{tmp_path}/givenness/a", "/etc/a")] == [Absent(), b"node"]


@pytest.mark.parametrize("path", ["a\0b", "\ud800", os.fsdecode(b"\xff")])
def test_what_is_no_path(tmp_path: Path, path: str) -> None:
    """It is nothing that could be read, and never raises."""
    root = Root(str(tmp_path))
    assert not is_text(path)
    assert root.read(path) == Unusable(problem="not-a-file", detail="its name is no file name")
    assert (root.link(path), root.same(path), root.exists(path)) == ("", "", False)
    assert root.names(path) == Listing(problem="its name is no file name")


@given(st.text(max_size=300))
def test_any_text_is_a_question(path: str) -> None:
    """About a path nothing raises."""
    root = Root("/nonexistent")
    assert not isinstance(root.read(path), ReadFile)
    assert isinstance(root.names(path), Listing)
    assert (root.exists(path), root.link(path)) == (False, "")

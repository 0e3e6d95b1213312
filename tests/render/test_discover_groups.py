"""Which rows of an inventory are told together."""

from __future__ import annotations

import pytest

from reconciler.cluster.model import Content, File, Kubeconfig, Node
from reconciler.health.document import InventoryEntry
from reconciler.health.document_rows import Dates, rows_of
from reconciler.observed.model import CombinedPair
from reconciler.render.discover_groups import groups_of
from tests.render.discover_stories import DAY, KUBERNETES, NOW, authority, entry, facts, held, key_of, meta, use

Told = tuple[str, tuple[str, ...], tuple[str, ...], tuple[str, ...]]


def rows(files: dict[str, Content], links: dict[str, str]) -> list[InventoryEntry]:
    """The inventory of a node with these files."""
    made = {
        path: File(
            path=path,
            content=content,
            link=links.get(path, ""),
            uses=(use("kubelet", "--x", "certificate", "serving"),) if path in links else (),
        )
        for path, content in files.items()
    }
    return list(rows_of(Node(name="n", layout="files", processes=(), files=made), Dates(now=NOW, expiring=DAY)))


def told(files: dict[str, Content], links: dict[str, str] | None = None) -> list[Told]:
    """The name of each group, with its keys, its chain and what it trusts."""
    return [
        (
            group.file,
            tuple(row.path for row in group.keys),
            tuple(row.common_name or "" for row in group.chain),
            tuple(row.common_name or "" for row in group.trusts),
        )
        for group in groups_of(rows(files, links or {}))
    ]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"/a.crt": held(facts("a")), "/a.key": key_of("a")}, [("a.crt", ("/a.key",), (), ())]),
        ({"/a.crt": held(facts("a")), "/a.key": key_of("b")}, [("a.crt", (), (), ()), ("a.key", (), (), ())]),
        (
            {"/a.crt": held(facts("a")), "/keys/a.key": key_of("a")},
            [("a.crt", (), (), ()), ("a.key", (), (), ())],
        ),
        (
            {"/bundle.crt": held(KUBERNETES), "/ca.crt": held(KUBERNETES), "/ca.key": key_of("kubernetes")},
            [("bundle.crt", (), (), ()), ("ca.crt", ("/ca.key",), (), ())],
        ),
        (
            {"/a.crt": held(facts("a"), KUBERNETES), "/ca.key": key_of("kubernetes")},
            [("a.crt", (), ("kubernetes",), ()), ("ca.key", (), (), ())],
        ),
        (
            {"/a.crt": held(facts("a")), "/a.key": key_of("a"), "/copy.key": key_of("a")},
            [("a.crt", ("/a.key", "/copy.key"), (), ())],
        ),
    ],
)
def test_a_key_is_told_with_its_certificate(files: dict[str, Content], expected: list[Told]) -> None:
    """That of its own name where there are several, and only in the same directory."""
    assert told(files) == expected


@pytest.mark.parametrize(
    ("chain", "expected"),
    [
        ((facts("a"), KUBERNETES), [("x.pem", (), ("kubernetes",), ())]),
        ((KUBERNETES, authority("old")), [("x.pem", (), (), ()), ("x.pem [2]", (), (), ())]),
        ((facts("a"), facts("b")), [("x.pem", (), (), ()), ("x.pem [2]", (), (), ())]),
    ],
)
def test_what_stands_behind_a_leaf_is_its_chain(chain: tuple[object, ...], expected: list[Told]) -> None:
    """CAs in a bundle stand for themselves, and so do certificates of others."""
    assert told({"/x.pem": held(*chain)}) == expected  # type: ignore[arg-type]


def test_a_kubeconfig_is_told_with_what_it_trusts() -> None:
    """By user, where there are several."""
    one = (entry("a", held(facts("a"))),)
    two = (*one, entry("b", held(facts("b")), cluster="other", trust=held(authority("other"))))
    assert told({"/a.conf": Kubeconfig(entries=one, meta=meta())}) == [("a.conf", (), (), ("kubernetes",))]
    assert told({"/a.conf": Kubeconfig(entries=two, meta=meta())}) == [
        ("a.conf#a", (), (), ("kubernetes",)),
        ("a.conf#b", (), (), ("other",)),
    ]


def test_a_file_and_a_link_to_it_are_one() -> None:
    """As the kubelet keeps its certificate: under the name of its day, and a link that is always the newest."""
    pair = CombinedPair(certificate=held(facts("a")), key=key_of("a"))
    old = CombinedPair(certificate=held(facts("a", left=-DAY)), key=key_of("a"))
    files: dict[str, Content] = {"/pki/current.pem": pair, "/pki/day-1.pem": old, "/pki/day-2.pem": pair}
    assert [name for name, *_ in told(files, {"/pki/current.pem": "/pki/day-2.pem"})] == ["current.pem", "day-1.pem"]


def test_directories_stay_together() -> None:
    """A directory is told as a whole, before those below it."""
    files: dict[str, Content] = {f"/{path}": held(facts(path)) for path in ("a/b.crt", "a/b/c.crt", "a/z.crt")}
    assert [name for name, *_ in told(files)] == ["b.crt", "z.crt", "c.crt"]

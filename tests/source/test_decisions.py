"""The decisions without a repository: what objects say, how commits relate, what may advance, what is to be watched."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.source.advance import advance
from reconciler.source.ancestry import Relation, relation
from reconciler.source.git_format import Commit, Entry, MalformedObjectError, name_of, parse_commit, parse_tag, parse_tree
from reconciler.source.git_objects import quoted
from reconciler.source.links import Step, commit_in_links, follow
from reconciler.source.revision import SourceError, shortened
from reconciler.source.watch_paths import matters, merged, places_of, with_name

# --- Histories ---------------------------------------------------------------------------------------------------------

#: Commit to its parents; dates grow with the letter, except for `z`, whose clock was wrong.
HISTORY: Final = {"a": "", "b": "a", "c": "b", "d": "b", "e": "cd", "z": "e", "f": "z", "x": "", "y": "x"}


def find(name: str) -> Commit | None:
    """A commit of the history above; None for what a shallow clone does not hold."""
    if name not in HISTORY:
        return None
    date = 0 if name == "z" else ord(name)
    return Commit(tree="t", parents=tuple(HISTORY[name]), committed_at=date, payload=b"", signatures=())


RELATIONS: Final[dict[tuple[str, str], Relation]] = {
    ("a", "a"): "same",
    ("a", "b"): "descendant",
    ("a", "f"): "descendant",
    ("d", "e"): "descendant",
    ("c", "f"): "descendant",
    ("f", "a"): "ancestor",
    ("e", "d"): "ancestor",
    ("c", "d"): "diverged",
    ("f", "y"): "diverged",
    ("gone", "f"): "diverged",
    ("a", "gone"): "unknown",
}


@pytest.mark.parametrize(("pair", "expected"), RELATIONS.items(), ids=map("-".join, RELATIONS))
def test_relations(pair: tuple[str, str], expected: Relation) -> None:
    """Through merges and wrong clocks; a commit that is gone cannot be in a history that is whole."""
    assert relation(*pair, find) == expected


@pytest.mark.parametrize(("pair", "expected"), [(("b", "e"), "descendant"), (("a", "e"), "unknown"), (("e", "c"), "ancestor")])
def test_a_history_that_was_cut(pair: tuple[str, str], expected: Relation) -> None:
    """What is held proves what it can; the boundary's parents are named and not there."""
    assert relation(*pair, lambda name: None if name == "b" else find(name)) == expected


def test_a_history_that_is_too_long() -> None:
    """Counts as one that cannot be checked, and is not walked for ever."""
    endless = Commit(tree="t", parents=(), committed_at=0, payload=b"", signatures=())
    asked: list[str] = []

    def chain(name: str) -> Commit:
        asked.append(name)
        return Commit(tree="t", parents=(f"{int(name) + 1}",), committed_at=0, payload=endless.payload, signatures=())

    assert relation("1000000", "0", chain, limit=10) == "unknown"
    assert len(asked) <= 22


ADVANCES: Final = {
    # relation, signed, allowed: the reason, or the note
    ("same", True, False): "",
    ("descendant", True, False): "",
    ("ancestor", True, False): "RolledBack",
    ("ancestor", False, False): "RolledBack",
    ("diverged", False, False): "ForcePushed",
    ("diverged", True, False): "ForcePushed",
    ("unknown", True, False): "AncestryUnknown",
    ("unknown", False, False): "note",
    ("ancestor", True, True): "note",
    ("diverged", True, True): "note",
    ("unknown", True, True): "note",
}


@pytest.mark.parametrize(("facts", "expected"), ADVANCES.items(), ids=lambda value: "-".join(map(str, value)) or "passes")
def test_what_may_advance(facts: tuple[Relation, bool, bool], expected: str) -> None:
    """A refusal and a note both name both commits."""
    stands, signed, allowed = facts
    last, new = "1" * 40, "2" * 40
    hint = "--allow-rollback"
    try:
        said = advance(ref="main", last=last, new=new, relation=stands, signed=signed, allow_rollback=allowed)
        got = "note" if said else ""
    except SourceError as error:
        said, got, hint = error.message, error.reason, error.hint
    assert (got, not said or (last[:12] in said and new[:12] in said)) == (expected, True)
    assert "--allow-rollback" in hint


# --- Objects -----------------------------------------------------------------------------------------------------------

IDENTITY: Final = b"A <a@x> 1767225600 +0000"
HEADERS: Final = b"tree " + b"1" * 40 + b"\nparent " + b"2" * 40 + b"\nauthor " + IDENTITY + b"\ncommitter " + IDENTITY


def test_a_signed_commit_is_split() -> None:
    """Into what was signed, with every other header, and the signature without its indentation."""
    extra = b"\nencoding latin-1\nmergetag object x\n gpgsig no\n"
    data = HEADERS + b"\ngpgsig -----BEGIN\n \n abc\n -----END" + extra + b"\nmessage\n\ngpgsig in the message\n"
    assert parse_commit(data, digits=40) == Commit(
        tree="1" * 40,
        parents=("2" * 40,),
        committed_at=1767225600,
        payload=HEADERS + extra + b"\nmessage\n\ngpgsig in the message\n",
        signatures=(b"-----BEGIN\n\nabc\n-----END\n",),
    )


MALFORMED: Final = {
    "empty": b"",
    "no message": HEADERS,
    "no tree": HEADERS.partition(b"\n")[2] + b"\n\nx",
    "tree later": b"x y\n" + HEADERS + b"\n\nx",
    "two trees": HEADERS.replace(b"\nparent", b"\ntree " + b"3" * 40 + b"\nparent") + b"\n\nx",
    "late parent": HEADERS + b"\nparent " + b"3" * 40 + b"\n\nx",
    "short tree": b"tree 11\nauthor " + IDENTITY + b"\ncommitter " + IDENTITY + b"\n\nx",
    "upper case": HEADERS.replace(b"1" * 40, b"A" * 40) + b"\n\nx",
    "no committer": HEADERS.partition(b"\ncommitter")[0] + b"\n\nx",
    "no date": HEADERS.replace(b"1767225600 +0000", b"") + b"\n\nx",
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED)
def test_malformed_commits(data: bytes) -> None:
    """What git would not write is no commit: no second reading of it is possible."""
    with pytest.raises(MalformedObjectError):
        parse_commit(data, digits=40)


TREE: Final = b"40000 dir\0" + b"\1" * 20 + b"100644 a b\0" + b"\2" * 20 + b"100755 x\0" + b"\3" * 20
ODD: Final = b"120000 l\0" + b"\4" * 20 + b"160000 s\0" + b"\5" * 20


def test_a_tree_is_read() -> None:
    """Kinds by mode, names as bytes."""
    assert parse_tree(TREE + ODD, digits=40) == {
        b"dir": Entry(kind="directory", id="01" * 20),
        b"a b": Entry(kind="file", id="02" * 20),
        b"x": Entry(kind="file", id="03" * 20),
        b"l": Entry(kind="link", id="04" * 20),
        b"s": Entry(kind="submodule", id="05" * 20),
    }


@pytest.mark.parametrize(
    "data",
    [TREE[:-1], b"100644 a", b"100644a\0" + b"\1" * 20, b"100644 \0" + b"\1" * 20, b"7 a\0" + b"\1" * 20, TREE + TREE],
)
def test_malformed_trees(data: bytes) -> None:
    """Cut off, without a name, of no known mode, or with a name twice."""
    with pytest.raises(MalformedObjectError):
        parse_tree(data, digits=40)


@given(data=st.binary(max_size=200), digits=st.sampled_from([40, 64]))
def test_no_bytes_make_a_parser_fail_otherwise(data: bytes, digits: int) -> None:
    """Objects come from whoever can write into the store."""
    for parse in (lambda: parse_commit(data, digits=digits), lambda: parse_tree(data, digits=digits), lambda: parse_tag(data)):
        try:
            parse()
        except MalformedObjectError:
            continue


def test_names_are_gits() -> None:
    """The empty blob and tree have names that everybody knows."""
    assert [name_of("blob", b"", digits=40), name_of("tree", b"", digits=40)] == [
        "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
        "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    ]
    assert name_of("blob", b"", digits=64) == "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813"


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/a/b", "/a/b"), ("/a:b", '"/a:b"'), ('/a"b', '"/a\\"b"'), ("/a\\b", '"/a\\\\b"'), ("/a\nb", '"/a\\nb"'), ("/é ü", "/é ü")],
)
def test_paths_of_object_stores(path: str, expected: str) -> None:
    """As git's documentation asks for."""
    assert quoted(path) == expected


@pytest.mark.parametrize(("name", "short"), [("1" * 40, "1" * 12), ("sha256:" + "2" * 64, "sha256:" + "2" * 12), ("", "")])
def test_short_names(name: str, short: str) -> None:
    """For people."""
    assert shortened(name) == short


# --- Links and places --------------------------------------------------------------------------------------------------


def tree(root: Path) -> Path:
    """What git-sync and Kubernetes make, and links that are broken in two ways."""
    (root / "git/worktrees" / ("a" * 40)).mkdir(parents=True)
    (root / "git/current").symlink_to(f"worktrees/{'a' * 40}")
    (root / "mount/..1").mkdir(parents=True)
    (root / "mount/..1/main.yaml").touch()
    (root / "mount/..data").symlink_to("..1")
    (root / "mount/main.yaml").symlink_to("..data/main.yaml")
    (root / "loop").symlink_to("loop")
    (root / "absolute").symlink_to(root / "git/current/")
    (root / "up").symlink_to("git/current/../..")
    return root


STEPS: Final = {
    "git/current/main.yaml": [
        ("", "git", "entry"),
        ("/git", "current", "link"),
        ("/git", "worktrees", "entry"),
        ("/git/worktrees", "a" * 40, "entry"),
        (f"/git/worktrees/{'a' * 40}", "main.yaml", "missing"),
    ],
    "mount/main.yaml": [
        ("", "mount", "entry"),
        ("/mount", "main.yaml", "link"),
        ("/mount", "..data", "link"),
        ("/mount", "..1", "entry"),
        ("/mount/..1", "main.yaml", "entry"),
    ],
    "up/mount": [
        ("", "up", "link"),
        ("", "git", "entry"),
        ("/git", "current", "link"),
        ("/git", "worktrees", "entry"),
        ("/git/worktrees", "a" * 40, "entry"),
        ("/git", "mount", "missing"),
    ],
    "none/x/y": [("", "none", "missing")],
}


@pytest.mark.parametrize(("path", "expected"), STEPS.items(), ids=STEPS)
def test_following(path: str, expected: list[tuple[str, str, str]], tmp_path: Path) -> None:
    """Each name on the way, in the directory where it is really looked up; ``..`` after the links before it."""
    root = str(tree(tmp_path))
    steps = [step for step in follow(f"{root}/{path}") if step.directory.startswith(root)]
    assert [(step.directory.removeprefix(root), step.name, step.kind) for step in steps] == expected


def test_following_ends(tmp_path: Path) -> None:
    """A loop of links is left as the kernel leaves it."""
    assert len(follow(str(tree(tmp_path) / "loop"))) < 60


@pytest.mark.parametrize(("path", "named"), [("git/current", "a" * 40), ("absolute", "a" * 40), ("mount", ""), ("none", "")])
def test_commits_in_links(path: str, named: str, tmp_path: Path) -> None:
    """git-sync names what a link leads to after the commit."""
    assert commit_in_links(str(tree(tmp_path) / path)) == named


def entry(directory: str, name: str) -> Step:
    """A file or directory."""
    return Step(directory, name, "entry")


PLACES: Final = {
    "a file": ((entry("/", "etc"), entry("/etc", "x.yaml")), {"/etc": {"x.yaml"}, "/": {"etc"}}),
    "at the root": ((entry("/", "x.yaml"),), {"/": {"x.yaml"}}),
    "deep": ((entry("/", "a"), entry("/a", "b"), entry("/a/b", "x")), {"/a/b": {"x"}, "/a": {"b"}}),
    "missing": ((entry("/", "a"), Step("/a", "b", "missing")), {"/a": {"b"}, "/": {"a"}}),
    "git-sync": (
        (
            entry("/", "git"),
            Step("/git", "current", "link", "w/1"),
            entry("/git", "w"),
            entry("/git/w", "1"),
            entry("/git/w/1", "x"),
        ),
        {"/git": {"current"}, "/": {"git"}, "/git/w/1": {"x"}, "/git/w": {"1"}},
    ),
    "ConfigMap": (
        (
            entry("/", "m"),
            Step("/m", "x", "link", "..data/x"),
            Step("/m", "..data", "link", "..1"),
            entry("/m", "..1"),
            entry("/m/..1", "x"),
        ),
        {"/m": {"x", "..data", "..1"}, "/": {"m"}, "/m/..1": {"x"}},
    ),
    "nothing": ((), {}),
}


@pytest.mark.parametrize(("steps", "expected"), PLACES.values(), ids=PLACES)
def test_places(steps: tuple[Step, ...], expected: dict[str, set[str]]) -> None:
    """The directory of every link and of the last name, and the one above each."""
    assert {directory: set(names) for directory, names in places_of(steps).items()} == expected


def test_places_of_a_glob() -> None:
    """The directory is followed, the glob is not; where there is no directory yet, it is waited for."""
    steps = (entry("/", "a"), entry("/a", "parts"))
    assert with_name(steps, "*.yaml") == (*steps, entry("/a/parts", "*.yaml"))
    assert with_name((), "*.yaml") == (entry("/", "*.yaml"),)
    missing = (entry("/", "a"), Step("/a", "parts", "missing"))
    assert with_name(missing, "*.yaml") == missing


def test_places_are_merged() -> None:
    """One watch a directory, however many names in it matter."""
    one, two = {"/a": frozenset({"x"})}, {"/a": frozenset({"y"}), "/b": frozenset({"z"})}
    assert merged([one, two]) == {"/a": frozenset({"x", "y"}), "/b": frozenset({"z"})}


@pytest.mark.parametrize(
    ("name", "matter"), [("main.yaml", True), ("a.yml", True), ("main.yaml.lock", False), ("status.json", False), ("[x]", True)]
)
def test_names_that_matter(name: str, matter: bool) -> None:
    """Literally or by a glob."""
    assert matters(name, frozenset({"main.yaml", "*.yml", "[x]"})) is matter

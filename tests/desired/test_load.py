"""Loading: includes merged, every value traceable to its line."""

from __future__ import annotations

import hashlib
import json

import pytest

from reconciler.desired import mistakes
from reconciler.desired.diagnostics import InvalidDesiredStateError, Path, Span
from reconciler.desired.load import load
from tests.desired.full_document import FULL
from tests.desired.memory_source import MemorySource, loaded

HEAD = "apiVersion: cluster-pki/v1\ncluster: demo\n"
MAIN = HEAD + "include: ['*.yaml']\nnodes:\n  - {name: a, roles: [worker]}\n  - {name: b, roles: [worker]}\n"
FIRST = "nodes:\n- name: c\n  roles: [etcd]\ncomponents:\n  api: {ca: x, path: api}\nprune: true\n"
SECOND = "nodes:\n- name: d\n  roles: [worker]\ncomponents:\n  web:\n    sans: {dns: [w.example]}\n"


def refused(text: str, **others: str) -> list[tuple[str, str, str]]:
    """Code, file:line:column and message of every mistake."""
    with pytest.raises(InvalidDesiredStateError) as caught:
        loaded(text, **others)
    return [
        (d.code, f"{d.span.file}:{d.span.line}:{d.span.column}" if d.span else "", d.message) for d in caught.value.diagnostics
    ]


def test_included_files_become_one_document() -> None:
    """Lists follow one another, the main file's first, then in the order of names; entries and sections are joined."""
    document = loaded(MAIN, z_yaml=SECOND, k_yaml=FIRST).document
    assert [node.name for node in document.nodes or ()] == ["a", "b", "c", "d"]
    assert list(document.components or {}) == ["api", "web"]
    assert (document.cluster, document.prune) == ("demo", True)


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (("cluster",), ("cluster-pki.yaml", 2, 10, 14)),
        (("nodes", 0, "name"), ("cluster-pki.yaml", 5, 12, 13)),
        (("nodes", 1), ("cluster-pki.yaml", 6, 5, 31)),
        (("nodes", 2, "name"), ("k.yaml", 2, 9, 10)),
        (("nodes", 3, "roles", 0), ("z.yaml", 3, 11, 17)),
        (("components", "api", "ca"), ("k.yaml", 5, 13, 14)),
        (("components", "web", "sans", "dns", 0), ("z.yaml", 6, 18, 27)),
        (("prune",), ("k.yaml", 6, 8, 12)),
    ],
)
def test_places_point_into_the_right_file(path: Path, place: tuple[str, int, int, int]) -> None:
    """A path of the merged document leads to the file that it came from."""
    file, line, column, end_column = place
    span = loaded(MAIN, z_yaml=SECOND, k_yaml=FIRST).locate(path)
    assert span == Span(file=file, line=line, column=column, end_line=line, end_column=end_column)


@pytest.mark.parametrize("path", [("nodes", 9), ("nodes", 0, "addresses"), ("cas",), ("components", "x", "ca"), ("cluster", "x")])
def test_what_nobody_wrote_has_no_place(path: Path) -> None:
    """Defaults and what a preset adds stand nowhere."""
    assert loaded(MAIN, k_yaml=FIRST).locate(path) is None


def test_a_key_and_a_block_have_ranges_of_their_own() -> None:
    """The key is where a diagnostic about the whole entry points; a block ends with its last value."""
    state = loaded(HEAD + "components:\n  web:\n    ca: x\n    path: web\nprune: false\n")
    assert state.locate(("components", "web"), key=True) == Span(
        file="cluster-pki.yaml", line=4, column=3, end_line=4, end_column=6
    )
    assert state.locate(("components", "web")) == Span(file="cluster-pki.yaml", line=5, column=5, end_line=6, end_column=14)


def test_lines_are_kept_for_code_frames() -> None:
    """Of every file, by the name that spans carry, whatever ends its lines."""
    state = loaded(MAIN.replace("\n", "\r\n"), k_yaml=FIRST)
    assert [state.line("cluster-pki.yaml", 2), state.line("k.yaml", 2)] == ["cluster: demo", "- name: c"]
    assert [state.line("cluster-pki.yaml", 0), state.line("k.yaml", 99), state.line("none.yaml", 1)] == [None, None, None]


def test_digests_cover_every_file() -> None:
    """One digest over names and contents: it moves with any of them, and only then."""
    state = loaded(MAIN, k_yaml=FIRST)
    assert state.files == (
        ("cluster-pki.yaml", hashlib.sha256(MAIN.encode()).hexdigest()),
        ("k.yaml", hashlib.sha256(FIRST.encode()).hexdigest()),
    )
    assert state.sha256 == loaded(MAIN, k_yaml=FIRST).sha256
    assert len({state.sha256, loaded(MAIN, l_yaml=FIRST).sha256, loaded(MAIN, k_yaml=FIRST + "#").sha256}) == 3


def test_a_file_that_two_patterns_match_counts_once() -> None:
    """The main file is never its own include."""
    text = MAIN.replace("['*.yaml']", "['*.yaml', k.yaml, 'k*']")
    assert [name for name, _ in loaded(text, k_yaml=FIRST).files] == ["cluster-pki.yaml", "k.yaml"]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("more/*.yaml", '"more/*.yaml" matches no file'),
        ("more.yaml", '"more.yaml" matches no file'),
        ("/etc/*.yaml", '"/etc/*.yaml" is absolute'),
        ("../x.yaml", '"../x.yaml" leaves the directory'),
        ("a/../../x.yaml", '"a/../../x.yaml" leaves the directory'),
        ("a/**/*.yaml", '"a/**/*.yaml": `**` is not supported'),
        ("./x.yaml", '"./x.yaml" is not a plain pattern'),
        ("a//x.yaml", '"a//x.yaml" is not a plain pattern'),
        ("", '"" is not a plain pattern'),
    ],
)
def test_patterns_that_cannot_be_meant_are_refused(pattern: str, message: str) -> None:
    """A pattern without a file is a mistake, not an empty set."""
    assert refused(f"{HEAD}include: ['{pattern}']\n") == [("CPK013", "cluster-pki.yaml:3:11", message)]


def test_includes_are_checked_like_the_main_file() -> None:
    """Syntax, form, and what only the main file may hold; all in one run, each in its own file."""
    text = HEAD + "include: [a.yaml, b.yaml, c.yaml]\nprun: true\n"
    expected = [
        ("CPK009", "a.yaml:2:13", "0600 is ambiguous: with a leading zero it is octal to some readers and decimal to others"),
        ("CPK010", "b.yaml:1:1", "the file is empty"),
        ("CPK015", "c.yaml:1:1", "`cluster` in an included file"),
        ("CPK015", "c.yaml:2:1", "`include` in an included file"),
        ("CPK101", "c.yaml:4:7", 'unknown key "pth" in cas.x'),
        ("CPK101", "cluster-pki.yaml:4:1", 'unknown key "prun"'),
    ]
    files = {
        "a_yaml": "cas:\n  a: {mode: 0600}\n",
        "b_yaml": "# nothing\n",
        "c_yaml": "cluster: other\ninclude: [d.yaml]\ncas:\n  x: {pth: y}\n",
    }
    assert refused(text, **files) == expected


def test_a_name_given_twice_names_both_places() -> None:
    """Entries, and sections that cannot be put together."""
    main = HEAD + "include: ['*.yaml']\ncomponents: {api: {ca: x}}\nprune: true\nguards: {maxDestroy: 2}\n"
    assert refused(main, a_yaml="components:\n  api: {}\nprune: false\n", b_yaml="guards: {}\n") == [
        ("CPK014", "a.yaml:2:3", 'component "api" is defined twice, first at cluster-pki.yaml:4'),
        ("CPK014", "a.yaml:3:1", "`prune` is defined twice, first at cluster-pki.yaml:5"),
        ("CPK014", "b.yaml:1:1", "`guards` is defined twice, first at cluster-pki.yaml:6"),
    ]


def test_sections_of_the_wrong_type_do_not_confuse_the_merge() -> None:
    """A list where a mapping belongs, in either file, is a mistake of form of that file alone."""
    main = HEAD + "include: ['*.yaml']\ncomponents:\nnodes: {}\n"
    assert [
        (code, place) for code, place, _ in refused(main, a_yaml="components: {a: {}}\nnodes: [{name: a, roles: [etcd]}]\n")
    ] == [
        ("CPK103", "cluster-pki.yaml:4:12"),
        ("CPK103", "cluster-pki.yaml:5:8"),
    ]


def test_a_consequence_of_bad_syntax_is_not_reported_again() -> None:
    """An alias is null and an anchor's value stands: the form is checked where that still says something."""
    assert [(code, place) for code, place, _ in refused(HEAD + "cas:\n  a: &a {}\ncomponents: *a\nprune: 010\nx: 1\n")] == [
        ("CPK007", "cluster-pki.yaml:4:6"),
        ("CPK007", "cluster-pki.yaml:5:13"),
        ("CPK009", "cluster-pki.yaml:6:8"),
        ("CPK101", "cluster-pki.yaml:7:1"),
    ]


def test_a_missing_main_file_has_no_place() -> None:
    """There is no line to point at."""
    source = MemorySource({"a.yaml": b""})
    source.name = "gone.yaml"
    with pytest.raises(InvalidDesiredStateError) as caught:
        load(source)
    assert [(d.code, d.span, d.message) for d in caught.value.diagnostics] == [
        ("CPK001", None, "gone.yaml: there is no such file")
    ]
    assert caught.value.loaded is None


def test_an_included_file_that_cannot_be_read_is_reported_where_it_is_asked_for() -> None:
    """A broken source of one file does not hide the mistakes of others."""

    class Broken(MemorySource):
        def expand(self, pattern: str) -> tuple[str, ...]:
            return (pattern,)

    with pytest.raises(InvalidDesiredStateError) as caught:
        load(Broken({"m.yaml": f"{HEAD}include: [x.yaml]\nprun: 1\n".encode()}))
    assert [(d.code, d.span and d.span.line, d.message) for d in caught.value.diagnostics] == [
        ("CPK001", 3, "x.yaml: there is no such file"),
        ("CPK101", 4, 'unknown key "prun"'),
    ]


def test_every_key_of_the_format_can_be_loaded_and_located() -> None:
    """Written as JSON, which is YAML."""
    state = load(MemorySource({"m.yaml": json.dumps({**FULL, "include": []}, indent=1).encode(), "requests/jane.csr": b""}))
    assert state.document.api_version == "cluster-pki/v1"
    assert state.locate(("components", "api", "after", 4, "touch")) is not None


def test_the_types_have_the_last_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """Should the schema ever accept what the types refuse, their own reason is shown."""
    monkeypatch.setattr(mistakes, "find_mistakes", lambda _value, _schema: iter(()))
    found = refused(HEAD + "prune: 1\n")
    assert found == [("CPK103", "cluster-pki.yaml:1:1", "Expected `bool`, got `int` - at `$.prune`")]

"""The strict YAML subset: every way in which YAML surprises is an error with a place, or the text that was typed."""

from __future__ import annotations

import time
from typing import Any

import pytest
import yaml

from reconciler.desired.text import decode
from reconciler.desired.yaml import MAX_DEPTH, MAX_PROBLEMS, compose, parse_events

#: What a bomb would take is hours; what is left of it here is milliseconds.
BOMB_SECONDS = 10


def composed(text: str) -> dict[str, Any] | None:
    """The value of a text without problems."""
    result = compose(text, "f")
    assert result.problems == ()
    return result.value


def problems(text: str) -> list[tuple[str, int, int]]:
    """Code, line and column of each problem."""
    return [(p.code, p.span.line, p.span.column) for p in compose(text, "f").problems if p.span]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("true", True),
        ("false", False),
        ("null", None),
        ("", None),
        ("0", 0),
        ("-12", -12),
        ("999999999999999999", 999_999_999_999_999_999),
        ("NO", "NO"),
        ("no", "no"),
        ("on", "on"),
        ("Off", "Off"),
        ("y", "y"),
        ("yes", "yes"),
        ("1:30", "1:30"),
        ("22:22", "22:22"),
        ("190:20:30.15", "190:20:30.15"),
        ("2026-01-01", "2026-01-01"),
        ("2001-14-14", "2001-14-14"),
        ("2026-11-20T10:00:00Z", "2026-11-20T10:00:00Z"),
        ("30%", "30%"),
        ("10.0.0.1", "10.0.0.1"),
        ("::1", "::1"),
        ("90d", "90d"),
        ("=", "="),
        ("'010'", "010"),
        ('"1.10"', "1.10"),
        ("'null'", "null"),
        ("'~'", "~"),
        ('"\\u00e9"', "é"),
    ],
)
def test_scalars_mean_what_is_typed(written: str, value: object) -> None:
    """Only null, true, false and decimal integers are not text."""
    assert composed(f"a: {written}\nb:\n  - {written}\n") == {"a": value, "b": [value]}


@pytest.mark.parametrize(
    "written",
    [
        *("010", "0o10", "08", "1_000", "0600", "0x1F", "0b11", "+1", "00", "-01", "1000000000000000000"),
        *("1.10", "1.", ".5", "-1.5", "1e3", "12e03", "1.5E-3", ".inf", "-.inf", ".NaN"),
        *("~", "Null", "NULL", "True", "TRUE", "False", "FALSE"),
    ],
)
def test_ambiguous_scalars_are_refused(written: str) -> None:
    """What other readers turn into a number, a boolean or null in another spelling must be quoted."""
    result = compose(f"a: {written}\n", "f")
    assert [(p.code, p.span and (p.span.line, p.span.column)) for p in result.problems] == [("CPK009", (1, 4))]
    assert "quote it" in result.problems[0].hint or "write" in result.problems[0].hint
    assert result.value == {"a": written}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3\n", [("CPK006", 3, 1)]),
        ("{a: 1, 'a': 2}\n", [("CPK006", 1, 8)]),
        ("a: &x 1\n", [("CPK007", 1, 4)]),
        ("a: &x [1]\nb: *x\n", [("CPK007", 1, 4), ("CPK007", 2, 4)]),
        ("a: &x [*x]\n", [("CPK007", 1, 4), ("CPK007", 1, 8)]),
        ("a:\n  <<: {b: 1}\n", [("CPK007", 2, 3)]),
        ("a: !!python/object:os.system x\n", [("CPK008", 1, 4)]),
        ("a: !!binary aGk=\n", [("CPK008", 1, 4)]),
        ("a: !!set {b}\n", [("CPK008", 1, 4)]),
        ("a: !!str 010\n", [("CPK008", 1, 4)]),
        ("a: ! b\n", [("CPK008", 1, 4)]),
        ("", [("CPK010", 1, 1)]),
        ("# nothing\n", [("CPK010", 1, 1)]),
        ("---\n", [("CPK010", 1, 1)]),
        ("null\n", [("CPK010", 1, 1)]),
        ("text\n", [("CPK010", 1, 1)]),
        ("- a\n", [("CPK010", 1, 1)]),
        ("a: 1\n---\nb: 2\n", [("CPK010", 2, 1)]),
        ('a: "\\0"\n', [("CPK012", 1, 4)]),
        ('a: "x\\u202Ey"\n', [("CPK012", 1, 4)]),
        ('a: "\\x85"\n', [("CPK012", 1, 4)]),
        ("a: x\u00a0y\n", [("CPK012", 1, 4)]),
        ("a: e\u0301\n", [("CPK012", 1, 4)]),
        ("a: |\n  x\n", [("CPK012", 1, 4)]),
        ('"\\0": 1\n', [("CPK012", 1, 1)]),
        ("1: a\n", [("CPK016", 1, 1)]),
        ("true: a\n", [("CPK016", 1, 1)]),
        ("? [a]\n: b\n", [("CPK016", 1, 3)]),
        ("? {a: b}\n: c\n", [("CPK016", 1, 3)]),
        ("?\n: a\n", [("CPK016", 1, 2)]),
        ("a: [1\n", [("CPK005", 2, 1)]),
        ("a:\tb\n\tc: d\n", [("CPK005", 2, 1)]),
        ("a: b: c\n", [("CPK005", 1, 5)]),
        ("a: 'x\n", [("CPK005", 2, 1)]),
        ('a: "\\ud800"\n', [("CPK005", 1, 7)]),
        ("a: @x\n", [("CPK005", 1, 4)]),
        ("%YAML 3.0\n---\na: 1\n", [("CPK005", 1, 1)]),
    ],
)
def test_what_is_no_part_of_the_subset_is_refused_with_its_place(text: str, expected: list[tuple[str, int, int]]) -> None:
    """Line and column of each mistake, counted from 1."""
    assert problems(text) == expected


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("a: [::1]\n", 'quote an IPv6 address inside brackets: ["::1"]'),
        ("a: [fe80::]\n", 'quote an IPv6 address inside brackets: ["fe80::"]'),
        ("a: [*.example.com]\n", 'quote a text that begins with * or &: "*.example.com"'),
        ("a: {node}/x\n", "check the indentation; a text that begins with { needs quotes"),
        ("a:\n  b: 1\n c: 2\n", "check the indentation of this line and the one above"),
        ("a:\n\tb: 1\n", "indent with spaces, not tabs"),
        ("a: @b\n", "quote a text that begins with @, ` or %"),
        ("a: b: c\n", "check the indentation, or quote a text that holds `: `"),
        ("a: [b\nc: d\n", "a comma or closing bracket is missing before this"),
        ("a: 'b\n", "a quote is not closed"),
        ("a: b\nc\nd: e\n", "a key needs a colon and a space after it"),
        ('a: "\\d"\n', "use single quotes where a backslash stands for itself"),
        ("%YAML 3.0\n---\na: 1\n", "remove the line that begins with %"),
    ],
)
def test_syntax_errors_come_with_the_way_out(text: str, hint: str) -> None:
    """What people get wrong in this format has a hint of its own."""
    assert [(p.code, p.hint) for p in compose(text, "f").problems] == [("CPK005", hint)]


def test_a_duplicate_key_names_both_lines_and_the_first_wins() -> None:
    """The second would silently erase the first in other readers."""
    result = compose("etcd: 1\nother: 2\netcd: 3\n", "f")
    assert [(p.message, p.hint) for p in result.problems] == [
        ('key "etcd" is given twice, first on line 1', "remove one of them")
    ]
    assert result.value == {"etcd": 1, "other": 2}


def test_all_mistakes_of_a_file_are_found_in_one_run() -> None:
    """The parser goes on after everything but a syntax error, and keeps the mistakes before that."""
    text = "a: 010\na: 1\nb: &x [~, *x]\n<<: 1\nc: !!int 1\n"
    broken = f"{text}d: [\n"
    expected = ["CPK009", "CPK006", "CPK007", "CPK009", "CPK007", "CPK007", "CPK008"]
    assert [code for code, _, _ in problems(text)] == expected
    assert [code for code, _, _ in problems(broken)] == [*expected, "CPK005"]
    assert compose(broken, "f").value is None


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ("{a: ", "}"), ("\n- ", "")])
def test_depth_is_limited_while_parsing(opening: str, closing: str) -> None:
    """Fifty levels are allowed, the fifty-first ends the run; nobody's stack grows."""
    deepest = MAX_DEPTH - 1
    fine = "a: " + "[" * deepest + "]" * deepest + "\n"
    assert problems(fine) == []
    if opening == "\n- ":
        text = "a:\n" + "".join("  " * n + "-\n" for n in range(1, 100))
    else:
        text = "a: " + opening * 300_000 + closing * 300_000
    started = time.perf_counter()
    assert [code for code, _, _ in problems(text)] == ["CPK011"]
    assert time.perf_counter() - started < BOMB_SECONDS


def test_a_flood_of_mistakes_is_cut_off() -> None:
    """A file that is not for us is not read to its end."""
    assert len(problems("a: [" + "~," * 100_000 + "]\n")) == MAX_PROBLEMS


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("a: b".encode("utf-16"), ("CPK004", 1, 1)),
        ("a: b".encode("utf-32"), ("CPK004", 1, 1)),
        (b"\xfe\xff\x00a", ("CPK004", 1, 1)),
        ("a: b\nc: dé".encode("latin-1"), ("CPK004", 2, 5)),
        (b"a: \xed\xa0\x80", ("CPK004", 1, 4)),
        (b"a: b\r\nc: \x00", ("CPK012", 2, 4)),
        ("a: b # \u202e".encode(), ("CPK012", 1, 8)),
        ("a: b\u2028".encode(), ("CPK012", 1, 5)),
    ],
)
def test_bytes_that_are_no_plain_text_are_refused(data: bytes, expected: tuple[str, int, int]) -> None:
    """Other encodings, NUL, and what reverses or breaks lines, comments included."""
    _, found = decode(data, "f")
    assert [(p.code, p.span.line, p.span.column) for p in found if p.span] == [expected]


def test_a_utf8_byte_order_mark_is_dropped() -> None:
    """Some editors write one; it is no part of the first key."""
    text, found = decode("\ufeffä: 1\n".encode(), "f")
    assert (composed(text), found) == ({"ä": 1}, ())


@pytest.mark.parametrize("pure", [False, True], ids=["libyaml", "pure"])
def test_both_parsers_of_pyyaml_agree(pure: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyYAML without libyaml gives the same values and refusals."""
    monkeypatch.setattr(yaml, "__with_libyaml__", not pure)
    assert composed("a: {b: [1, null, 'x', y]}\n'c': true\n") == {"a": {"b": [1, None, "x", "y"]}, "c": True}
    assert problems("a: 010\nb: &x 1\nb: !t 2\n") == [("CPK009", 1, 4), ("CPK007", 2, 4), ("CPK006", 3, 1), ("CPK008", 3, 4)]
    assert [code for code, _, _ in problems('a: "\\UFFFFFFFF"\n')] == ["CPK005"]


def test_events_come_from_libyaml_where_it_is_there() -> None:
    """Its parser is thirty times as fast; both are closed when the reader stops early."""
    events = parse_events("a: 1\n")
    assert type(next(events)).__name__ == "StreamStartEvent"
    events.close()  # type: ignore[attr-defined]


def test_five_thousand_nodes_are_composed() -> None:
    """A desired state of 300 kB is an ordinary one."""
    nodes = "".join(f"  - {{name: w-{n}, roles: [worker], addresses: [10.0.{n >> 8}.{n & 255}]}}\n" for n in range(5000))
    value = composed(f"apiVersion: cluster-pki/v1\ncluster: x\nnodes:\n{nodes}")
    assert value is not None
    assert value["nodes"][4999] == {"name": "w-4999", "roles": ["worker"], "addresses": ["10.0.19.135"]}

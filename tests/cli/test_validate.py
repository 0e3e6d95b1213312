"""``validate``, ``rule`` and ``schema``: what a user sees for each way in which a file can be wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from reconciler.cli import rule, schema, validate
from reconciler.cli.options import Parser
from reconciler.desired.rules import RULES

HEAD: Final = "apiVersion: cluster-pki/v1\ncluster: demo\n"
CA: Final = "cas:\n  internal: {path: internal/ca}\n"


def run_validate(path: Path | str, *options: str) -> int:
    """Runs the command in this process."""
    parser = Parser()
    validate.add_arguments(parser)
    return validate.run(parser.parse_args(["--file", str(path), *options]))


def document(value: str) -> bytes:
    """A document with a value at ``reissue``, which takes any text, on line 6 at column 14."""
    component = "components:\n  a:\n    ca: internal\n"
    return f"{HEAD}{component}    reissue: {value}\n    usages: [client auth]\n    path: a\n{CA}".encode()


#: Each row of the table of YAML's surprises: the file, and code:line:column of what is found; empty for a valid file.
SURPRISES: Final[dict[str, tuple[bytes, list[str]]]] = {
    "duplicate-key": (f"{HEAD}{CA}cas: {{}}\n".encode(), ["CPK006:5:1"]),
    **{f"word-{word}": (document(word), []) for word in ("NO", "on", "off", "y", "n", "yes")},
    "boolean-word": (f"{HEAD}{CA}prune: on\n".encode(), ["CPK103:5:8"]),
    **{f"sexagesimal-{text}": (document(text), []) for text in ("1:30", "22:22", "190:20:30.15")},
    **{f"integer-{text}": (document(text), ["CPK009:6:14"]) for text in ("010", "0o10", "08", "1_000", "0x1f", "0b1")},
    "float": (document("1.10"), ["CPK009:6:14"]),
    "version": (f"{HEAD}kubernetes: {{preset: kubeadm, version: 1.10}}\n".encode(), ["CPK009:3:40"]),
    **{f"date-{text}": (document(text), []) for text in ("2026-01-01", "2001-14-14")},
    **{f"exponent-{text}": (document(text), ["CPK009:6:14"]) for text in ("1e3", "12e03")},
    "alias": (f"{HEAD}defaults: &a {{}}\n{CA}guards: *a\n".encode(), ["CPK007:3:11", "CPK007:6:9"]),
    "merge": (f"{HEAD}{CA}<<: {{prune: true}}\n".encode(), ["CPK007:5:1"]),
    "recursive-alias": (f"{HEAD}include: &a [*a]\n{CA}".encode(), ["CPK007:3:10", "CPK007:3:14"]),
    "nesting": (f"{HEAD}x: {'[' * 5000}\n".encode(), ["CPK011:3:53"]),
    **{
        f"tag-{tag}": (document(f"!!{tag} x"), ["CPK008:6:14"])
        for tag in ("python/object:os.system", "binary", "set", "str", "timestamp")
    },
    "nul-escape": (document(r'"\0"'), ["CPK012:6:14"]),
    "surrogate-escape": (document(r'"\ud800"'), ["CPK005:6:17"]),
    "bidi-escape": (document(r'"\u202E"'), ["CPK012:6:14"]),
    "bidi": (document("a\u202eb"), ["CPK012:6:15"]),
    "nfd": (document("e\u0301"), ["CPK012:6:14"]),
    "utf-16": (document("x").decode().encode("utf-16"), ["CPK004:1:1"]),
    "utf-16-without-mark": (b"a\0:\0 \0b\0", ["CPK012:1:2", "CPK012:1:4", "CPK012:1:6", "CPK012:1:8"]),
    "latin-1": (document("\u00e9").decode().encode("latin-1"), ["CPK004:6:14"]),
    "nul": (document("a\0b"), ["CPK012:6:15"]),
    "two-documents": (f"{HEAD}{CA}---\n{HEAD}".encode(), ["CPK010:5:1"]),
    "empty": (b"", ["CPK010:1:1"]),
    "blank": (b"\n# nothing\n", ["CPK010:1:1"]),
    "scalar-root": (b"cluster-pki\n", ["CPK010:1:1"]),
    "list-root": (b"- a\n", ["CPK010:1:1"]),
}


@pytest.mark.parametrize(("content", "expected"), SURPRISES.values(), ids=SURPRISES.keys())
def test_no_surprise_of_yaml_gets_through(
    content: bytes, expected: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An error with its place, or the text that was typed; at once, and never a traceback."""
    path = tmp_path / "cluster-pki.yaml"
    path.write_bytes(content)
    started = time.perf_counter()
    code = run_validate(path, "--format", "json")
    elapsed = time.perf_counter() - started
    result = json.loads(capsys.readouterr().out)
    starts = [(found["code"], found["range"]["start"]) for found in result["diagnostics"]]
    assert [f"{found}:{start['line']}:{start['column']}" for found, start in starts] == expected
    assert (code, elapsed < 10) == (1 if expected else 0, True)


def nested(opening: str, closing: str, depth: int) -> Callable[[Path], None]:
    """Writes a file with a deep value."""

    def write(path: Path) -> None:
        path.write_text(f"{HEAD}x: {opening * depth}{closing * depth}\n")

    return write


def bomb(merge: str) -> Callable[[Path], None]:
    """Writes levels of references, each twice as large as the one before."""
    lines = [f"a{n}: &a{n} {{{merge} [*a{n - 1}, *a{n - 1}]}}" for n in range(1, 41)]

    def write(path: Path) -> None:
        path.write_text("\n".join([HEAD, "a0: &a0 {x: 1}", *lines]))

    return write


#: Runs a command within 512 MiB of addresses, and writes down how much memory it used, in KiB. A process of its own, because a
#: child counts the memory of whoever made it, and that of a test run is large.
MEASURED = """
import resource, subprocess, sys
resource.setrlimit(resource.RLIMIT_AS, (512 << 20, 512 << 20))
code = subprocess.run(sys.argv[2:]).returncode
open(sys.argv[1], "w").write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(code)
"""


def sparse(path: Path) -> None:
    """Makes a file of one gibibyte that takes no room."""
    with path.open("wb") as file:
        file.truncate(1 << 30)


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (bomb("<<:"), "CPK007"),
        (bomb("x:"), "CPK007"),
        (nested("[", "]", 300_000), "CPK011"),
        (nested("{a: ", "}", 100_000), "CPK011"),
        (sparse, "CPK003"),
        (os.mkfifo, "CPK002"),
        (lambda path: path.symlink_to("/dev/zero"), "CPK002"),
        (lambda path: path.mkdir(), "CPK002"),
        (lambda path: path.symlink_to(path), "CPK002"),
    ],
    ids=["merge-bomb", "alias-bomb", "brackets", "braces", "sparse", "fifo", "zero", "directory", "link-to-itself"],
)
def test_hostile_files_end_quickly_in_little_memory(make: Callable[[Path], None], code: str, tmp_path: Path) -> None:
    """No hang, no crash, no traceback; the process may not take more than 512 MiB of addresses."""
    path, usage = tmp_path / "cluster-pki.yaml", tmp_path / "usage"
    make(path)
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            MEASURED,
            str(usage),
            sys.executable,
            "-m",
            "reconciler.cli.main",
            "validate",
            "--file",
            str(path),
        ],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert f"error[{code}]: " in done.stdout
    assert int(usage.read_text()) < 200 * 1024


def test_a_valid_file_gets_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says what the desired state holds."""
    path = tmp_path / "cluster-pki.yaml"
    path.write_bytes(document("x"))
    assert run_validate(path) == 0
    assert capsys.readouterr().out == f"Success! {path} is valid: cluster demo with 1 CA, 1 certificate.\n"


def test_mistakes_of_reference_are_shown_with_the_loaders_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The second stage has frames too."""
    path = tmp_path / "cluster-pki.yaml"
    path.write_bytes(document("x").replace(b"ca: internal", b"ca: intrenal"))
    assert run_validate(path, "--color", "never") == 1
    out = capsys.readouterr().out
    assert out.startswith("error[CPK201]: ")
    assert "\n5 |     ca: intrenal\n  |         ^^^^^^^^ " in out


@pytest.mark.parametrize("format_name", ["text", "json", "github", "sarif"])
def test_every_format_says_yes_and_no(format_name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit code does not depend on the format."""
    path = tmp_path / "cluster-pki.yaml"
    path.write_bytes(document("x"))
    assert run_validate(path, "--format", format_name) == 0
    assert capsys.readouterr().out
    path.write_bytes(b"[")
    assert run_validate(path, "--format", format_name) == 1
    assert "CPK005" in capsys.readouterr().out


def test_colour_is_used_when_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And only then: the output of a test is no terminal."""
    assert [run_validate(tmp_path / "none", "--color", when) for when in ("always", "auto")] == [1, 1]
    always, auto = capsys.readouterr().out.split("Found 1 error.")[:2]
    assert ("\x1b[31m" in always, "\x1b" in auto.removeprefix("\x1b[0m")) == (True, False)


def run_rule(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of ``rule``."""
    parser = Parser()
    rule.add_arguments(parser)
    code = rule.run(parser.parse_args(list(words)))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.mark.parametrize("word", ["CPK006", "cpk006", "duplicate-key"])
def test_rule_prints_the_page(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    """By code in any case, or by name."""
    code, out, err = run_rule(capsys, word)
    assert (code, out.splitlines()[0], err) == (0, "# CPK006: duplicate-key", "")


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("CPK2", 'there is no rule "CPK2"; did you mean "CPK201"?'),
        ("CKP201", 'there is no rule "CKP201"; did you mean "CPK201"?'),
        ("duplicate-keys", 'there is no rule "duplicate-keys"; did you mean "duplicate-key"?'),
        ("", 'there is no rule ""; `cluster-pki rule` lists them all'),
        ("\x1b[2J", 'there is no rule "\\x1b[2J"; `cluster-pki rule` lists them all'),
    ],
)
def test_an_unknown_rule_suggests_one(word: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With exit code 1."""
    assert run_rule(capsys, word) == (1, "", f"Error: {message}\n")


def test_rule_lists_all_rules(capsys: pytest.CaptureFixture[str]) -> None:
    """One line each, in the order of their codes."""
    code, out, _ = run_rule(capsys)
    assert (code, [line.split()[0] for line in out.splitlines()]) == (0, sorted(RULES))


@pytest.mark.parametrize("name", ["desired", "plan", "status"])
def test_schema_prints_json_schemas(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each of the three is a JSON Schema 2020-12."""
    parser = Parser()
    schema.add_arguments(parser)
    assert schema.run(parser.parse_args([name])) == 0
    assert json.loads(capsys.readouterr().out)["$schema"] == "https://json-schema.org/draft/2020-12/schema"

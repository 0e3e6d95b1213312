"""Diagnostics in every format: the same mistakes for people, programs, pull requests and code-scanning pages."""

from __future__ import annotations

import json
import re
from textwrap import dedent

import pytest

from reconciler import __version__
from reconciler.desired.diagnostics import Diagnostic, Severity, Span
from reconciler.render.colour import Palette
from reconciler.render.diagnostics import FORMATS
from reconciler.render.diagnostics_text import SHOWN, render_diagnostics, render_findings
from reconciler.render.findings import Findings


class Lines:
    """One file of text."""

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")

    def line(self, file: str, number: int) -> str | None:
        """A line of ``a.yaml``."""
        return self._lines[number - 1] if file == "a.yaml" and number <= len(self._lines) else None


def span(line: int, column: int, end_column: int, *, end_line: int | None = None, file: str = "a.yaml") -> Span:
    """A range of ``a.yaml``."""
    return Span(file=file, line=line, column=column, end_line=end_line or line, end_column=end_column)


UNKNOWN_CA = Diagnostic(
    code="CPK201",
    message='component "api" refers to unknown CA "kubernets"',
    span=span(12, 9, 18),
    hint='did you mean "kubernetes"?',
    address="component.api",
)
NO_FILE = Diagnostic(code="CPK001", message="b.yaml: there is no such file", hint="name another with --file")
WARNING = Diagnostic(code="CPK313", message="member of system:masters", severity=Severity.WARNING, span=span(13, 3, 9))
TEXT = Lines("\n" * 11 + "    ca: kubernets\n  mode: x")
INVALID = Findings(diagnostics=(NO_FILE, UNKNOWN_CA, WARNING), text=TEXT)
VALID = Findings(diagnostics=(), text=TEXT, praise="a.yaml is valid: cluster demo with 1 CA.")


def test_text_shows_each_mistake_with_its_line() -> None:
    """Code, message, place, frame, hint beside the carets, and where to read more."""
    assert render_findings(INVALID) == dedent(
        """\
        error[CPK001]: b.yaml: there is no such file
          = hint: name another with --file
          = help: cluster-pki rule CPK001

        error[CPK201]: component "api" refers to unknown CA "kubernets"
          --> a.yaml:12:9 (component.api)
           |
        12 |     ca: kubernets
           |         ^^^^^^^^^ did you mean "kubernetes"?
           = help: cluster-pki rule CPK201

        warning[CPK313]: member of system:masters
          --> a.yaml:13:3
           |
        13 |   mode: x
           |   ^^^^^^
           = help: cluster-pki rule CPK313

        Found 2 errors and 1 warning.
        """
    )


def test_text_of_a_valid_desired_state_is_one_line() -> None:
    """With the number of warnings, which do not make it invalid."""
    assert render_findings(VALID) == "Success! a.yaml is valid: cluster demo with 1 CA.\n"
    warned = Findings(diagnostics=(WARNING,), text=TEXT, praise="fine.")
    assert render_findings(warned).splitlines()[-1] == "Success! fine. (1 warning)"
    assert render_diagnostics((), None, color=True) == ""


def test_text_without_colour_is_the_text_with_colour_bare() -> None:
    """Colour adds nothing but escape sequences."""
    coloured = render_findings(INVALID, Palette(enabled=True))
    assert coloured != render_findings(INVALID)
    assert re.sub(r"\x1b\[\d+m", "", coloured) == render_findings(INVALID)


@pytest.mark.parametrize(
    ("line", "place", "frame"),
    [
        ("a: \tb", span(1, 5, 6), ["1 | a:  b", "  |     ^ h"]),
        ("名前: b", span(1, 5, 6), ["1 | 名前: b", "  |       ^ h"]),
        ("a: 名前", span(1, 4, 6), ["1 | a: 名前", "  |    ^^^^ h"]),
        ("a: x\u202ey", span(1, 4, 7), [r"1 | a: x\u202ey", "  |    ^^^^^^^^ h"]),
        ("a: \x1b[31m", span(1, 4, 5), [r"1 | a: \x1b[31m", "  |    ^^^^ h"]),
        ("a:", span(1, 3, 3), ["1 | a:", "  |   ^ h"]),
        ("a:", span(1, 9, 12), ["1 | a:", "  |   ^ h"]),
        ("a: [b,", span(1, 4, 3, end_line=7), ["1 | a: [b,", "  |    ^^^ h"]),
        ("x" * 300, span(1, 1, 301), [f"1 | {'x' * 100}…", f"  | {'^' * 100} h"]),
        (
            "x" * 200 + "BAD" + "y" * 200,
            span(1, 201, 204),
            [f"1 | …{'x' * 30}BAD{'y' * 67}…", f"  | {' ' * 31}^^^ h"],
        ),
    ],
    ids=["tab", "wide-before", "wide", "bidi", "escape", "empty", "behind", "several-lines", "long", "far-right"],
)
def test_carets_stand_below_what_they_mean(line: str, place: Span, frame: list[str]) -> None:
    """Whatever the characters before are, and however long the line is."""
    diagnostic = Diagnostic(code="CPK101", message="m", span=place, hint="h")
    assert render_diagnostics((diagnostic,), Lines(line), color=False).splitlines()[3:5] == frame


def test_a_message_cannot_command_the_terminal() -> None:
    """Messages quote what users wrote."""
    diagnostic = Diagnostic(code="CPK101", message="\x1b[2Jm", hint="h\u202e", span=span(1, 1, 2, file="\x07.yaml"))
    text = render_diagnostics((diagnostic,), None, color=False)
    assert text == ("error[CPK101]: \\x1b[2Jm\n --> \\x07.yaml:1:1\n  = hint: h\\u202e\n  = help: cluster-pki rule CPK101\n\n")


def test_text_stops_at_fifty_and_keeps_errors() -> None:
    """The rest is counted; warnings give way to errors."""
    many = tuple(
        Diagnostic(code="CPK313", message=str(n), severity=Severity.WARNING if n < 20 else Severity.ERROR) for n in range(70)
    )
    text = render_findings(Findings(diagnostics=many))
    assert text.count("error[CPK313]") == SHOWN
    assert text.splitlines()[-3:] == ["… and 20 more", "", "Found 50 errors and 20 warnings."]


def test_json_is_one_object() -> None:
    """In the words of `terraform validate -json`."""
    assert json.loads(FORMATS["json"](INVALID)) == {
        "format_version": "1.0",
        "valid": False,
        "error_count": 2,
        "warning_count": 1,
        "diagnostics": [
            {
                "severity": "error",
                "code": "CPK001",
                "name": "file-not-found",
                "summary": "b.yaml: there is no such file",
                "hint": "name another with --file",
            },
            {
                "severity": "error",
                "code": "CPK201",
                "name": "unknown-ca",
                "summary": 'component "api" refers to unknown CA "kubernets"',
                "hint": 'did you mean "kubernetes"?',
                "address": "component.api",
                "range": {
                    "filename": "a.yaml",
                    "start": {"line": 12, "column": 9},
                    "end": {"line": 12, "column": 18},
                },
                "snippet": {"code": "    ca: kubernets", "start_line": 12},
            },
            {
                "severity": "warning",
                "code": "CPK313",
                "name": "system-masters",
                "summary": "member of system:masters",
                "hint": "",
                "range": {"filename": "a.yaml", "start": {"line": 13, "column": 3}, "end": {"line": 13, "column": 9}},
                "snippet": {"code": "  mode: x", "start_line": 13},
            },
        ],
    }
    assert json.loads(FORMATS["json"](VALID))["valid"] is True


def test_github_annotations_are_escaped() -> None:
    """A message must not be able to end its own command (actions/toolkit, command.ts)."""
    evil = Diagnostic(code="CPK101", message="50% of\n::error::x", hint="h", span=span(1, 2, 4, file="a,b:c.yaml"))
    across = Diagnostic(code="CPK102", message="m", span=span(1, 2, 4, end_line=3))
    assert FORMATS["github"](Findings(diagnostics=(evil, across, NO_FILE, WARNING))).splitlines() == [
        "::error title=CPK101 unknown-key,file=a%2Cb%3Ac.yaml,line=1,col=2,endColumn=4::50%25 of%0A::error::x%0Ah",
        "::error title=CPK102 missing-key,file=a.yaml,line=1,col=2,endLine=3::m",
        "::error title=CPK001 file-not-found::b.yaml: there is no such file%0Aname another with --file",
        "::warning title=CPK313 system-masters,file=a.yaml,line=13,col=3,endColumn=9::member of system:masters",
    ]
    assert FORMATS["github"](VALID) == f"{VALID.praise}\n"


def test_sarif_is_what_code_scanning_reads() -> None:
    """SARIF 2.1.0: rules by index, regions in characters, URIs escaped."""
    odd = Diagnostic(code="CPK201", message="m", span=span(1, 2, 4, file="a b.yaml"))
    log = json.loads(FORMATS["sarif"](Findings(diagnostics=(NO_FILE, UNKNOWN_CA, odd, WARNING))))
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert (log["version"], driver["name"], driver["version"]) == ("2.1.0", "cluster-pki", __version__)
    assert run["columnKind"] == "unicodeCodePoints"
    assert [rule["id"] for rule in driver["rules"]] == ["CPK001", "CPK201", "CPK313"]
    assert [driver["rules"][result["ruleIndex"]]["id"] for result in run["results"]] == ["CPK001", "CPK201", "CPK201", "CPK313"]
    assert run["results"][1] == {
        "ruleId": "CPK201",
        "ruleIndex": 1,
        "level": "error",
        "message": {"text": 'component "api" refers to unknown CA "kubernets" (did you mean "kubernetes"?)'},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "a.yaml"},
                    "region": {"startLine": 12, "startColumn": 9, "endLine": 12, "endColumn": 18},
                }
            }
        ],
    }
    assert run["results"][2]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a%20b.yaml"
    assert "locations" not in run["results"][0]
    assert run["results"][3]["level"] == "warning"

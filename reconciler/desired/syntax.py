"""What a YAML parser's complaint means to the person who wrote the line."""

from __future__ import annotations

import re
from typing import Final

import yaml

from reconciler.desired.diagnostics import Diagnostic
from reconciler.desired.text import place_problem, split_lines

#: What a parser raises: the pure one lets errors of `chr` out for an escape such as "\\UFFFFFFFF".
PARSER_ERRORS: Final = (yaml.YAMLError, ValueError, OverflowError)

#: Hints by the parser's words and by the line from the place on; the first that fits is given.
_HINTS: Final = tuple(
    (words, re.compile(pattern), hint)
    for words, pattern, hint in (
        ("cannot start any token", r"\t", "indent with spaces, not tabs"),
        ("cannot start any token", r"[@`%]", "quote a text that begins with @, ` or %"),
        ("expected node content", r":", 'quote an IPv6 address inside brackets: ["::1"]'),
        ("unexpected ':'", r"", 'quote an IPv6 address inside brackets: ["fe80::"]'),
        ("alphabetic or numeric character", r"", 'quote a text that begins with * or &: "*.example.com"'),
        ("mapping values are not allowed", r"", "check the indentation, or quote a text that holds `: `"),
        ("expected key", r"[^\s:]+$", "check the indentation; a text that begins with { needs quotes"),
        ("expected key", r"", "check the indentation of this line and the one above"),
        ("could not find expected ':'", r"", "a key needs a colon and a space after it"),
        ("did not find expected ',' or", r"", "a comma or closing bracket is missing before this"),
        ("unexpected end of stream", r"", "a quote is not closed"),
        ("found unknown escape character", r"", "use single quotes where a backslash stands for itself"),
        ("found incompatible YAML document", r"", "remove the line that begins with %"),
    )
)


def syntax_error(error: Exception, text: str, file: str) -> Diagnostic:
    """A diagnostic at the place where the parser gave up."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:
        return place_problem(file, (1, 1), "CPK005", f"the YAML cannot be parsed: {error}", "")
    message = getattr(error, "problem", None) or "the YAML cannot be parsed"
    rest = split_lines(text)[mark.line][mark.column :] if mark.line < len(split_lines(text)) else ""
    hint = next((hint for words, line, hint in _HINTS if words in message and line.match(rest)), "")
    begin = getattr(error, "context_mark", None)
    if begin is not None and begin.line != mark.line:
        message += f" ({getattr(error, 'context', None)} that begins on line {begin.line + 1})"
    return place_problem(file, (mark.line + 1, mark.column + 1), "CPK005", message, hint)

"""Bytes to text: UTF-8, nothing invisible that could make a file read differently from how it looks."""

from __future__ import annotations

import re
from typing import Final

from reconciler.desired.diagnostics import Diagnostic, Span
from reconciler.desired.scalars import named

MAX_REPORTED: Final = 20
"""Forbidden characters that are reported one by one."""

#: What libyaml refuses, what it takes for a line break although editors do not (U+0085, U+2028, U+2029), and what
#: reverses the order in which a reviewer sees the text, comments included (CVE-2021-42574).
_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufffe\uffff]")
_OTHER_ENCODINGS: Final = (
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\xfe\xff", "UTF-16"),
    (b"\xff\xfe", "UTF-16"),
)
_LINE_BREAK: Final = re.compile(r"\r\n|\r|\n")


def decode(data: bytes, file: str) -> tuple[str, tuple[Diagnostic, ...]]:
    """The text of a file; with problems it must not be parsed.

    Args:
        data: the file's bytes; a UTF-8 byte order mark is dropped.
        file: its name in messages.
    """
    for mark, encoding in _OTHER_ENCODINGS:
        if data.startswith(mark):
            return "", (place_problem(file, (1, 1), "CPK004", f"the file is {encoding}, not UTF-8", "save it as UTF-8"),)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig", "replace")
        message = f"byte 0x{data[error.start]:02X} is not UTF-8"
        return "", (place_problem(file, _position(before), "CPK004", message, "save the file as UTF-8"),)
    problems = [
        place_problem(
            file,
            _position(text[: match.start()]),
            "CPK012",
            f"the file holds {named(match[0])}",
            "remove it; where a name needs it, the name is wrong",
        )
        for match, _ in zip(_FORBIDDEN.finditer(text), range(MAX_REPORTED), strict=False)
    ]
    return text, tuple(problems)


def split_lines(text: str) -> list[str]:
    """The lines as YAML counts them: not `str.splitlines`, which breaks at form feeds and U+2028 too."""
    return _LINE_BREAK.split(text)


def place_problem(file: str, position: tuple[int, int], code: str, message: str, hint: str) -> Diagnostic:
    """A diagnostic about one character, by line and column from 1."""
    line, column = position
    span = Span(file=file, line=line, column=column, end_line=line, end_column=column + 1)
    return Diagnostic(code=code, message=message, hint=hint, span=span)


def _position(before: str) -> tuple[int, int]:
    """Line and column after a text, as libyaml counts lines."""
    lines = split_lines(before)
    return len(lines), len(lines[-1]) + 1

"""A user's mistakes as values: collected, sorted, and carried out by one exception."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Protocol

import msgspec

#: A place in the document: mapping keys and list indexes from the root, such as ``("components", "api", "sans", "dns", 0)``.
Path = tuple[str | int, ...]


class Severity(StrEnum):
    """How bad a diagnostic is."""

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"
    """Of what is found about a cluster's health; no mistake of a desired state."""


class Span(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A range of one file. Lines and columns count from 1, columns in characters; the end is exclusive."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int


class Diagnostic(msgspec.Struct, frozen=True, kw_only=True):
    """One mistake: a stable code, what is wrong, where, and the way out."""

    code: str
    """``CPK`` and three digits; each has a page under docs/rules/."""
    message: str
    severity: Severity = Severity.ERROR
    span: Span | None = None
    hint: str = ""
    """What to do about it: one sentence, no full stop, such as ``did you mean "kubernetes"?``"""
    address: str = ""
    """The address it is about, where there is one."""


class Text(Protocol):
    """The files that spans point into, for code frames."""

    def line(self, file: str, number: int) -> str | None:
        """A line of a file, counted from 1; None when it is not there."""
        ...


class InvalidDesiredStateError(Exception):
    """The desired state cannot be used; carries every diagnostic that was found."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...], loaded: Text | None = None) -> None:
        super().__init__(f"{len(diagnostics)} diagnostics")
        self.diagnostics: Final = diagnostics
        self.loaded: Final = loaded
        """What was read, to show the lines that the diagnostics are about."""


def in_order(diagnostics: list[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Sorts by file, line, column, code and message, and drops repeats; those without a place come first."""
    unique = dict.fromkeys(diagnostics)
    nowhere = Span(file="", line=0, column=0, end_line=0, end_column=0)
    return tuple(sorted(unique, key=lambda d: (d.span or nowhere, d.code, d.message)))

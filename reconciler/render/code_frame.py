"""A line of source with the place of a mistake underlined."""

from __future__ import annotations

import unicodedata

from reconciler.desired.diagnostics import Span
from reconciler.render.colour import Palette
from reconciler.render.escape import visible

WIDTH = 100
"""Columns of source that are shown; of a longer line, those around the place."""
LEAD = 30
"""Columns before the place when a line is cut."""


def code_frame(span: Span, line: str, note: str, palette: Palette) -> list[str]:
    """The lines of a frame: an empty one, the source, and the carets with a note.

    Args:
        span: the place; of one that goes on over several lines, the first is underlined.
        line: the source line at its start.
        note: what to say beside the carets.
        palette: colours.
    """
    begin = min(span.column - 1, len(line))
    end = span.end_column - 1 if span.end_line == span.line else len(line.rstrip())
    cut_before = max(0, begin - LEAD) if len(line) > WIDTH else 0
    cut_after = min(len(line), cut_before + WIDTH)
    before, marked, after = line[cut_before:begin], line[begin : min(end, cut_after)], line[max(end, begin) : cut_after]
    start, stop = "…" if cut_before else "", "…" if cut_after < len(line) else ""
    source = f"{start}{_shown(before)}{_shown(marked)}{_shown(after)}{stop}".rstrip()
    indent = " " * _width(start + _shown(before))
    carets = "^" * max(1, _width(_shown(marked)))
    number = str(span.line)
    gutter = " " * len(number)
    bar = palette.cyan("|")
    underline = palette.red(f"{carets} {note}".rstrip())
    return [f"{gutter} {bar}", f"{palette.cyan(number)} {bar} {source}", f"{gutter} {bar} {indent}{underline}"]


def _shown(text: str) -> str:
    """A tab as one space, because the carets below must stand where the reader's eye is."""
    return visible(text.replace("\t", " "))


def _width(text: str) -> int:
    """Terminal columns: wide characters take two, combining ones none (Unicode Standard Annex 11)."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)

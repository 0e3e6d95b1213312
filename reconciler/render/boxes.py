"""Warnings and errors of a plan in Terraform's box, which reads well without colour."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

from reconciler.plan.document import DiagnosticEntry
from reconciler.render.colour import Palette
from reconciler.render.escape import visible

_WIDTH: Final = 96
#: Addresses of a tripped guard that are listed by name.
_MOST_ADDRESSES: Final = 20


def box(entry: DiagnosticEntry, colour: Palette) -> str:
    """One diagnostic, several lines, no newline at the end.

    ``Error: `` and ``Warning: `` right after the bar are what tfcmt recognizes a problem by.
    """
    paint = colour.red if entry.severity == "error" else colour.yellow
    bar = paint("│")
    title = f"{paint(colour.bold(entry.severity.capitalize() + ': '))}{colour.bold(visible(entry.summary))}"
    body = [f"{bar} {line}" if line else bar for line in _body(entry)]
    return "\n".join([paint("╷"), f"{bar} {title}", *body, paint("╵")])


def boxes(entries: Sequence[DiagnosticEntry], colour: Palette) -> Iterator[str]:
    """All diagnostics, warnings first: errors end the text, where they are seen and where tfcmt cuts."""
    for severity in ("warning", "error"):
        yield from (box(entry, colour) for entry in entries if entry.severity == severity)


def _body(entry: DiagnosticEntry) -> Iterator[str]:
    if entry.address:
        yield f"  with {visible(entry.address)},"
    if entry.detail:
        yield ""
        for paragraph in entry.detail.splitlines():
            yield from textwrap.wrap(visible(paragraph), _WIDTH, break_long_words=False, break_on_hyphens=False) or [""]
    if entry.held_back:
        yield ""
        yield "Held back:"
        yield from (f"  - {visible(address)}" for address in entry.held_back[:_MOST_ADDRESSES])
        if len(entry.held_back) > _MOST_ADDRESSES:
            yield f"  and {len(entry.held_back) - _MOST_ADDRESSES} more"
    if entry.code:
        yield ""
        yield f"Code: {visible(entry.code)}"

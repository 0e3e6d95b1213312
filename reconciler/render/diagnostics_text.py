"""Diagnostics for people: one paragraph each, with the line that is wrong."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.desired.diagnostics import Diagnostic, Severity, Text
from reconciler.render.code_frame import code_frame
from reconciler.render.colour import PLAIN, Palette
from reconciler.render.escape import visible
from reconciler.render.findings import Findings

SHOWN = 50
"""More than that nobody reads; the number of the rest is said."""


def render_findings(findings: Findings, palette: Palette = PLAIN) -> str:
    """All diagnostics and a last line that says how it went."""
    counts = [
        f"{number} {word}{'' if number == 1 else 's'}"
        for number, word in ((findings.errors, "error"), (findings.warnings, "warning"))
        if number
    ]
    found = " and ".join(counts)
    if findings.valid:
        last = f"{palette.green('Success!')} {findings.praise}" + (f" ({found})" if found else "")
    else:
        last = palette.bold(f"Found {found}.")
    return f"{_render(findings.diagnostics, findings.text, palette)}{last}\n"


def render_diagnostics(diagnostics: Sequence[Diagnostic], text: Text | None, *, color: bool) -> str:
    """Diagnostics alone, an empty line after each; nothing when there are none.

    Args:
        diagnostics: in the order in which they are shown; when there are too many, errors go first.
        text: the files that they point into.
        color: whether to colour.
    """
    return _render(diagnostics, text, Palette(enabled=color))


def _render(diagnostics: Sequence[Diagnostic], text: Text | None, palette: Palette) -> str:
    chosen = diagnostics
    if len(diagnostics) > SHOWN:
        chosen = sorted(diagnostics, key=lambda diagnostic: diagnostic.severity is not Severity.ERROR)[:SHOWN]
    paragraphs = [_paragraph(diagnostic, text, palette) for diagnostic in chosen]
    if len(diagnostics) > SHOWN:
        paragraphs.append(f"… and {len(diagnostics) - SHOWN} more\n")
    return "".join(f"{paragraph}\n" for paragraph in paragraphs)


def _paragraph(diagnostic: Diagnostic, text: Text | None, palette: Palette) -> str:
    paint = palette.red if diagnostic.severity is Severity.ERROR else palette.yellow
    head = palette.bold(f"{paint(f'{diagnostic.severity}[{diagnostic.code}]')}: {visible(diagnostic.message)}")
    lines = [head]
    span = diagnostic.span
    hint = visible(diagnostic.hint)
    margin = " " * (len(str(span.line)) + 1 if span else 2)
    if span:
        about = f" ({visible(diagnostic.address)})" if diagnostic.address else ""
        lines.append(f"{margin[1:]}{palette.cyan('-->')} {visible(span.file)}:{span.line}:{span.column}{about}")
        line = text.line(span.file, span.line) if text else None
        if line is not None:
            lines += code_frame(span, line, hint, palette)
            hint = ""
    if hint:
        lines.append(f"{margin}{palette.cyan('=')} hint: {hint}")
    lines.append(f"{margin}{palette.cyan('=')} help: cluster-pki rule {diagnostic.code}")
    return "\n".join(lines) + "\n"

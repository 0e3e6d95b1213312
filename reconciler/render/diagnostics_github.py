"""Diagnostics as annotations of a pull request: GitHub workflow commands."""

from __future__ import annotations

from reconciler.desired.diagnostics import Diagnostic, Severity
from reconciler.desired.rules import RULES
from reconciler.render.findings import Findings
from reconciler.render.workflow import Level, workflow_command


def render_findings(findings: Findings) -> str:
    """One command a diagnostic; a line in words when there is none."""
    lines = [_command(diagnostic) for diagnostic in findings.diagnostics]
    if findings.valid:
        lines.append(findings.praise)
    return "".join(f"{line}\n" for line in lines)


def _command(diagnostic: Diagnostic) -> str:
    message = diagnostic.message + (f"\n{diagnostic.hint}" if diagnostic.hint else "")
    place: dict[str, str | int] = {}
    if span := diagnostic.span:
        place = {"file": span.file, "line": span.line, "col": span.column}
        place |= {"endLine": span.end_line} if span.end_line != span.line else {"endColumn": span.end_column}
    title = f"{diagnostic.code} {RULES[diagnostic.code].name}"
    level: Level = "error" if diagnostic.severity is Severity.ERROR else "warning"
    return workflow_command(level, title=title, message=message, place=place)

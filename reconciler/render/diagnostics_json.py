"""Diagnostics for programs, in the form of ``terraform validate -json``."""

from __future__ import annotations

import json

from reconciler.desired.diagnostics import Diagnostic, Text
from reconciler.desired.rules import RULES
from reconciler.render.findings import Findings

FORMAT_VERSION = "1.0"


def render_findings(findings: Findings) -> str:
    """One JSON object; every diagnostic is in it, whatever their number."""
    document = {
        "format_version": FORMAT_VERSION,
        "valid": findings.valid,
        "error_count": findings.errors,
        "warning_count": findings.warnings,
        "diagnostics": [_entry(diagnostic, findings.text) for diagnostic in findings.diagnostics],
    }
    return json.dumps(document, indent=2, ensure_ascii=False).encode("utf-8", "backslashreplace").decode() + "\n"


def _entry(diagnostic: Diagnostic, text: Text | None) -> dict[str, object]:
    entry: dict[str, object] = {
        "severity": str(diagnostic.severity),
        "code": diagnostic.code,
        "name": RULES[diagnostic.code].name,
        "summary": diagnostic.message,
        "hint": diagnostic.hint,
    }
    if diagnostic.address:
        entry["address"] = diagnostic.address
    if span := diagnostic.span:
        entry["range"] = {
            "filename": span.file,
            "start": {"line": span.line, "column": span.column},
            "end": {"line": span.end_line, "column": span.end_column},
        }
        line = text.line(span.file, span.line) if text else None
        if line is not None:
            entry["snippet"] = {"code": line, "start_line": span.line}
    return entry

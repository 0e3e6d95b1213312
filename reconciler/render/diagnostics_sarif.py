"""Diagnostics as SARIF 2.1.0 (OASIS), for code-scanning pages."""

from __future__ import annotations

import json
from urllib.parse import quote

from reconciler import __version__
from reconciler.desired.diagnostics import Diagnostic
from reconciler.desired.rules import RULES, Rule
from reconciler.render.findings import Findings

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def render_findings(findings: Findings) -> str:
    """One SARIF log with one run; its rules are those that have results."""
    used = sorted({diagnostic.code for diagnostic in findings.diagnostics})
    driver = {"name": "cluster-pki", "version": __version__, "rules": [_rule(RULES[code]) for code in used]}
    run = {
        "tool": {"driver": driver},
        # Section 3.14.17: our columns count characters, not UTF-16 units.
        "columnKind": "unicodeCodePoints",
        "results": [_result(diagnostic, used.index(diagnostic.code)) for diagnostic in findings.diagnostics],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def rule_entry(rule: Rule) -> dict[str, object]:
    """What a log says of a rule, whatever its results are like."""
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": rule.summary},
        "help": {"text": f"Run `cluster-pki rule {rule.code}`."},
    }


def _rule(rule: Rule) -> dict[str, object]:
    return rule_entry(rule) | {"defaultConfiguration": {"level": str(rule.severity)}}


def _result(diagnostic: Diagnostic, index: int) -> dict[str, object]:
    hint = f" ({diagnostic.hint})" if diagnostic.hint else ""
    result: dict[str, object] = {
        "ruleId": diagnostic.code,
        "ruleIndex": index,
        "level": str(diagnostic.severity),
        "message": {"text": f"{diagnostic.message}{hint}"},
    }
    if span := diagnostic.span:
        region = {
            "startLine": span.line,
            "startColumn": span.column,
            "endLine": span.end_line,
            "endColumn": span.end_column,
        }
        artifact = {"uri": quote(span.file, errors="surrogateescape")}
        result["locations"] = [{"physicalLocation": {"artifactLocation": artifact, "region": region}}]
    return result

"""The findings of a discovery as SARIF 2.1.0 (OASIS), for code-scanning pages."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Final
from urllib.parse import quote

from reconciler import __version__
from reconciler.desired.rules import RULES
from reconciler.health.document import DiscoveryDocument, FindingEntry
from reconciler.health.model import Severity
from reconciler.render.diagnostics_sarif import SCHEMA, rule_entry
from reconciler.render.discover_findings import Spot, spots
from reconciler.render.discover_words import breaks

#: Section 3.27.10.
_LEVELS: Final[dict[Severity, str]] = {"error": "error", "warning": "warning", "notice": "note"}


def render_discovery_sarif(document: DiscoveryDocument, *, now: datetime, color: bool = False) -> str:
    """One SARIF log with one run; a result for each node of each finding, and the rules that have results.

    Args:
        document: the discovery.
        now: without meaning here: the document has its own time.
        color: without meaning here.
    """
    del now, color  # Every renderer is called alike.
    used = sorted({finding.code for finding in document.findings})
    results = [
        _result(finding, spot, index=used.index(finding.code), now=document.at)
        for finding in document.findings
        for spot in spots(finding, document)
    ]
    driver = {"name": "cluster-pki", "version": __version__, "rules": [rule_entry(RULES[code]) for code in used]}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _result(finding: FindingEntry, spot: Spot, *, index: int, now: datetime) -> dict[str, object]:
    sentences = (finding.message, f"Breaks: {breaks(finding, now=now)}", f"Mend: {finding.mend}")
    return {
        "ruleId": finding.code,
        "ruleIndex": index,
        "level": _LEVELS[finding.severity],
        "message": {"text": " ".join(f"{sentence}." for sentence in sentences)},
        "locations": [_location(finding, spot)],
        # The same finding of tomorrow is no new alert (section 3.27.17): what changes every day is not in it.
        "partialFingerprints": {"cluster-pki/v1": _identity(finding, spot)},
    }


def _location(finding: FindingEntry, spot: Spot) -> dict[str, object]:
    """Code-scanning pages show nothing without a file: where the checkout has none, it is called by node and path."""
    uri = spot.file or "/".join(part.strip("/") for part in (spot.node or "cluster", spot.path) if part)
    name = ":".join(part for part in (spot.node, finding.path) if part) or "cluster"
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(uri, errors="surrogateescape")},
            "region": {"startLine": 1},
        },
        "logicalLocations": [{"fullyQualifiedName": name, "kind": "resource"}],
    }


def _identity(finding: FindingEntry, spot: Spot) -> str:
    parts = (finding.code, spot.node, finding.path, finding.setting)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()

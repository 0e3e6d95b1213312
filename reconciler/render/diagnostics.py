"""The formats of ``validate``: one file each, listed here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from reconciler.render import diagnostics_github, diagnostics_json, diagnostics_sarif, diagnostics_text
from reconciler.render.findings import Findings

#: Formats by name; the first is the default. Text alone can be coloured and is rendered with a palette where wanted.
FORMATS: Final[Mapping[str, Callable[[Findings], str]]] = {
    "text": diagnostics_text.render_findings,
    "json": diagnostics_json.render_findings,
    "github": diagnostics_github.render_findings,
    "sarif": diagnostics_sarif.render_findings,
}

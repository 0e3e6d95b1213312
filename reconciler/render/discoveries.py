"""The formats of a discovery."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Protocol

from reconciler.health.document import DiscoveryDocument
from reconciler.render.discover_csv import render_discovery_csv
from reconciler.render.discover_excel import render_discovery_excel
from reconciler.render.discover_github import render_discovery_github
from reconciler.render.discover_html import render_discovery_html
from reconciler.render.discover_sarif import render_discovery_sarif
from reconciler.render.discover_table import render_discovery_table
from reconciler.render.json_text import render_json


class DiscoveryRenderer(Protocol):
    """A format: the whole discovery as a string that ends with a newline."""

    def __call__(self, document: DiscoveryDocument, *, now: datetime, color: bool = False) -> str:
        """Renders.

        Args:
            document: the discovery.
            now: the time at which it is shown; aware.
            color: whether escape codes may be used.
        """
        ...


def render_discovery_json(document: DiscoveryDocument, *, now: datetime, color: bool = False) -> str:
    """The document itself, on one line."""
    del now, color  # Every renderer is called alike.
    return render_json(document)


#: By the word of ``--format``.
RENDERERS: Final[Mapping[str, DiscoveryRenderer]] = {
    "table": render_discovery_table,
    "text": render_discovery_table,
    "csv": render_discovery_csv,
    "excel": render_discovery_excel,
    "json": render_discovery_json,
    "html": render_discovery_html,
    "github": render_discovery_github,
    "sarif": render_discovery_sarif,
}

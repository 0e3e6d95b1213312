"""The formats of the certificate spreadsheet."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Protocol

from reconciler.plan.status_document import StatusDocument
from reconciler.render.csv_text import render_csv
from reconciler.render.durations import instant
from reconciler.render.inventory_html import render_inventory_html
from reconciler.render.inventory_rows import inventory_of
from reconciler.render.json_text import render_json


class InventoryRenderer(Protocol):
    """A format: the whole spreadsheet as a string that ends with a newline."""

    def __call__(self, document: StatusDocument, *, now: datetime) -> str:
        """Renders.

        Args:
            document: the status that the rows come from.
            now: the time; aware.
        """
        ...


def render_inventory_csv(document: StatusDocument, *, now: datetime) -> str:
    """One row a certificate."""
    del now  # The document has its own time.
    header = (
        "path", "component", "node", "subject", "sans", "organization", "issuer", "key", "serial", "expiry", "days_left",
        "renew_at", "state",
    )  # fmt: skip
    rows = (
        (
            row.path, row.component, row.node, row.subject, row.sans, row.organizations, row.issuer, row.key, row.serial,
            instant(row.expiry) if row.expiry else None, row.days_left, instant(row.renew_at) if row.renew_at else None,
            row.state,
        )
        for row in inventory_of(document).certificates
    )  # fmt: skip
    return render_csv(header, rows)


def render_inventory_json(document: StatusDocument, *, now: datetime) -> str:
    """``{"cluster", "at", "certificates": […]}`` on one line."""
    del now  # The document has its own time.
    return render_json(inventory_of(document))


#: By the word of ``--format``.
RENDERERS: Final[Mapping[str, InventoryRenderer]] = {
    "csv": render_inventory_csv,
    "json": render_inventory_json,
    "html": render_inventory_html,
}

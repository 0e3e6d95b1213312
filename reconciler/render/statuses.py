"""The formats of the status."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Protocol

from reconciler.plan.status_document import StatusDocument
from reconciler.render.csv_text import render_csv
from reconciler.render.durations import instant
from reconciler.render.json_text import render_json
from reconciler.render.status_html import render_status_html
from reconciler.render.status_table import render_table


class StatusRenderer(Protocol):
    """A format: the whole status as a string that ends with a newline."""

    def __call__(self, document: StatusDocument, *, now: datetime, color: bool = False) -> str:
        """Renders.

        Args:
            document: the status.
            now: the time; aware.
            color: whether escape codes may be used.
        """
        ...


def render_status_json(document: StatusDocument, *, now: datetime, color: bool = False) -> str:
    """The document itself, on one line."""
    del now, color  # Every renderer is called alike.
    return render_json(document)


def render_status_csv(document: StatusDocument, *, now: datetime, color: bool = False) -> str:
    """One row an address, every scalar of the document a column."""
    del now, color  # Every renderer is called alike.
    header = (
        "address", "type", "node", "sync", "health", "reasons", "subject", "sans", "serial", "issuer", "ski",
        "not_before", "not_after", "renew_at", "days_left", "generation", "certificate", "key", "bundle", "kubeconfig",
        "number", "revoked", "crl_pem", "crl_der",
    )  # fmt: skip
    rows = (
        (
            row.address, row.type, row.node, row.sync, row.health, row.reasons, row.subject, row.sans, row.serial, row.issuer,
            row.ski, _moment(row.not_before), _moment(row.not_after), _moment(row.renew_at), row.days_left, row.generation,
            row.paths.certificate, row.paths.key, row.paths.bundle, row.paths.kubeconfig,
            row.number, row.revoked, row.paths.crl_pem, row.paths.crl_der,
        )
        for row in document.resources
    )  # fmt: skip
    return render_csv(header, rows)


def _moment(moment: datetime | None) -> str | None:
    return instant(moment) if moment else None


#: By the word of ``--format``.
RENDERERS: Final[Mapping[str, StatusRenderer]] = {
    "table": render_table,
    "json": render_status_json,
    "csv": render_status_csv,
    "html": render_status_html,
}

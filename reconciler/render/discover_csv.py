"""The inventory of a discovery as comma-separated values for programs: a row a certificate, and a file that holds none."""

from __future__ import annotations

from datetime import datetime

from reconciler.health.document import DiscoveryDocument
from reconciler.render.csv_text import render_csv
from reconciler.render.discover_words import users
from reconciler.render.durations import instant


def render_discovery_csv(document: DiscoveryDocument, *, now: datetime, color: bool = False) -> str:
    """Every scalar of the inventory a column.

    Args:
        document: the discovery.
        now: without meaning here: the document has its own time.
        color: without meaning here.
    """
    del now, color  # Every renderer is called alike.
    header = (
        "node", "path", "within", "position", "kind", "state", "used_by", "subject", "sans", "organizations", "usages", "issuer",
        "key", "serial", "not_before", "not_after", "days_left", "mode", "uid", "gid", "key_path", "link", "server", "severity",
        "findings", "fingerprint", "spki_sha256", "problem",
    )  # fmt: skip
    rows = (
        (
            row.node, row.path, row.within, row.position, row.kind, row.state, users(row), row.subject, row.sans,
            row.organizations, row.usages, row.issuer, row.key, row.serial, _moment(row.not_before), _moment(row.not_after),
            row.days_left, row.mode, row.uid, row.gid, row.key_path, row.link, row.server, row.severity, row.findings,
            row.fingerprint, row.spki_sha256, row.problem,
        )
        for row in document.inventory
    )  # fmt: skip
    return render_csv(header, rows)


def _moment(moment: datetime | None) -> str | None:
    return instant(moment) if moment else None

"""The inventory of a discovery for people with a spreadsheet: a double click opens it, and nothing in it becomes something else.

- A byte order mark, because Excel takes UTF-8 for a code page without one; semicolons, because that is what it separates by
  wherever a comma is in numbers. Elsewhere ``csv`` opens as well.
- Dates as Excel knows them in every language (``2027-11-23 12:00:00``, UTC), so that they sort and can be reckoned with.
- What has digits and is no number says so in its first characters: ``0x1e5`` is not 100000, ``0644 rw-r--r--`` keeps its zero.
- No cell is a formula (`csv_text`).
"""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from reconciler.health.document import DiscoveryDocument, FindingEntry, InventoryEntry
from reconciler.render.csv_text import Cell, render_csv
from reconciler.render.discover_findings import about, by_path, homeless
from reconciler.render.discover_words import users

_MARK: Final = "\ufeff"
_HEADER: Final = (
    "Node", "Path", "Used by", "Subject", "Names", "Organisation", "Issuer", "Key", "Expires (UTC)", "Days left", "Mode", "State",
    "Severity", "Findings", "What is wrong", "How to mend it", "Usages", "Serial", "Kind", "Within", "Key file",
)  # fmt: skip


def render_discovery_excel(document: DiscoveryDocument, *, now: datetime, color: bool = False) -> str:
    """A row a certificate and a file that holds none, with what is wrong about it; last what no file stands for.

    Args:
        document: the discovery.
        now: without meaning here: the document has its own time.
        color: without meaning here.
    """
    del now, color  # Every renderer is called alike.
    return _MARK + render_csv(_HEADER, _rows(document), delimiter=";")


def _rows(document: DiscoveryDocument) -> Iterator[Sequence[Cell]]:
    found = by_path(document.findings)
    for row in document.inventory:
        yield _row(row, about(row, found))
    for finding in homeless(document):
        empty = InventoryEntry(node=", ".join(finding.nodes), path=finding.path, kind="missing", severity=finding.severity)
        *cells, _, _, _ = _row(empty, [finding])
        yield (*cells, "finding", "", "")


def _row(row: InventoryEntry, findings: Sequence[FindingEntry]) -> Sequence[Cell]:
    return (
        row.node, row.path, users(row), row.subject, row.sans, row.organizations, row.issuer, row.key, _date(row.not_after),
        row.days_left, _mode(row.mode), row.state, row.severity, sorted({each.code for each in findings}),
        [each.message for each in findings], [each.mend for each in findings], row.usages,
        f"0x{row.serial}" if row.serial else "", row.kind, row.within, row.key_path,
    )  # fmt: skip


def _date(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if moment else ""


def _mode(mode: str | None) -> str:
    return f"{mode} {stat.filemode(int(mode, 8))[1:]}" if mode else ""

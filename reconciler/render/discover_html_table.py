"""The inventory on the page of a discovery: one table of everything, to sort and filter."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import Final

from reconciler.health.document import DiscoveryDocument, InventoryEntry
from reconciler.render.discover_words import fuller_subject, issuer, left, name_of, users
from reconciler.render.durations import instant
from reconciler.render.page_style import text

#: Heading and class of each column.
_COLUMNS: Final = (
    ("Node", "mono"), ("Path", "mono path"), ("Used by", "used"), ("Subject", "subject"), ("Organisation", ""),
    ("Names", "mono names"), ("Issuer", "issuer"), ("Key", "mono key"), ("Expires", "expires"), ("Mode", "mono mode"),
    ("State", "state"),
)  # fmt: skip
#: After everything that has an end.
_NEVER: Final = "9999"


def inventory(document: DiscoveryDocument) -> str:
    """The table as HTML, with its filter; empty when there is nothing in it."""
    if not document.inventory:
        return ""
    heads = "".join(f'<th scope="col"><button type="button">{label}</button></th>' for label, _ in _COLUMNS)
    body = "\n".join(_row(row, document.at) for row in document.inventory)
    return f"""<label>Show only rows with <input id="filter" type="search" autocomplete="off"></label>
<table id="all">
<thead><tr>{heads}</tr></thead>
<tbody>
{body}
</tbody>
</table>"""


def _row(row: InventoryEntry, now: datetime) -> str:
    path = row.path + (f" [{row.position}]" if row.position > 1 else "")
    end = instant(row.not_after) if row.not_after else ""
    dates = "bad" if row.state in ("expired", "missing", "unusable") else "watch" if row.state == "expiring" else ""
    judged = "bad" if row.severity == "error" else dates or ("watch" if row.severity == "warning" else "")
    cells = (
        _cell(0, [row.node]),
        _cell(1, [path, row.within]),
        _cell(2, users(row)),
        _cell(3, [name_of(row), fuller_subject(row), row.problem]),
        _cell(4, row.organizations),
        _cell(5, row.sans),
        _cell(6, [issuer(row)]),
        _cell(7, [row.key or ""]),
        _cell(8, [end[:10], left(row.not_after, now=now) if row.not_after else ""], sort=end or _NEVER, alarm=dates),
        _cell(9, [row.mode or ""]),
        _cell(10, [row.state or "", *row.findings], alarm=judged),
    )
    return f"<tr>{''.join(cells)}</tr>"


def _cell(column: int, values: Sequence[str], *, sort: str = "", alarm: str = "") -> str:
    label, name = _COLUMNS[column]
    shown = [f"<div>{text(value)}</div>" for value in values if value]
    classes = " ".join(part for part in (name, alarm, "" if shown else "empty") if part)
    order = f' data-sort="{escape(sort)}"' if sort else ""
    return f'<td class="{classes}" data-label="{label}"{order}><div>{"".join(shown)}</div></td>'

"""The certificate spreadsheet as one page that needs nothing else: to mail, to print, to open on a phone.

The page asks no other place for anything, and its Content-Security-Policy says so; one script sorts and filters.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import Final

from reconciler.plan.status_document import StatusDocument
from reconciler.render.durations import instant
from reconciler.render.inventory_rows import InventoryRow, inventory_of
from reconciler.render.page_style import BASE_STYLE, CARDS, page, text
from reconciler.render.sortable import SORTABLE
from reconciler.render.states import sums

#: Heading and class of each column.
_COLUMNS: Final = (
    ("Component", "component"), ("State", "state"), ("Days left", "days"), ("Expiry", "expiry"), ("Subject", "subject"),
    ("Organisation", "organisation"), ("Names", "names"), ("Issuer", "issuer"), ("Key", "key"), ("Path", "path"),
)  # fmt: skip

_STYLE: Final = f"""{BASE_STYLE}
th {{ position: sticky; top: 0; background: var(--head); white-space: nowrap; }}
th button {{ font: inherit; font-weight: 600; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; }}
th[aria-sort=ascending] button::after {{ content: " \\2191"; }}
th[aria-sort=descending] button::after {{ content: " \\2193"; }}
td {{ overflow-wrap: break-word; }}
td.component, td.path, td.names, td.issuer, td.key {{ font: 12.5px/1.6 ui-monospace, monospace; }}
td.component, td.expiry, td.key {{ white-space: nowrap; }}
td.path, td.names {{ overflow-wrap: anywhere; min-width: 11rem; }}
td.subject {{ min-width: 9rem; }}
th.days, td.days {{ text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }}
@media (max-width: 90rem) {{
  body {{ padding: 1rem; }}{CARDS}
  td.component, td.key {{ white-space: normal; overflow-wrap: anywhere; }}
  td.path, td.names, td.subject {{ min-width: 0; }}
}}
@media print {{ label {{ display: none; }} th {{ position: static; }} }}
"""

_SCRIPT: Final = f"""{SORTABLE}
sortable(document.querySelector("table"), document.querySelector("input"));
"""


def render_inventory_html(document: StatusDocument, *, now: datetime) -> str:
    """One self-contained page, readable without its script.

    Args:
        document: the status that the rows come from.
        now: without meaning here: the document has its own time.
    """
    del now
    table = inventory_of(document)
    heads = "".join(f'<th class="{name}" scope="col"><button type="button">{label}</button></th>' for label, name in _COLUMNS)
    rows = "\n".join(_row(row) for row in table.certificates)
    title = f"Certificates of {table.cluster}"
    body = f"""<h1>{text(title)}</h1>
<p>{escape(sums(document))} As of {instant(table.at)}.</p>
<label>Show only rows with <input type="search" autocomplete="off"></label>
<table>
<thead><tr>{heads}</tr></thead>
<tbody>
{rows}
</tbody>
</table>"""
    return page(title=title, style=_STYLE, script=_SCRIPT, body=body)


def _row(row: InventoryRow) -> str:
    expiry = instant(row.expiry) if row.expiry else ""
    # Sorts by number with what has none at the end; a leading minus would be taken for a hyphen.
    days = "" if row.days_left is None else str(row.days_left)
    sort = str(10**6 + row.days_left) if row.days_left is not None else str(10**9)
    cells = (
        _cell(0, [row.component]),
        _cell(1, [row.state], style=row.alarm),
        _cell(2, [days], sort=sort),
        _cell(3, [expiry[:10]], sort=expiry or "9999"),
        _cell(4, [row.subject or ""]),
        _cell(5, row.organizations),
        _cell(6, row.sans),
        _cell(7, [row.issuer or ""]),
        _cell(8, [row.key or ""]),
        _cell(9, [row.path]),
    )
    return f"<tr>{''.join(cells)}</tr>"


def _cell(column: int, values: Sequence[str], *, style: str = "", sort: str = "") -> str:
    label, name = _COLUMNS[column]
    shown = [text(value) for value in values if value]
    classes = " ".join(part for part in (name, style, "" if shown else "empty") if part)
    order = f' data-sort="{escape(sort)}"' if sort else ""
    content = "".join(f"<div>{value}</div>" for value in shown) if len(shown) > 1 else "".join(shown)
    return f'<td class="{classes}" data-label="{label}"{order}><div>{content}</div></td>'

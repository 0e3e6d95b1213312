"""The certificate spreadsheet as one page that needs nothing else: to mail, to print, to open on a phone.

The page asks no other place for anything, and its Content-Security-Policy says so: styles stand inside, and the one script
that sorts and filters is allowed by its hash.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import Final

from reconciler.plan.status_document import StatusDocument
from reconciler.render.durations import instant
from reconciler.render.escape import visible
from reconciler.render.inventory_rows import InventoryRow, inventory_of
from reconciler.render.states import sums

#: Heading and class of each column.
_COLUMNS: Final = (
    ("Component", "component"), ("State", "state"), ("Days left", "days"), ("Expiry", "expiry"), ("Subject", "subject"),
    ("Organisation", "organisation"), ("Names", "names"), ("Issuer", "issuer"), ("Key", "key"), ("Path", "path"),
)  # fmt: skip

_STYLE: Final = """
:root { color-scheme: light dark; --ink: #1c2026; --dim: #5d6673; --page: #fff; --line: #dde1e7; --head: #f4f6f8;
  --good: #12703a; --watch: #8a5a00; --bad: #b3201c; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ee; --dim: #9aa4b2; --page: #14171c; --line: #2c323b; --head: #1c2128;
  --good: #5cc98a; --watch: #e3b341; --bad: #ff7b72; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem; max-width: 110rem; background: var(--page); color: var(--ink);
  font: 14px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.35rem; margin: 0 0 .25rem; overflow-wrap: anywhere; }
p { margin: 0 0 1rem; color: var(--dim); overflow-wrap: anywhere; }
label { display: block; margin-bottom: 1rem; color: var(--dim); }
input { font: inherit; color: inherit; background: var(--page); border: 1px solid var(--line); border-radius: .3rem;
  padding: .35rem .6rem; width: min(24rem, 100%); }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .4rem .5rem; border-bottom: 1px solid var(--line); }
th { position: sticky; top: 0; background: var(--head); white-space: nowrap; }
th button { font: inherit; font-weight: 600; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; }
th[aria-sort=ascending] button::after { content: " \\2191"; }
th[aria-sort=descending] button::after { content: " \\2193"; }
td { overflow-wrap: break-word; }
td.component, td.path, td.names, td.issuer, td.key { font: 12.5px/1.6 ui-monospace, monospace; }
td.component, td.expiry, td.key { white-space: nowrap; }
td.path, td.names { overflow-wrap: anywhere; min-width: 11rem; }
td.subject { min-width: 9rem; }
th.days, td.days { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.good { color: var(--good); } .watch { color: var(--watch); } .bad { color: var(--bad); font-weight: 600; }
@media (max-width: 90rem) {
  body { padding: 1rem; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  table, tbody, tr, td { display: block; }
  tr { border: 1px solid var(--line); border-radius: .5rem; padding: .4rem .8rem; margin-bottom: .8rem; }
  td, td.days { display: grid; grid-template-columns: 7rem 1fr; gap: .5rem; padding: .2rem 0; border: 0; text-align: left;
    min-width: 0; }
  td::before { content: attr(data-label); color: var(--dim); font: 13px/1.5 system-ui, sans-serif; }
  td.component, td.key { white-space: normal; overflow-wrap: anywhere; }
  td.path, td.names, td.subject { min-width: 0; }
  td.empty { display: none; }
  tr[hidden] { display: none; }
}
@media print { label { display: none; } th { position: static; } }
"""

_SCRIPT: Final = """
const table = document.querySelector("table"), body = table.tBodies[0];
const value = (row, column) => row.cells[column].dataset.sort ?? row.cells[column].textContent;
table.tHead.addEventListener("click", (event) => {
  const head = event.target.closest("th");
  if (!head) return;
  const order = head.ariaSort === "ascending" ? -1 : 1;
  for (const other of table.tHead.rows[0].cells) other.ariaSort = "none";
  head.ariaSort = order > 0 ? "ascending" : "descending";
  const rows = [...body.rows].sort((a, b) =>
    order * value(a, head.cellIndex).localeCompare(value(b, head.cellIndex), "en", { numeric: true }));
  body.append(...rows);
});
document.querySelector("input").addEventListener("input", (event) => {
  const wanted = event.target.value.toLowerCase();
  for (const row of body.rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
});
"""


def render_inventory_html(document: StatusDocument, *, now: datetime) -> str:
    """One self-contained page, readable without its script.

    Args:
        document: the status that the rows come from.
        now: without meaning here: the document has its own time.
    """
    del now
    table = inventory_of(document)
    cluster = escape(visible(table.cluster))
    digest = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    heads = "".join(f'<th class="{name}" scope="col"><button type="button">{label}</button></th>' for label, name in _COLUMNS)
    rows = "\n".join(_row(row) for row in table.certificates)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>Certificates of {cluster}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>Certificates of {cluster}</h1>
<p>{escape(sums(document))} As of {instant(table.at)}.</p>
<label>Show only rows with <input type="search" autocomplete="off"></label>
<table>
<thead><tr>{heads}</tr></thead>
<tbody>
{rows}
</tbody>
</table>
<script>{_SCRIPT}</script>
</body>
</html>
"""


def _row(row: InventoryRow) -> str:
    expiry = instant(row.expiry) if row.expiry else ""
    # Sorts by number with what has none at the end; a leading minus would be taken for a hyphen.
    days = "" if row.days_left is None else str(row.days_left)
    sort = str(10**6 + row.days_left) if row.days_left is not None else str(10**9)
    cells = (
        _cell(0, [row.component]),
        _cell(1, [row.state], style=row.alarm),
        _cell(2, [days], sort=sort),
        _cell(3, [expiry[:10]], sort=expiry or "9"),
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
    shown = [escape(visible(value)) for value in values if value]
    classes = " ".join(part for part in (name, style, "" if shown else "empty") if part)
    order = f' data-sort="{escape(sort)}"' if sort else ""
    content = "".join(f"<div>{value}</div>" for value in shown) if len(shown) > 1 else "".join(shown)
    return f'<td class="{classes}" data-label="{label}"{order}><div>{content}</div></td>'

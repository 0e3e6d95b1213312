"""A table that its reader sorts by a click on a heading and filters by a word; the page asks nobody for anything."""

from __future__ import annotations

from typing import Final

#: Defines ``sortable(table, filter)`` for a table with buttons in its headings. Cells sort by ``data-sort``, else by text.
SORTABLE: Final = """
const sortable = (table, filter) => {
  const body = table.tBodies[0];
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
  filter.addEventListener("input", (event) => {
    const wanted = event.target.value.toLowerCase();
    for (const row of body.rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
  });
};
"""

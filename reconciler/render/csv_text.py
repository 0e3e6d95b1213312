"""Comma-separated values (RFC 4180) that a spreadsheet opens as text, never as a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

from reconciler.render.escape import visible

Cell = str | int | None | Sequence[str]

#: What makes a spreadsheet compute a cell (OWASP, "CSV Injection"), full-width forms included.
_FORMULA_SIGNS: Final = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
#: Between the values of one cell.
_SEPARATOR: Final = "; "


def render_csv(header: Sequence[str], rows: Iterable[Sequence[Cell]], *, delimiter: str = ",") -> str:
    """A header and rows, lines ended by CRLF as RFC 4180 section 2 has it.

    Args:
        header: names of the columns.
        rows: the cells; a sequence of strings becomes one cell, separated by ``; ``, and None an empty one.
        delimiter: what stands between cells.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([_text(cell) for cell in row] for row in rows)
    return out.getvalue()


def _text(cell: Cell) -> str | int:
    if cell is None:
        return ""
    if isinstance(cell, int):
        return cell
    # Guarded before they are joined: a spreadsheet that splits at semicolons must not find a formula either.
    return _SEPARATOR.join(_guarded(part) for part in ([cell] if isinstance(cell, str) else cell))


def _guarded(text: str) -> str:
    shown = visible(text)
    return f"'{shown}" if shown.lstrip().startswith(_FORMULA_SIGNS) else shown

"""Text in columns of a table that is never wider than a screen: what is too long is cut, or goes on below."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

from reconciler.render.colour import Palette
from reconciler.render.escape import visible

#: What a screen of today, a log and a comment in a pull request show without wrapping.
WIDTH: Final = 120
_GAP: Final = "  "
_LABEL: Final = 14
#: A column is not cut below this.
_NARROWEST: Final = 12


def columns(rows: Sequence[Sequence[str]], *, width: int) -> list[str]:
    """Rows of cells as lines of equal columns; the widest columns give way where there is not enough room.

    Args:
        rows: cells, not yet escaped; equally many in each row.
        width: of a line.
    """
    shown = [[visible(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    room = width - len(_GAP) * (len(widths) - 1)
    while sum(widths) > room and max(widths) > _NARROWEST:
        widths[widths.index(max(widths))] -= 1
    return [_GAP.join(f"{cut(cell, size):<{size}}" for cell, size in zip(row, widths, strict=True)).rstrip() for row in shown]


def cut(text: str, width: int) -> str:
    """The text, or its beginning and an ellipsis."""
    return text if len(text) <= width else f"{text[: width - 1]}…"


def detail(label: str, values: Sequence[str], *, indent: int, palette: Palette) -> Iterator[str]:
    """A label and what belongs to it, separated by commas, over as many lines as it takes; nothing without values."""
    if not values:
        return
    margin = " " * (indent + _LABEL)
    for number, line in enumerate(_listed(values, width=WIDTH - len(margin))):
        yield f"{' ' * indent}{palette.dim(f'{label:<{_LABEL}}')}{line}" if number == 0 else f"{margin}{line}"


def _listed(values: Sequence[str], *, width: int) -> list[str]:
    """The values with commas between them, in lines that end between two values where that is possible."""
    shown = [visible(value) for value in values]
    # A no-break space holds together what fits into a line.
    held = [value.replace(" ", "\u00a0") if len(value) < width else value for value in shown]
    return [line.replace("\u00a0", " ") for line in fold(", ".join(held), width=width)]


def fold(text: str, *, width: int) -> list[str]:
    """The text in lines of that width; broken inside words only where a word is longer than a line."""
    return textwrap.wrap(text, width, break_on_hyphens=False) or [""]

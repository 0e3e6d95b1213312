"""The small parts that the sections of the status page are built from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from reconciler.render.durations import instant
from reconciler.render.page_style import text
from reconciler.render.states import Alarm
from reconciler.render.timeline import rough

#: A shape for each alarm, because colour alone says nothing to some, and nothing on paper.
_FACES: Final[dict[Alarm, str]] = {
    "good": '<circle cx="10" cy="10" r="9"/><path class="sign" d="M6 10.5l2.8 2.8L14.2 7.5"/>',
    "watch": '<path class="face" d="M10 1.5L19 18H1z"/><path class="sign" d="M10 7.5v4.5M10 15v.1"/>',
    "bad": '<path class="face" d="M6.3 1h7.4L19 6.3v7.4L13.7 19H6.3L1 13.7V6.3z"/><path class="sign" d="M7 7l6 6M7 13l6-6"/>',
}
_SPOKEN: Final[dict[Alarm, str]] = {"good": "good", "watch": "to watch", "bad": "bad"}

Cell = tuple[str, str]
"""Class and HTML of a cell."""


def icon(alarm: Alarm) -> str:
    """A sign with a name for who does not see it."""
    return f'<svg class="icon {alarm}" viewBox="0 0 20 20" role="img" aria-label="{_SPOKEN[alarm]}">{_FACES[alarm]}</svg>'


def section(name: str, heading: str, body: str, *, note: str = "") -> str:
    """A section with its heading; empty when there is nothing to tell.

    Args:
        name: an id, to link to.
        heading: HTML.
        body: HTML; empty for no section.
        note: HTML, after the heading.
    """
    if not body:
        return ""
    small = f" <small>{note}</small>" if note else ""
    return f'<section aria-labelledby="{name}">\n<h2 id="{name}">{heading}{small}</h2>\n{body}\n</section>'


def table(heads: Sequence[tuple[str, str]], rows: Iterable[Sequence[str]], *, name: str = "") -> str:
    """A table whose first column names the row.

    Args:
        heads: label and class of each column.
        rows: HTML of each cell.
        name: its id.
    """
    head = "".join(f'<th scope="col"{_class(style)}>{label}</th>' for label, style in heads)
    body = "\n".join(
        "<tr>" + "".join(_cell(label, style, cell) for (label, style), cell in zip(heads, row, strict=True)) + "</tr>"
        for row in rows
    )
    identity = f' id="{name}"' if name else ""
    return f"<table{identity}>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Names and values; what has no value is left out.

    Args:
        pairs: a name, and HTML.
    """
    kept = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in pairs if value)
    return f'<dl class="facts">{kept}</dl>' if kept else ""


def address(value: str) -> str:
    """An address, or anything else that is typed as it stands."""
    return f'<span class="address">{text(value)}</span>'


def moment(value: datetime | None, *, now: datetime, name: str = "") -> str:
    """A moment and how far it is: ``2026-11-20 10:00 UTC (3d ago)``; empty for None."""
    if value is None:
        return ""
    distance = f"in {rough(value - now)}" if value > now else f"{rough(now - value)} ago"
    return f"{time(value, name=name)} <small>({distance})</small>"


def time(value: datetime, *, name: str = "") -> str:
    """A moment, for people and programs."""
    identity = f' id="{name}"' if name else ""
    return f'<time{identity} datetime="{instant(value)}">{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC</time>'


def day(value: datetime | None, *, now: datetime) -> str:
    """A day and how far it is, for tables."""
    if value is None:
        return ""
    distance = f"in {rough(value - now)}" if value > now else f"{rough(now - value)} ago"
    return f'<time datetime="{instant(value)}">{value.astimezone(UTC):%Y-%m-%d}</time> <small>{distance}</small>'


def _class(style: str) -> str:
    return f' class="{style}"' if style else ""


def _cell(label: str, style: str, cell: str) -> str:
    style = style if cell else f"{style} empty".strip()
    return f'<td{_class(style)} data-label="{label}"><div>{cell}</div></td>'

"""The section of the status page about CAs and keypairs between two generations."""

from __future__ import annotations

from datetime import datetime

from reconciler.plan.document import RotationEntry
from reconciler.plan.status_document import StatusDocument
from reconciler.render.escape import visible
from reconciler.render.page_style import text
from reconciler.render.rotation_text import PHASES, waiting_lines
from reconciler.render.status_parts import address, day, section, table

_HEADS = (("Rotation", "short"), ("Generations", "short"), ("Phase", ""), ("Waits for", ""), ("Soaks until", "short"))
#: Causes of waiting that are told; more are counted.
_MOST = 5


def rotations(document: StatusDocument, *, now: datetime) -> str:
    """One row a rotation: from where to where, the phases with the present one marked, and what it waits for."""
    if not document.rotations:
        return ""
    rows = [
        (
            address(entry.address),
            f"{entry.from_generation} to {entry.to_generation}",
            _trail(entry),
            _waits(entry),
            day(entry.soaks_until, now=now),
        )
        for entry in document.rotations
    ]
    return section("rotations", "Rotations", table(_HEADS, rows), note=f"{len(rows):,}")


def _trail(entry: RotationEntry) -> str:
    return " &rsaquo; ".join(f"<strong>{phase}</strong>" if phase == entry.phase else phase for phase in PHASES)


def _waits(entry: RotationEntry) -> str:
    if entry.error:
        return f'<span class="bad">{text(entry.error)}</span>'
    own = f"{visible(entry.address)} "  # the row's name says it
    lines = [line.removeprefix(own) for line in waiting_lines(entry.waits_for)]
    causes = [text(line) for line in lines[:_MOST]]
    if len(lines) > _MOST:
        causes.append(f"and {len(lines) - _MOST} more causes")
    items = "".join(f"<li>{cause}</li>" for cause in causes)
    return f'<ul class="list">{items}</ul>' if items else ""

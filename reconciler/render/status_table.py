"""The status as a table for people."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from reconciler.plan.status_document import ResourceStatus, StatusDocument
from reconciler.render.attention import condition_alarm
from reconciler.render.colour import Palette
from reconciler.render.durations import instant
from reconciler.render.escape import visible
from reconciler.render.rotation_text import rotation_blocks
from reconciler.render.states import alarm, state, sums

_HEADER = ("ADDRESS", "STATE", "SUBJECT", "EXPIRES", "DAYS LEFT", "RENEW AT")
#: A wider subject would push the dates off the screen; `show certificate` has it whole.
_WIDEST_SUBJECT = 48


def render_table(document: StatusDocument, *, now: datetime, color: bool = False) -> str:
    """One row an address, in the document's order, and the sums below.

    Args:
        document: the status.
        now: without meaning here: the document has its own time.
        color: whether escape codes may be used.
    """
    # Only this format needs it, and it costs as much to import as the rest of this package.
    from tabulate import tabulate  # noqa: PLC0415

    del now
    palette = Palette(enabled=color)
    rows = [_row(resource, palette) for resource in document.resources]
    align = ("left", "left", "left", "left", "right", "left")
    table = tabulate(rows, headers=_HEADER, tablefmt="plain", disable_numparse=True, colalign=align if rows else None)
    lines = [line.rstrip() for line in table.splitlines()]
    rotations = [line for block in rotation_blocks(document.rotations, palette) for line in ("", block)]
    return "\n".join([*lines, "", sums(document), *_trouble(document, palette), *rotations, ""])


def _trouble(document: StatusDocument, palette: Palette) -> Iterator[str]:
    """What the rows cannot say: conditions that are not good, processes that serve something else, hooks that are owed."""
    paint = {"watch": palette.yellow, "bad": palette.red}
    for condition in document.conditions:
        grade = condition_alarm(condition)
        if grade != "good":
            yield f"{paint[grade](condition.type)} is {condition.status} ({condition.reason}): {visible(condition.message)}"
    for row in document.resources:
        if row.served in {"stale", "unreachable"}:
            state = palette.red("stale") if row.served == "stale" else palette.yellow("unreachable")
            yield f"{visible(row.address)} is served: {state}. {visible(row.served_detail)}".rstrip()
    for hook in document.hooks:
        yield f"{visible(hook.address)}: hooks owed, at {visible(hook.hook)}: {visible(hook.detail)}"


def _row(resource: ResourceStatus, palette: Palette) -> tuple[str, ...]:
    paint = {"good": palette.green, "watch": palette.yellow, "bad": palette.red}[alarm(resource)]
    subject = visible(resource.subject or "")
    return (
        visible(resource.address),
        paint(state(resource)),
        subject if len(subject) <= _WIDEST_SUBJECT else subject[: _WIDEST_SUBJECT - 1] + "…",
        instant(resource.not_after)[:10] if resource.not_after else "",
        "" if resource.days_left is None else str(resource.days_left),
        instant(resource.renew_at)[:10] if resource.renew_at else "",
    )

"""A plan as text, in Terraform's grammar line by line: what people review and what plan-comment tools parse."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

from reconciler.plan.document import PlanDocument, ResourceChange
from reconciler.render.block import Style, attribute_lines, reason_lines
from reconciler.render.boxes import boxes
from reconciler.render.colour import Palette
from reconciler.render.escape import quoted
from reconciler.render.headline import (
    LEGEND,
    drift_headline,
    held_back_headline,
    is_shown,
    painted,
    planned_headline,
    symbol_of,
    waiting_headline,
)
from reconciler.render.rotation_text import rotation_blocks
from reconciler.render.totals import NO_CHANGES, NOTHING_DONE, NOTHING_NOW, checked_line, counts_line, verbs_line

LEAD_IN: Final = "cluster-pki will perform the following actions:"
#: tfcmt looks for "… outside of Terraform" and then for an end marker that we do not print; this sentence it leaves alone.
DRIFT_NOTE: Final = "Objects have changed outside of cluster-pki"
#: With more creations than this, their blocks keep only what identifies a certificate.
FULL_CREATIONS: Final = 30
#: Held-back addresses that get a block: a tripped guard may hold back thousands.
MOST_HELD_BACK: Final = 20

NOT_SAVED: Final = (
    "Note: this plan was not saved (--out FILE). `cluster-pki apply` makes a plan of its own, which differs\n"
    "from this one when something changes in between."
)

_RULE: Final = "─" * 77


def render_text(document: PlanDocument, *, now: datetime, color: bool = False, hints: bool = False) -> str:
    """A whole plan as text, ending with a newline.

    Args:
        document: the plan.
        now: what "in 11d 4h" counts from; aware.
        color: whether escape codes may be used.
        hints: whether to say what to do next; of use only to somebody who sits at a terminal.
    """
    return "\n\n".join(_sections(document, Palette(enabled=color), now, hints=hints)) + "\n"


def change_blocks(document: PlanDocument, colour: Palette) -> list[str]:
    """The planned changes, a block each, in the plan's order."""
    shown = [entry for entry in document.resource_changes if is_shown(entry)]
    creations = sum(entry.change.actions == ["create"] for entry in shown)
    style = Style(colour=colour, compact=creations > FULL_CREATIONS)
    return [_block(entry, planned_headline, style) for entry in shown]


def drift_blocks(document: PlanDocument, colour: Palette) -> list[str]:
    """What changed outside, a block each."""
    return [_block(entry, drift_headline, Style(colour=colour)) for entry in document.resource_drift]


def held_back_blocks(document: PlanDocument, colour: Palette) -> list[str]:
    """What should change and may not, a block each."""
    blocked = [entry for entry in document.resource_changes if entry.change.class_ == "blocked"]
    blocks = [_block(entry, held_back_headline, Style(colour=colour)) for entry in blocked[:MOST_HELD_BACK]]
    if len(blocked) > MOST_HELD_BACK:
        blocks.append(colour.dim(f"  # (and {len(blocked) - MOST_HELD_BACK} more; --format json lists them all)"))
    return blocks


def waiting_blocks(document: PlanDocument, colour: Palette) -> list[str]:
    """What external CAs have been asked for, a block each."""
    waiting = [entry for entry in document.resource_changes if entry.change.class_ == "waiting"]
    blocks = [_block(entry, waiting_headline, Style(colour=colour)) for entry in waiting[:MOST_HELD_BACK]]
    if len(waiting) > MOST_HELD_BACK:
        blocks.append(colour.dim(f"  # (and {len(waiting) - MOST_HELD_BACK} more; --format json lists them all)"))
    return blocks


def legend_lines(document: PlanDocument, colour: Palette) -> list[str]:
    """The symbols that this plan uses, explained."""
    used = {symbol_of(entry) for entry in document.resource_changes if is_shown(entry)}
    return [f"{painted(symbol, colour)} {meaning}" for symbol, meaning in LEGEND.items() if symbol in used]


def _sections(document: PlanDocument, colour: Palette, now: datetime, *, hints: bool) -> Iterator[str]:
    drift, changes = drift_blocks(document, colour), change_blocks(document, colour)
    held_back, waiting = held_back_blocks(document, colour), waiting_blocks(document, colour)
    if drift:
        yield f"{colour.bold(colour.cyan('Note:'))} {colour.bold(DRIFT_NOTE)}"
        yield "Since the last apply, the following is no longer as cluster-pki left it:"
        yield from drift
    if changes:
        if legend := legend_lines(document, colour):
            yield "\n".join(["Actions are shown with these symbols:", *legend])
        yield LEAD_IN
        yield from changes
    if held_back:
        yield "The following is held back, for the causes given below:"
        yield from held_back
    if waiting:
        yield "The following waits for an external CA, as told below:"
        yield from waiting
    yield from rotation_blocks(document.rotations, colour)
    yield from _totals(document, colour, now, has_changes=bool(changes), has_held_back=bool(held_back), waits=bool(waiting))
    yield from boxes(document.diagnostics, colour)
    if hints and changes:
        yield f"{colour.dim(_RULE)}\n\n{NOT_SAVED}"


def _totals(
    document: PlanDocument, colour: Palette, now: datetime, *, has_changes: bool, has_held_back: bool, waits: bool
) -> Iterator[str]:
    if has_changes:
        second = verbs_line(document, now=now)
        yield "\n".join([counts_line(document.summary, colour), *([f"      {second}"] if second else [])])
    elif has_held_back or document.errored:
        # "No changes" would be taken for "all is well", by people and by tools.
        yield f"{NOTHING_DONE} {verbs_line(document, now=now)}".strip()
    elif waits:
        yield f"{NOTHING_NOW} {verbs_line(document, now=now)}".strip()
    elif not (document.resource_drift and document.options.get("refresh_only")):
        sentence, rest = NO_CHANGES.split(". ", 1)
        yield f"{colour.bold(colour.green(sentence + '.'))} {colour.bold(rest)}"
        yield checked_line(document.summary, now=now)


def _block(entry: ResourceChange, headline: Callable[[ResourceChange, Palette], str], style: Style) -> str:
    label = entry.name if entry.index is None else f"{entry.name}[{entry.index}]"
    symbol = painted(symbol_of(entry), style.colour)
    lines = [*reason_lines(entry.change), *attribute_lines(entry.change, style)]
    opening = f"{symbol} resource {quoted(entry.type)} {quoted(label)} {{"
    body = [opening, *lines, "    }"] if lines else [f"{opening}}}"]
    return "\n".join([headline(entry, style.colour), *body])

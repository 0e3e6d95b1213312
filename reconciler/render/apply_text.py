"""How an apply ended, in words or as JSON."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from reconciler.plan.document import DiagnosticEntry, PlanDocument, ResourceChange
from reconciler.render.boxes import boxes
from reconciler.render.colour import PLAIN
from reconciler.render.escape import visible
from reconciler.render.rotation_text import rotation_blocks


def render_outcome(
    document: PlanDocument,
    *,
    done: frozenset[str],
    failed: tuple[tuple[str, str], ...],
    skipped: tuple[tuple[str, str], ...],
    interrupted: bool,
    form: str,
    told: Sequence[DiagnosticEntry] = (),
) -> str:
    """``Apply complete! Resources: 2 added, 1 changed, 0 destroyed.``, and what was not done and why.

    Args:
        document: the plan that was carried out.
        done: addresses that were carried out.
        failed: addresses and what went wrong.
        skipped: addresses that could not start, and why.
        interrupted: whether a signal ended it early.
        form: ``text`` or ``json``.
        told: what people have to do next, such as having requests signed.
    """
    changes = [change for change in document.resource_changes if change.address in done]
    held_back = sum(1 for change in document.resource_changes if change.change.class_ == "blocked")
    counts = {
        "added": _count(changes, "create"),
        "changed": _count(changes, "update"),
        "destroyed": _count(changes, "delete"),
    }
    if form == "json":
        body = {
            "complete": not (failed or skipped or interrupted or held_back),
            "interrupted": interrupted,
            **counts,
            "held_back": held_back,
            "failed": [{"address": address, "error": error} for address, error in failed],
            "rotations": document.rotations,
            "waiting": sorted({address for entry in told for address in entry.held_back}),
            "skipped": [{"address": address, "reason": reason} for address, reason in skipped],
        }
        return msgspec.json.encode(body).decode()
    numbers = ", ".join(f"{number} {word}" for word, number in counts.items())
    lines = [f"Error: {address}: {visible(error)}" for address, error in failed]
    lines += [f"Error: {address}: not started: {visible(reason)}" for address, reason in skipped]
    if interrupted:
        lines.append(f"Apply interrupted. Resources: {numbers}.")
    elif failed or skipped:
        lines.append(f"Apply incomplete. Resources: {numbers}, {len(failed) + len(skipped)} failed.")
    elif held_back:
        lines.append(f"Apply incomplete. Resources: {numbers}, {held_back} held back.")
    else:
        lines.append(f"Apply complete! Resources: {numbers}.")
    blocks = [*rotation_blocks(document.rotations, PLAIN), *boxes(told, PLAIN)]
    return "\n" + "\n\n".join(["\n".join(lines), *blocks]) + "\n"


def _count(changes: list[ResourceChange], action: str) -> int:
    return sum(1 for change in changes if action in change.change.actions)

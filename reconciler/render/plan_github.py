"""A plan as annotations of a GitHub workflow run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from reconciler.plan.document import DiagnosticEntry, PlanDocument, ResourceChange
from reconciler.render.colour import PLAIN
from reconciler.render.headline import APART, codes, is_shown, plain_sentence
from reconciler.render.totals import NO_CHANGES, NOTHING_DONE, NOTHING_NOW, counts_line, verbs_line
from reconciler.render.workflow import Level, workflow_command


def render_github(document: PlanDocument, *, now: datetime, color: bool = False, hints: bool = False) -> str:
    """One workflow command a diagnostic and change, and one for the sum of them.

    GitHub shows ten annotations of each level a step, so the weightiest come first: diagnostics, then the sum, then changes
    in the plan's order.
    """
    del color, hints  # Every renderer is called alike; GitHub colours by level.
    return "\n".join(_commands(document, now)) + "\n"


def is_grave(entry: ResourceChange) -> bool:
    """Whether something stops being trusted, or the trust of others hangs on it: what a reviewer must not overlook."""
    return entry.type == "ca" or "delete" in entry.change.actions or entry.change.class_ == "blocked"


def _commands(document: PlanDocument, now: datetime) -> Iterator[str]:
    for severity in ("error", "warning"):
        yield from (_diagnostic(entry) for entry in document.diagnostics if entry.severity == severity)
    yield _sum(document, now)
    for entry in document.resource_drift:
        gone = entry.change.after is None
        title = f"{entry.address} {'has been deleted' if gone else 'has changed'} outside of cluster-pki"
        yield workflow_command("warning", title=title, message=_why(entry))
    shown = [entry for entry in document.resource_changes if is_shown(entry) or entry.change.class_ in APART]
    for entry in shown:
        level: Level = "warning" if is_grave(entry) else "notice"
        yield workflow_command(level, title=f"{entry.address} {plain_sentence(entry)}", message=_why(entry))


def _diagnostic(entry: DiagnosticEntry) -> str:
    lines = [entry.detail] if entry.detail else []
    lines += [f"address: {entry.address}"] if entry.address else []
    lines += [f"held back: {', '.join(entry.held_back)}"] if entry.held_back else []
    title = f"{entry.code}: {entry.summary}" if entry.code else entry.summary
    return workflow_command(entry.severity, title=title, message="\n".join(lines) or entry.summary)


def _sum(document: PlanDocument, now: datetime) -> str:
    second = verbs_line(document, now=now)
    if any(is_shown(entry) for entry in document.resource_changes):
        message = f"{counts_line(document.summary, PLAIN)}\n{second}"
    elif document.errored or any(entry.change.class_ == "blocked" for entry in document.resource_changes):
        message = f"{NOTHING_DONE}\n{second}"
    elif any(entry.change.class_ == "waiting" for entry in document.resource_changes):
        message = f"{NOTHING_NOW}\n{second}"
    else:
        message = NO_CHANGES
    return workflow_command("notice", title=f"cluster-pki plan for {document.cluster}", message=message)


def _why(entry: ResourceChange) -> str:
    reasons = [f"{reason.code}: {reason.message}" if reason.message else reason.code for reason in entry.change.reasons]
    return "\n".join(reasons) or ", ".join(codes(entry)) or entry.change.class_

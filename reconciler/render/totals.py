"""The lines that sum a plan up: Terraform's, which tools count by, and ours, in the words of a PKI."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Final

from reconciler.plan.document import PlanDocument, ResourceChange, Summary
from reconciler.render.colour import Palette
from reconciler.render.durations import until
from reconciler.render.escape import visible
from reconciler.render.headline import codes

NO_CHANGES: Final = "No changes. Your infrastructure matches the configuration."
NOTHING_DONE: Final = "Nothing can be done as things stand."
NOTHING_NOW: Final = "Nothing to do until an external CA answers."

#: The verbs of the second line, in its order.
_VERBS: Final = (
    "issue", "create", "request", "reissue", "rekey", "repair", "rotate", "replace", "destroy", "forget", "import", "move",
    "waiting", "held back",
)  # fmt: skip
_CERTIFICATES: Final = frozenset({"ca", "component", "request"})
#: Verbs that say themselves why.
_SELF_EXPLAINING: Final = frozenset({"issue", "create", "destroy", "forget", "import", "move", "waiting", "held back"})


def counts_line(summary: Summary, colour: Palette) -> str:
    """Terraform's: ``Plan: 1 to import, 2 to add, 1 to change, 0 to destroy, 1 to forget``; import and forget only if any."""
    parts = [f"{summary.import_} to import"] if summary.import_ else []
    parts += [f"{summary.add} to add", f"{summary.change} to change", f"{summary.destroy} to destroy"]
    parts += [f"{summary.forget} to forget"] if summary.forget else []
    return f"{colour.bold('Plan:')} {', '.join(parts)}."


def verbs_line(document: PlanDocument, *, now: datetime) -> str:
    """Ours: ``1 issue, 3 reissue (2 RenewalDue, 1 SanMismatch). Next renewal: component.etcd-peer[cp-2] in 11d 4h``."""
    by_verb: dict[str, list[ResourceChange]] = {verb: [] for verb in _VERBS}
    for entry in document.resource_changes:
        if (verb := _verb(entry)) in by_verb:
            by_verb[verb].append(entry)
    parts = [f"{len(entries)} {verb}{_because(verb, entries)}" for verb, entries in by_verb.items() if entries]
    renewal = next_renewal(document.summary, now=now)
    sentences = [f"{', '.join(parts)}."] if parts else []
    sentences += [f"Next renewal: {renewal}."] if renewal else []
    return " ".join(sentences)


def checked_line(summary: Summary, *, now: datetime) -> str:
    """Of an empty plan: ``38 certificates checked, next renewal: component.etcd-peer[cp-2] in 11d 4h``."""
    text = f"{summary.certificates} certificate{'' if summary.certificates == 1 else 's'} checked"
    renewal = next_renewal(summary, now=now)
    return f"{text}, next renewal: {renewal}." if renewal else f"{text}."


def next_renewal(summary: Summary, *, now: datetime) -> str:
    """``component.etcd-peer[cp-2] in 11d 4h``, or nothing when there is none."""
    if summary.next_renewal is None:
        return ""
    return f"{visible(summary.next_renewal_address or '')} {until(summary.next_renewal, now=now)}".strip()


def _verb(entry: ResourceChange) -> str:
    if entry.change.class_ == "create":
        # What is fetched is known already.
        return "issue" if entry.type in _CERTIFICATES and "serial" in entry.change.after_unknown else "create"
    return "held back" if entry.change.class_ == "blocked" else entry.change.class_


def _because(verb: str, entries: list[ResourceChange]) -> str:
    if verb in _SELF_EXPLAINING:
        return ""
    reasons = Counter(code for entry in entries for code in codes(entry))
    # The most frequent first, by name among equals: the same plan gives the same line.
    ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    return f" ({', '.join(f'{count} {code}' for code, count in ordered)})" if ordered else ""

"""Adopting a cluster: a desired state that is what its files already are. It reads those files again, and writes nothing.

A document is drafted, tried out against the very files, and drafted anew without what would not stay as it is, until its plan
has nothing to do but what time alone demands.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec
from msgspec.structs import replace

from reconciler.adopting.document import sentences
from reconciler.adopting.draft import Draft, draft_of
from reconciler.adopting.model import Choices
from reconciler.adopting.moved import relocated
from reconciler.adopting.names import gathered
from reconciler.adopting.places import ground_of
from reconciler.adopting.roots import roots_of
from reconciler.adopting.trial import Change, Trial, try_out
from reconciler.cluster.model import Cluster
from reconciler.desired.model import parse_address
from reconciler.desired.presets.fragments import KINDS
from reconciler.desired.rules import RULES
from reconciler.discovery.walk import Place
from reconciler.health.model import HealthFinding
from reconciler.plan.reasons import Reason

#: Each round learns something; what is left after so many is told by the plan itself.
ROUNDS: Final = 12
#: What time alone demands: true of the files, and no reason to leave them out.
DUE: Final = frozenset({Reason.RENEWAL_DUE, Reason.EXPIRED})
_ASKED: Final = frozenset({Reason.REQUEST_PENDING})
_SECTIONS: Final = {kind: section for section, kind in KINDS.items()}
_HEADING: Final = re.compile(r"([A-Za-z]+):")
_ENTRY: Final = re.compile(r"  ([a-z0-9-]+):")


class Adoption(msgspec.Struct, frozen=True, kw_only=True):
    """A cluster, ready to be managed."""

    text: str
    """cluster-pki.yaml, with comments that say what is odd."""
    notes: tuple[str, ...]
    """What was not taken over, and why; one sentence each."""
    empty: bool = False
    """Whether nothing can be managed: then the text is no valid document."""


def adopt(cluster: Cluster, findings: Sequence[HealthFinding], places: Sequence[Place], *, name: str, now: datetime) -> Adoption:
    """Writes the desired state of a cluster as it is.

    Args:
        cluster: what was read.
        findings: what is odd about it.
        places: the directories that it was read from; those with relative roots lie below the current directory.
        name: what the cluster is to be called.
        now: the time, aware.
    """
    cluster, findings = relocated(cluster, findings)
    ground = ground_of(cluster, roots_of(cluster, places))
    choices = Choices()
    for _ in range(ROUNDS):
        draft = draft_of(cluster, findings, ground, choices, name=name, now=now)
        trial = try_out(draft.text, name=name, now=now)
        learnt = _learn(draft, trial, choices)
        if learnt == choices:
            break
        choices = learnt
    several = len(ground.machines) > 1
    due = list(gathered([(change.address, _told(change)) for change in trial.changes if _only_due(change)]))
    if not draft.entries:
        due.append("nothing was found that can be managed: the document is not valid before it has an entry")
    return Adoption(text=draft.text, notes=(*sentences(draft.notes, several=several), *due), empty=not draft.entries)


def _told(change: Change) -> str:
    """What comes of something that is due."""
    outcome = "nothing is issued in its place as things stand: the plan says why" if change.blocked else "the plan renews it"
    return f": {'; '.join(change.messages)}: {outcome}"


def _only_due(change: Change) -> bool:
    """Whether it is time alone that demands it, or whoever was asked for it has not answered yet."""
    return bool(DUE & set(change.reasons)) and set(change.reasons) <= DUE | _ASKED


def _learn(draft: Draft, trial: Trial, choices: Choices) -> Choices:
    """What to do otherwise in the next draft."""
    if trial.mistakes:
        return _from_mistakes(draft, trial, choices)
    left_out, signers = dict(choices.left_out), dict(choices.signers)
    for change in trial.changes:
        if _only_due(change) or _follows(change):
            continue
        kind, name, node = parse_address(change.address)
        key = (name, node or "")
        really = trial.signed_by.get(change.address, "")
        if Reason.WRONG_ISSUER in change.reasons and really and signers.get(key) != really:
            signers[key] = really
            continue
        left_out[_SECTIONS[kind], _original(name, node), node or ""] = f"a plan would change it: {'; '.join(change.messages)}"
    return replace(choices, left_out=left_out, signers=signers)


def _follows(change: Change) -> bool:
    """A kubeconfig that is written anew only because its component is due."""
    return change.address.startswith("kubeconfig.") and all(
        message.startswith("follows component.") for message in change.messages
    )


def _original(name: str, node: str | None) -> str:
    """The name before entries were told apart by node."""
    return name.removesuffix(f"-{node.replace('.', '-')}") if node else name


def _from_mistakes(draft: Draft, trial: Trial, choices: Choices) -> Choices:
    softened = sorted({*choices.softened, *(each.code for each in trial.mistakes if RULES[each.code].adjustable)})
    if tuple(softened) != choices.softened:
        return replace(choices, softened=tuple(softened))
    left_out = dict(choices.left_out)
    for mistake in trial.mistakes:
        where = _entry_at(draft.text, mistake.span.line) if mistake.span is not None else None
        for entry in draft.entries:
            if (entry.section, entry.name) == where:
                for node in entry.nodes or ("",):
                    left_out[entry.section, _original(entry.name, node), node] = mistake.message
    return replace(choices, left_out=left_out)


def _entry_at(text: str, line: int) -> tuple[str, str] | None:
    """Section and name of the entry that a line belongs to."""
    entry = ""
    for above in reversed(text.splitlines()[:line]):
        if not entry and (match := _ENTRY.match(above)):
            entry = match[1]
        elif match := _HEADING.match(above):
            return match[1], entry
    return None

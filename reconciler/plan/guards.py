"""Guards: a plan that would do too much at once is stopped where it is too much, and only there.

Renewals are never stopped: what time alone demands does not count, nor do creations (argo-cd and kube-certificate
controllers have turned an empty read into a mass deletion; nobody's guard should turn a clock into an outage).
"""

from __future__ import annotations

from collections.abc import Iterable
from math import floor
from typing import Final

from msgspec.structs import replace

from reconciler.plan.context import Decision, Situation
from reconciler.plan.document import DiagnosticEntry
from reconciler.plan.inventory import LEAVES
from reconciler.plan.order import natural
from reconciler.plan.reasons import Action, Reason

#: A share of few certificates says nothing: up to so many may always change.
ALWAYS_ALLOWED: Final = 5

MAX_CHANGES: Final = "max-changes"
MAX_DESTROY: Final = "max-destroy"
EMPTY: Final = "empty-desired-state"
PREVENT_DESTROY: Final = "prevent-destroy"

#: What time alone demands, and a rotation that git asks for.
_EXPECTED: Final = frozenset({Reason.RENEWAL_DUE, Reason.EXPIRED, Reason.ISSUER_ROTATED})
_COUNTED: Final = frozenset({Action.REQUEST, Action.REISSUE, Action.REKEY})
_WAY_OUT: Final = "Check that this is meant, then plan again with --allow-mass-change."


def hold_mass_change(decisions: list[Decision], situation: Situation) -> tuple[list[Decision], tuple[DiagnosticEntry, ...]]:
    """Holds back all counted changes of certificates when there are more than `maxChanges`.

    An absolute number is taken at its word; a share bites only above `ALWAYS_ALLOWED` changes.
    """
    if situation.options.allow_mass_change:
        return decisions, ()
    counted = [decision for decision in decisions if _counts(decision)]
    guards, total = situation.desired.guards, len(situation.desired.components)
    if guards.max_changes is not None:
        limit = guards.max_changes
    else:
        limit = max(ALWAYS_ALLOWED, floor(total * guards.max_changes_share + 1e-9))
    if len(counted) <= limit:
        return decisions, ()
    held = {decision.address for decision in counted}
    diagnostic = DiagnosticEntry(
        severity="error",
        code=MAX_CHANGES,
        summary=f"{len(counted)} of {total} certificates would change, {limit} may",
        detail=f"`guards.maxChanges` holds them back; renewals and new certificates go on. {_WAY_OUT}",
        held_back=sorted(held, key=natural),
    )
    return [_held(decision, MAX_CHANGES) if decision.address in held else decision for decision in decisions], (diagnostic,)


def hold_destruction(decisions: list[Decision], situation: Situation) -> tuple[list[Decision], tuple[DiagnosticEntry, ...]]:
    """Holds back what must not be destroyed, and everything that would be when it is more than `maxDestroy`.

    Things that share a file count once: a user and the kubeconfig that the user lives in.
    """
    diagnostics: list[DiagnosticEntry] = []
    kept: list[Decision] = []
    for decision in decisions:
        record = situation.records.get(decision.address)
        protected = record is not None and record.prevent_destroy and "[" not in decision.address  # a copy is not the CA
        if decision.action == Action.DESTROY and protected and record is not None:
            diagnostics.append(_protected(decision, record.source))
            kept.append(_held(decision, PREVENT_DESTROY))
        else:
            kept.append(decision)
    leaving = [decision for decision in kept if decision.action == Action.DESTROY]
    files = {situation.records[decision.address].paths[:1] or (decision.address,) for decision in leaving}
    limit = situation.desired.guards.max_destroy
    if len(files) > limit and not situation.options.allow_mass_change:
        held = {decision.address for decision in leaving}
        kept = [_held(decision, MAX_DESTROY) if decision.address in held else decision for decision in kept]
        diagnostics.append(
            DiagnosticEntry(
                severity="error",
                code=MAX_DESTROY,
                summary=f"{len(files)} would be destroyed, {limit} may",
                detail=f"`guards.maxDestroy` holds them back; everything else goes on. {_WAY_OUT}",
                held_back=sorted(held, key=natural),
            )
        )
    return kept, tuple(diagnostics)


def empty_desired_state(situation: Situation, orphans: Iterable[str]) -> DiagnosticEntry | None:
    """An error when nothing is desired while something is recorded: more likely a failed read than a wish."""
    held = sorted(orphans, key=natural)
    if situation.desired.size or not held:
        return None
    return DiagnosticEntry(
        severity="error",
        code=EMPTY,
        summary="The desired state is empty",
        detail="Nothing is removed for that. To take something out on purpose, name it under `removed`.",
        held_back=held,
    )


def _counts(decision: Decision) -> bool:
    if decision.kind not in LEAVES or decision.blocked or decision.action not in _COUNTED:
        return False
    if any(finding.reason == Reason.REQUEST_ANSWERED for finding in decision.findings):
        return False  # it was counted when it was asked for, and somebody has signed it since
    if any(finding.action == Action.CREATE for finding in decision.findings):
        return False
    return any(finding.action >= Action.REISSUE and finding.reason not in _EXPECTED for finding in decision.findings)


def _held(decision: Decision, guard: str) -> Decision:
    return replace(decision, action=Action.NONE, blocked=True, held_by=guard)


def _protected(decision: Decision, source: str) -> DiagnosticEntry:
    seen = f" It was last seen at {source}." if source else ""
    return DiagnosticEntry(
        severity="error",
        code=PREVENT_DESTROY,
        summary=f"{decision.address} cannot be destroyed",
        detail=f"A CA is not destroyed because it left the desired state.{seen} Put it back, or let it go with its files "
        f"in place: removed: [{{from: {decision.address}}}].",
        address=decision.address,
        held_back=[decision.address],
    )

"""From decisions to diagnostics: who is held back, by what, and the way out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime

import msgspec

from reconciler.plan.away import tell_away, why_away
from reconciler.plan.context import Decision, Refusal, Situation
from reconciler.plan.document import DiagnosticEntry
from reconciler.plan.fetched import SOURCE
from reconciler.plan.foreign import blocks
from reconciler.plan.inventory import LEAVES
from reconciler.plan.order import natural
from reconciler.plan.published import paths_of
from reconciler.plan.reasons import Action, Finding, Reason
from reconciler.plan.rotation.lifecycle import Lifecycle


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """A CA that cannot sign, and what waits for it."""

    refusal: Refusal
    waiting: tuple[str, ...]

    @property
    def is_error(self) -> bool:
        """A CA that cannot sign is an error when it should, or when its key was lost; else it is a way to run a cluster."""
        return self.refusal.severe or bool(self.waiting)


def refused(lives: Mapping[str, Lifecycle], decisions: list[Decision]) -> tuple[Refused, ...]:
    """Every CA that cannot sign, with what waits for it."""
    waiting = _waiting(decisions)
    followed = {life.desired.address for life in lives.values() if life.desired.followed}
    refusals = {refusal.address: refusal for life in lives.values() for refusal in life.refusals}
    return tuple(
        Refused(refusal=refusal, waiting=tuple(waiting.get(address, ())))
        for address, refusal in refusals.items()
        if address in waiting or address not in followed
    )


def blocked_authorities(refusals: tuple[Refused, ...], decisions: list[Decision]) -> Iterator[Decision]:
    """What the plan shows of CAs that should sign and cannot."""
    decided = {decision.address for decision in decisions}
    for each in refusals:
        if each.is_error and each.refusal.address not in decided:
            yield Decision(
                address=each.refusal.address, kind="ca", action=Action.NONE, findings=(each.refusal.finding,), blocked=True
            )


def tell(situation: Situation, refusals: tuple[Refused, ...], decisions: list[Decision]) -> Iterator[DiagnosticEntry]:
    """The diagnostics that follow from decisions."""
    away: list[tuple[Finding, tuple[str, ...]]] = []
    for each in refusals:
        if why_away(each.refusal.finding):
            away.append((each.refusal.finding, (each.refusal.address, *each.waiting)))
            continue
        yield DiagnosticEntry(
            severity="error" if each.is_error else "warning",
            code=each.refusal.code,
            summary=each.refusal.summary,
            detail=each.refusal.detail,
            address=each.refusal.address,
            held_back=list(each.waiting),
        )
    told = {each.refusal.address for each in refusals}
    waiting = _waiting(decisions)
    for decision in decisions:
        yield from decision.diagnostics
        if decision.blocked and not decision.held_by and decision.address not in told:
            held_back = waiting.get(decision.address, [])
            cause = _cause(decision)
            if why_away(cause):
                away.append((cause, (decision.address, *held_back)))
            else:
                yield _blocked(situation, decision, cause, held_back)
    yield from tell_away(away)
    if any(decision.waits for decision in decisions):
        from reconciler.plan.external.telling import tell_open_keys, tell_waiting  # noqa: PLC0415 - most clusters have no external CA

        yield from tell_waiting(decisions, situation)
        yield from tell_open_keys(situation)
    yield from _pointless_renewals(situation, decisions)
    if situation.selected is not None:
        yield DiagnosticEntry(
            severity="warning",
            code="targeting",
            summary="Resource targeting is in effect",
            detail="The plan covers the --target addresses and what they depend on, nothing else: it may leave differences. "
            "This is for exceptional circumstances, such as recovering from an error.",
        )


def in_reading_order(entries: list[DiagnosticEntry]) -> list[DiagnosticEntry]:
    """Errors first, then by address, code and text; each once."""
    unique: list[DiagnosticEntry] = []
    for entry in sorted(
        entries, key=lambda entry: (entry.severity, natural(entry.address or ""), entry.code, entry.summary, entry.detail)
    ):
        if not unique or unique[-1] != entry:
            unique.append(entry)
    return unique


def _waiting(decisions: list[Decision]) -> dict[str, list[str]]:
    waiting: defaultdict[str, list[str]] = defaultdict(list)
    for decision in decisions:
        if decision.blocked and decision.held_by:
            waiting[decision.held_by].append(decision.address)
    return {holder: sorted(addresses, key=natural) for holder, addresses in waiting.items()}


def _cause(decision: Decision) -> Finding:
    """What keeps an address from being changed."""
    foreign = next((finding for finding in decision.findings if finding.reason == Reason.FOREIGN), None)
    return foreign or next(finding for finding in decision.findings if blocks(finding))


def _blocked(situation: Situation, decision: Decision, cause: Finding, waiting: list[str]) -> DiagnosticEntry:
    if cause.reason == Reason.FOREIGN:
        differences = "; ".join(finding.message for finding in decision.findings if finding is not cause)
        summary = f"{decision.address} is foreign and is not overwritten"
        detail = (
            f"{cause.message} ({differences}). Move the files away, name them under `imports`, or give --adopt to replace them."
        )
    elif cause.reason == Reason.ANSWER_UNFIT:
        from reconciler.plan.external.telling import unfit_words  # noqa: PLC0415 - see above

        summary, detail = unfit_words(decision, situation)
    elif cause.path == "files":
        summary = f"{decision.address}: {cause.message}"
        detail = (
            "The certificates in that file are trusted too: without them somebody would lose trust, so nothing is written. "
            "Put the file there, or take it out of `files` of the bundle."
        )
    elif cause.path == SOURCE:
        summary = f"{decision.address}: {cause.message}"
        detail = (
            f"What is on disk stays as it is. {_source_of(decision.address, situation)} is written by the reconciler that runs "
        )
        detail += "without --node: see what it says."
    else:
        summary = f"{decision.address}: {cause.message}"
        paths = ", ".join(paths_of(decision.address, situation.desired))
        detail = {
            Reason.UNREADABLE: f"Nothing is done about it until it can be read: {paths}. Run as a user who may read it, "
            "or remove what stands in its place.",
            Reason.OWNER_DRIFT: "Create the account, or write its number: names are looked up on the machine that runs this.",
        }.get(cause.reason, "")
    return DiagnosticEntry(
        severity="error",
        code=cause.reason.value,
        summary=summary,
        detail=detail,
        address=decision.address,
        held_back=[decision.address, *waiting],
    )


def _source_of(address: str, situation: Situation) -> str:
    desired = situation.desired
    groups = (desired.components, desired.bundles, desired.kubeconfigs)
    found = next((each.source for group in groups if (each := group.get(address)) is not None), None)
    return found.absolute if found is not None else "Its source"


def _pointless_renewals(situation: Situation, decisions: list[Decision]) -> Iterator[DiagnosticEntry]:
    """Certificates that end with their CA: one warning a CA, however many."""
    ending: defaultdict[str, list[str]] = defaultdict(list)
    for decision in decisions:
        for finding in decision.findings:
            if decision.kind in LEAVES and finding.reason == Reason.RENEWAL_DUE and finding.action == Action.NONE:
                ending[situation.desired.components[decision.address].ca].append(decision.address)
    for name, addresses in ending.items():
        ca = situation.desired.cas[name]
        found = situation.pair(ca.address).certificate
        yield DiagnosticEntry(
            severity="warning",
            code=Reason.RENEWAL_DUE.value,
            summary=f"{len(addresses)} certificates end with {ca.address} and cannot be renewed beyond it",
            detail=f"They wait for a new certificate of {ca.address}{_until(found)}.",
            address=ca.address,
            held_back=sorted(addresses, key=natural),
        )


def _until(found: object) -> str:
    chain = getattr(found, "chain", None)
    end: datetime | None = chain[0].not_after if chain else None
    return f", which ends on {end:%Y-%m-%d}" if end is not None else ""

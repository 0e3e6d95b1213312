"""What becomes of each CA, parents first; and how the rest of the plan sees them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from reconciler.desired.external import is_external
from reconciler.desired.model import CA
from reconciler.desired.vault import PkiKey
from reconciler.observed.model import HeldKey
from reconciler.plan.context import Authority, Decision, Situation
from reconciler.plan.document import DiagnosticEntry
from reconciler.plan.followed import only_followed, tell_unseen
from reconciler.plan.reasons import Action, Finding
from reconciler.plan.rotation.barriers import BY_HAND
from reconciler.plan.rotation.elsewhere import another_named, engine_of, stranger_by_default
from reconciler.plan.rotation.life import Lived, early_warning, live
from reconciler.plan.rotation.lifecycle import Lifecycle, Standing
from reconciler.plan.rotation.observe import family_of

#: Codes of what is told about a rotation.
UNFINISHED = "rotation-unfinished"
GENERATION = "generation"
ASSUMED = "restarts-assumed"
DEFAULT_ISSUER = "default-issuer"
ISSUER_REFERENCE = "issuer-reference"


_BY_ITS_OWNERS: Final = (
    "It is an external CA: whoever keeps its key has to renew it. A new certificate around the same key is put in the place of "
    "the old one; another key is another CA, with a name and a path of its own, trusted beside this one first."
)


class Authorities(msgspec.Struct, frozen=True, kw_only=True):
    """All CAs as the rest of the plan sees them, and what was decided about them."""

    lives: Mapping[str, Lifecycle]
    """By name."""
    decisions: tuple[Decision, ...]
    told: tuple[DiagnosticEntry, ...]


def decide_authorities(situation: Situation) -> Authorities:
    """Decides about every CA that the plan covers, parents first."""
    families = {
        ca.name: family_of(ca, situation.observed, situation.records.get(ca.address)) for ca in situation.desired.cas.values()
    }
    lives: dict[str, Lifecycle] = {}
    decisions: list[Decision] = []
    notes: list[DiagnosticEntry] = []
    for ca in sorted(situation.desired.cas.values(), key=lambda ca: (depth(ca, situation), ca.name)):
        if not situation.covers(ca.address):  # then nothing below it is covered either
            continue
        lived = live(ca, families, lives, situation)
        if ca.followed:
            lives[ca.name] = only_followed(lived.lifecycle)
            notes += tell_unseen(lived.lifecycle, situation)
            continue
        lives[ca.name] = lived.lifecycle
        notes += _notes(ca, lived, situation)
        acting = tuple(finding for finding in lived.findings if finding.action > Action.NONE)
        if acting:
            decisions.append(_decision(lived.lifecycle, acting))
    return Authorities(lives=lives, decisions=tuple(decisions), told=tuple(notes))


def depth(ca: CA, situation: Situation) -> int:
    """How many CAs stand above this one."""
    above, parent = 0, ca.issuer
    while parent is not None:
        above, parent = above + 1, situation.desired.cas[parent].issuer
    return above


def _decision(life: Lifecycle, acting: tuple[Finding, ...]) -> Decision:
    address = life.desired.address
    authority = _needed(life)
    if authority.refusal is not None and authority.certificate is None:
        return Decision(
            address=address,
            kind="ca",
            action=Action.NONE,
            findings=acting,
            blocked=True,
            held_by=authority.refusal.address,
            task=life.task,
        )
    action = max(finding.action for finding in acting)
    return Decision(address=address, kind="ca", action=action, findings=acting, task=life.task)


def _needed(life: Lifecycle) -> Authority:
    """The generation that something is done about."""
    return life.authorities[life.standing.target] if life.task in {"", "create", "stage"} else life.signing


def _notes(ca: CA, lived: Lived, situation: Situation) -> Iterator[DiagnosticEntry]:
    """What is told of a CA and not acted on."""
    standing = lived.lifecycle.standing
    acted = {finding.reason for finding in lived.findings if finding.action > Action.NONE}
    for finding in lived.findings:
        if finding.action == Action.NONE and finding.reason not in acted:
            yield _note(ca, finding)
    warning = early_warning(lived.lifecycle, situation)
    if warning is not None:
        yield _note(ca, warning)
    if standing.error:
        yield DiagnosticEntry(
            severity="error", code=UNFINISHED, summary=f"{ca.address}: {standing.error}",
            detail="Everything stays with the generation that it has, and goes on being renewed.", address=ca.address,
        )  # fmt: skip
    yield from assumptions(ca.address, standing)
    if lived.lifecycle.signing.certificate is not None and (other := stranger_by_default(ca, situation)) is not None:
        yield _default_issuer(ca, other)
    signing = lived.lifecycle.signing
    if signing.refusal is None and signing.certificate is not None and another_named(ca, signing.desired, situation):
        yield _issuer_reference(ca)
    if standing.note:
        yield DiagnosticEntry(
            severity="warning", code=GENERATION, summary=f"{ca.address}: {standing.note}",
            detail="A generation whose end is near is left for the next by itself; nobody goes back to it.", address=ca.address,
        )  # fmt: skip


def _default_issuer(ca: CA, other: HeldKey) -> DiagnosticEntry:
    return DiagnosticEntry(
        severity="warning", code=DEFAULT_ISSUER,
        summary=f"the default issuer of {engine_of(ca)} is {other.name or other.reference}, which is no CA of this document",
        detail=f"Certificates of {ca.address} go on being signed by its own issuer, which is always named. Whoever signs there "
        "without naming one gets certificates of another CA. Set the default back, or ask for the change here.",
        address=ca.address,
    )  # fmt: skip


def _issuer_reference(ca: CA) -> DiagnosticEntry:
    reference = ca.key_in.issuer if isinstance(ca.key_in, PkiKey) else ""
    return DiagnosticEntry(
        severity="warning", code=ISSUER_REFERENCE,
        summary=f"{ca.address} is signed for by another issuer than {reference} of {engine_of(ca)}, which its document names",
        detail="The certificate in our store says who signs, and stays: whoever trusts it trusts no other. Raise `generation` to "
        "go over to the issuer that is named, without an outage; or name the one that is in use.",
        address=ca.address,
    )  # fmt: skip


def assumptions(address: str, standing: Standing) -> Iterator[DiagnosticEntry]:
    """That a phase begins because whoever applies is taken to have restarted what no hook does.

    Args:
        address: of the CA or keypair.
        standing: where it stands.
    """
    if standing.assumed:
        steps = "; ".join(blocker.message.removeprefix(BY_HAND) for blocker in standing.assumed)
        yield DiagnosticEntry(
            severity="warning", code=ASSUMED, summary=f"{address} goes on to phase {standing.phase} on your word",
            detail=f"No hook does it, and nothing shows that it was done: {steps}. Whoever applies this says that it was. "
            f"`rotation.hold: {standing.phase}` keeps the phase back until a commit takes it out.",
            address=address,
        )  # fmt: skip


def _note(ca: CA, finding: Finding) -> DiagnosticEntry:
    return DiagnosticEntry(
        severity="warning",
        code=finding.reason.value,
        summary=f"{ca.address}: {finding.message}",
        detail=_BY_ITS_OWNERS if is_external(ca) else _difference(finding),
        address=ca.address,
    )


def _difference(finding: Finding) -> str:
    if finding.current is None or finding.planned is None:
        return ""
    return f"found {finding.current}, wanted {finding.planned}; only a rotation changes a CA"

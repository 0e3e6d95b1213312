"""Components: the chain of checks for a certificate and key, and what its findings come to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Final

from reconciler.desired.external import is_external
from reconciler.desired.model import Component
from reconciler.observed.model import Absent, Certificates, Key
from reconciler.plan import checks_files as files
from reconciler.plan import checks_pair as pair
from reconciler.plan import checks_time as time
from reconciler.plan.accepted import is_accepted
from reconciler.plan.context import Check, Context, Decision, Situation
from reconciler.plan.fetched import decide_fetched
from reconciler.plan.foreign import foreign, is_foreign, settle
from reconciler.plan.reasons import Action, Finding, Reason
from reconciler.plan.requests import CERTIFICATE_CHAIN
from reconciler.plan.rotation.lifecycle import Lifecycle

#: What may cost a new certificate, in the order in which a plan lists it. All of them are asked: a plan explains everything.
PAIR_CHAIN: Final[tuple[Check, ...]] = (
    pair.missing,  # Missing: nothing there -> create; certificate gone -> reissue; key gone -> rekey
    pair.unreadable,  # Unreadable: corrupt, truncated, encrypted, another type -> reissue or rekey
    pair.key_mismatch,  # KeyMismatch: the key is another's -> rekey
    pair.wrong_issuer,  # WrongIssuer: another key than the CA's signed it -> reissue
    pair.issuer_rotated,  # IssuerRotated: another generation of the CA issues now -> reissue
    pair.chain_broken,  # ChainBroken: not the CAs' intermediates behind it -> repair
    pair.subject_mismatch,  # SubjectMismatch -> reissue
    pair.san_mismatch,  # SanMismatch: names added or removed -> reissue
    pair.usage_mismatch,  # UsageMismatch: other usages, or those of a CA -> reissue
    pair.key_policy_mismatch,  # KeyPolicyMismatch: another algorithm or size -> rekey
    pair.weak_signature,  # WeakSignature: SHA-1 or MD5 -> reissue
    time.not_yet_valid,  # NotYetValid: begins in the future -> reissue
    time.expired,  # Expired -> reissue
    time.renewal_due,  # RenewalDue: within renewBefore -> reissue; told when the CA ends as early
    time.lifetime_mismatch,  # LifetimeMismatch: lives longer than wanted -> reissue
    time.outlives_issuer,  # OutlivesIssuer: ends after its CA -> reissue
    pair.revoked,  # Revoked: git or the CA's list names its serial -> replace
    pair.reissue_requested,  # ReissueRequested: `reissue` was changed -> reissue; --replace -> rekey
)

#: What never costs a key: the other chain of cert-manager's, whose mixing with the first one made a wrong mode a new key.
FILE_CHAIN: Final[tuple[Check, ...]] = (
    files.mode_drift,  # ModeDrift -> repair
    files.owner_drift,  # OwnerDrift -> repair
)

#: Asked only while the pair stays: a new pair brings its derived files with it.
OUTPUT_CHAIN: Final[tuple[Check, ...]] = (
    files.output_stale,  # OutputStale: fullchain, combined, der or pkcs12 does not hold the pair -> repair
)

_ALWAYS: Final = PAIR_CHAIN + FILE_CHAIN


def decide_components(situation: Situation, lives: Mapping[str, Lifecycle]) -> Iterator[Decision]:
    """Decides about every component that the plan covers; those without findings are passed over."""
    for component in situation.desired.components.values():
        if situation.covers(component.address):
            context = context_of(component, situation, lives)
            decision = _decided(context, situation)
            if decision is not None:
                yield decision


def _decided(context: Context, situation: Situation) -> Decision | None:
    """None when there is nothing to say; of one that lives in a kubeconfig that is fetched, that says it all."""
    if situation.desired.is_copied(context.desired):
        return decide_fetched(context, situation)
    findings = find(context)
    if is_external(context.issuing.desired) and _stranger(context, findings, situation) is None:
        from reconciler.plan.external.decide import decide_external  # noqa: PLC0415 - most clusters have no external CA

        return decide_external(context, findings, situation)
    return _decide(context, findings, situation) if findings else None


def context_of(component: Component, situation: Situation, lives: Mapping[str, Lifecycle]) -> Context:
    """One component, with everything that its checks look at."""
    address = component.address
    found = situation.pair(address)
    life = lives[component.ca]
    return Context(
        desired=component,
        authority=life.behind(component, found),
        issuing=life.issuing(component),
        generations=life.keys,
        pair=found,
        leaf=found.certificate.chain[0] if isinstance(found.certificate, Certificates) else None,
        key=found.key.facts if isinstance(found.key, Key) else None,
        record=situation.records.get(address),
        now=situation.now,
        observed=situation.observed,
        replace=address in situation.replaced,
    )


def find(context: Context) -> tuple[Finding, ...]:
    """All findings about a component, in the order of the chains."""
    checks = _ALWAYS if context.desired.request is None else CERTIFICATE_CHAIN
    findings = [finding for check in checks for finding in check(context) if not is_accepted(finding, context)]
    if all(finding.action < Action.REISSUE for finding in findings):
        findings += chain.from_iterable(check(context) for check in OUTPUT_CHAIN)
    return tuple(findings)


def _decide(context: Context, findings: tuple[Finding, ...], situation: Situation) -> Decision:
    stranger = _stranger(context, findings, situation)
    if stranger is not None:
        return settle(context.desired.address, _kind(context), (*findings, stranger))
    refusal = context.issuing.refusal
    needs_signature = any(finding.action >= Action.REISSUE for finding in findings)
    held_by = refusal.address if needs_signature and refusal is not None else ""
    return settle(context.desired.address, _kind(context), findings, held_by=held_by)


def _kind(context: Context) -> str:
    return "component" if context.desired.request is None else "request"


def _stranger(context: Context, findings: tuple[Finding, ...], situation: Situation) -> Finding | None:
    """The Foreign finding, when the files are not ours and would have to be overwritten."""
    component, found = context.desired, context.pair
    if context.record is not None or (isinstance(found.certificate, Absent) and isinstance(found.key, Absent)):
        return None
    place = component.place or situation.desired.kubeconfigs[component.kubeconfig].place
    mismatched = any(finding.reason == Reason.KEY_MISMATCH for finding in findings)
    if mismatched and component.address in situation.desired.imports and not situation.options.adopt:
        return foreign(place.absolute, "it cannot be imported, because key and certificate do not belong together")
    if found.owned or situation.may_overwrite(component.address):
        return None
    if not is_foreign(findings, issued_here=pair.issued_here(context)):
        return None
    return foreign(place.absolute)

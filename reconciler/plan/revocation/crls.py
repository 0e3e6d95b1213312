"""Revocation lists: the chain of checks for one place, and what its findings come to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Final

import msgspec
from msgspec.structs import replace

from reconciler.desired.model import Crl
from reconciler.observed.model import Absent, CrlState, ObservedCrl, ObservedState, RevocationLists, Unusable
from reconciler.plan.checks_files import public_mode
from reconciler.plan.checks_pair import UNTOUCHABLE, WEAK_HASHES, unreadable_finding
from reconciler.plan.checks_time import instant
from reconciler.plan.context import Authority, Decision, Situation
from reconciler.plan.foreign import foreign, settle
from reconciler.plan.reasons import Action, Finding, Reason
from reconciler.plan.revocation.data import Known, ListPlan
from reconciler.plan.revocation.due import why_due
from reconciler.plan.revocation.known import by_server, keys_of
from reconciler.plan.revocation.lists import NO_FILES, current_of, is_sound, keys_that_sign, lacking, plan_lists
from reconciler.plan.rotation.lifecycle import Lifecycle
from reconciler.x509.facts import CrlFacts

#: So many serials are named in a message.
_NAMED: Final = 3


class CrlContext(msgspec.Struct, frozen=True, kw_only=True):
    """The list of a CA at one place, as its checks see it."""

    desired: Crl
    authority: Authority
    """The generation that signs."""
    signing: Mapping[str, int]
    """The numbers of the generations that sign lists, by the SHA-256 of their public key."""
    found: ObservedCrl
    wanted: ListPlan
    situation: Situation
    replace: bool
    fresh: bool
    """A new list is asked for, here or at another place of the same CA."""

    @property
    def files(self) -> dict[str, CrlState]:
        """What stands at each wanted path, by format."""
        return {form: self.found.files.get(form, Absent()) for form in self.desired.formats}

    @property
    def lists(self) -> dict[str, CrlFacts]:
        """What the CA's own key signed, by the first format that has it: equal lists are judged once."""
        found: dict[str, tuple[str, CrlFacts]] = {}
        for form, state in self.files.items():
            facts = current_of(state, self.authority)
            if facts is not None:
                found.setdefault(facts.fingerprint, (form, facts))
        return dict(found.values())

    @property
    def is_absent(self) -> bool:
        """Whether nothing is there at all."""
        return all(isinstance(state, Absent) for state in self.files.values())

    @property
    def observed(self) -> ObservedState:
        """Everything that was found."""
        return self.situation.observed


Check = Callable[[CrlContext], Iterator[Finding]]


def missing(context: CrlContext) -> Iterator[Finding]:
    """A file is not there, or none is."""
    if context.is_absent:
        yield Finding(reason=Reason.MISSING, action=Action.CREATE, message="there is no list")
        return
    for form, state in context.files.items():
        if isinstance(state, Absent):
            yield _repair(Reason.MISSING, f"there is no {form.upper()} file", form)
        elif form == "pem" and isinstance(state, RevocationLists) and current_of(state, context.authority) is not None:
            for key, number in context.signing.items():
                if key not in state.signers:
                    yield _repair(Reason.MISSING, f"there is no list of generation {number} in it", form)


def unreadable(context: CrlContext) -> Iterator[Finding]:
    """A file is there that is no list; etcd refuses every handshake for that."""
    for form, state in context.files.items():
        if isinstance(state, Unusable):
            yield unreadable_finding(state, action=Action.REPAIR, path=form)


def wrong_issuer(context: CrlContext) -> Iterator[Finding]:
    """Another key than the CA's signed it."""
    for form, state in context.files.items():
        if isinstance(state, RevocationLists) and current_of(state, context.authority) is None:
            yield _repair(Reason.WRONG_ISSUER, f"it was not signed by the key of {context.authority.desired.address}", form)


def weak_signature(context: CrlContext) -> Iterator[Finding]:
    """Signed over a hash that can be forged."""
    for form, facts in context.lists.items():
        if facts.signature_hash in WEAK_HASHES:
            yield _repair(Reason.WEAK_SIGNATURE, f"it is signed with {facts.signature_hash}", form)


def not_yet_valid(context: CrlContext) -> Iterator[Finding]:
    """It begins in the future."""
    for form, facts in context.lists.items():
        if facts.this_update > context.situation.now:
            yield _repair(Reason.NOT_YET_VALID, f"it is valid from {instant(facts.this_update)} on", form)


def revoked(context: CrlContext) -> Iterator[Finding]:
    """A revoked certificate is not on it, or not as git has it."""
    for facts in context.lists.values():
        if absent := lacking(facts, context.wanted.entries, context.authority.spki):
            yield _repair(Reason.REVOKED, f"it does not name {serials(absent)}", "revoked")


def crl_due(context: CrlContext) -> Iterator[Finding]:
    """It ends soon, has ended, or does not say when it does."""
    for facts in context.lists.values():
        authority, now = context.authority, context.situation.now
        reasons = why_due(context.desired, facts, now=now, authority_end=authority.not_after, by_server=by_server(authority))
        for why in reasons:
            end = instant(facts.next_update) if facts.next_update is not None else None
            yield replace(_repair(Reason.CRL_DUE, why, "next_update"), current=end)


def output_stale(context: CrlContext) -> Iterator[Finding]:
    """Another place or format has a newer list, or gets one."""
    if context.fresh and not context.replace and not context.is_absent:
        yield _repair(Reason.OUTPUT_STALE, f"follows {context.authority.desired.address}, whose list is signed anew", "number")
        return
    reference = context.wanted.reference
    if reference is None:
        return
    for form, facts in context.lists.items():
        sound = is_sound(facts, context.desired, context.authority, context.situation.now)
        whole = not lacking(facts, context.wanted.entries, context.authority.spki)
        if sound and whole and facts.fingerprint != reference.facts.fingerprint:
            message = f"list {reference.facts.number} is published at {reference.path}"
            yield replace(_repair(Reason.OUTPUT_STALE, message, form), current=str(facts.number))


def reissue_requested(context: CrlContext) -> Iterator[Finding]:
    """``--replace`` names it."""
    if context.replace and not context.is_absent:
        yield _repair(Reason.REISSUE_REQUESTED, "--replace asks for it", "replace")


def mode_drift(context: CrlContext) -> Iterator[Finding]:
    """Others may write a file, or its owner may not read it."""
    for form, state in context.files.items():
        if isinstance(state, RevocationLists):
            yield from public_mode(state.meta, "mode" if form == context.desired.formats[0] else f"{form}.mode")


CRL_CHAIN: Final[tuple[Check, ...]] = (
    missing,  # Missing: nothing there -> create; one format gone -> repair
    unreadable,  # Unreadable: no list, or not a complete one -> repair
    wrong_issuer,  # WrongIssuer: another key signed it -> repair
    weak_signature,  # WeakSignature: SHA-1 or MD5 -> repair
    not_yet_valid,  # NotYetValid: begins in the future -> repair
    revoked,  # Revoked: a revoked certificate is not on it -> repair
    crl_due,  # CrlDue: less than a third of its validity is left -> repair
    output_stale,  # OutputStale: not the newest list of its CA -> repair
    reissue_requested,  # ReissueRequested: --replace -> repair
    mode_drift,  # ModeDrift -> repair
)

_FILE_ONLY: Final = frozenset({Reason.MODE_DRIFT})


def decide_crls(
    situation: Situation, lives: Mapping[str, Lifecycle], decisions: Mapping[str, Decision]
) -> tuple[list[Decision], dict[str, ListPlan]]:
    """Decides about every list that the plan covers, after what becomes of components.

    Args:
        situation: what the plan is made from.
        lives: CAs by name, with what is revoked of them.
        decisions: about components, by address, those that leave included.

    Returns:
        The decisions, and what the lists of each CA should be, by its name.
    """
    plans: dict[str, ListPlan] = {}
    made: list[Decision] = []
    fresh = {crl.name for address, crl in situation.desired.crls.items() if address in situation.replaced}
    for address, crl in situation.desired.crls.items():
        if not situation.covers(address):
            continue
        life = lives[crl.name]
        authority = life.signing
        if crl.name not in plans:
            plans[crl.name] = plan_lists(situation, life, decisions, fresh=crl.name in fresh)
        context = CrlContext(
            desired=crl,
            authority=authority,
            signing=keys_that_sign(life, situation.now),
            found=situation.observed.crls.get(address, NO_FILES),
            wanted=plans[crl.name],
            situation=situation,
            replace=address in situation.replaced,
            fresh=crl.name in fresh,
        )
        findings = tuple(chain.from_iterable(check(context) for check in CRL_CHAIN))
        if findings:
            made.append(_settle(context, findings))
    return made, plans


def serials(entries: tuple[Known, ...]) -> str:
    """``serial 1f6a`` or ``serials 1f6a, 77b2 and 3 more``."""
    named = ", ".join(each.serial for each in entries[:_NAMED])
    more = f" and {len(entries) - _NAMED} more" if len(entries) > _NAMED else ""
    return f"serial{'s' if len(entries) > 1 else ''} {named}{more}"


def _settle(context: CrlContext, findings: tuple[Finding, ...]) -> Decision:
    crl, situation = context.desired, context.situation
    known = crl.address in situation.records or context.found.owned or situation.may_overwrite(crl.address)
    if not known and any(_is_strange(state, context.authority) for state in context.files.values()):
        findings = (*findings, foreign(crl.place.absolute, "it was not written here and is no list of this CA"))
    refusal = context.authority.refusal
    signs = context.wanted.reference is None and any(finding.reason not in _FILE_ONLY for finding in findings)
    return settle(crl.address, "crl", findings, held_by=refusal.address if signs and refusal is not None else "")


def _is_strange(state: CrlState, authority: Authority) -> bool:
    """Whether writing would take something from somebody. What cannot be looked at has a finding of its own."""
    if isinstance(state, Unusable):
        return state.problem not in UNTOUCHABLE
    return isinstance(state, RevocationLists) and keys_of(authority).isdisjoint(state.signers)


def _repair(reason: Reason, message: str, path: str) -> Finding:
    return Finding(reason=reason, action=Action.REPAIR, message=message, path=path)

"""Copies of CAs on nodes that sign by themselves: the same certificate and key as at home."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from reconciler.desired.model import Access
from reconciler.observed.model import Absent, Certificates, Key, ObservedPair, ObservedState, Unusable
from reconciler.plan.checks_files import owners, public_mode, secret_mode
from reconciler.plan.checks_pair import unreadable_finding
from reconciler.plan.context import Authority, Decision, Situation
from reconciler.plan.foreign import foreign, settle
from reconciler.plan.reasons import Action, Finding, Reason
from reconciler.plan.rotation.lifecycle import Lifecycle


class _Copy(msgspec.Struct, frozen=True, kw_only=True):
    """One copy beside its original."""

    authority: Authority
    original: ObservedPair
    found: ObservedPair
    access: Access
    observed: ObservedState


def decide_copies(situation: Situation, life: Lifecycle) -> Iterator[Decision]:
    """Decides about each copy of a CA that the plan covers."""
    ca, authority = life.desired, life.signing
    for replica in ca.replicas:
        if not situation.covers(replica.address):
            continue
        copy = _Copy(
            authority=authority,
            original=situation.pair(ca.address),
            found=situation.pair(replica.address),
            access=ca.access,
            observed=situation.observed,
        )
        findings = tuple(_findings(copy))
        if not findings:
            continue
        strange = {Reason.KEY_MISMATCH, Reason.UNREADABLE} & {finding.reason for finding in findings}
        if isinstance(copy.found.key, Key) and copy.found.key.facts.spki_sha256 in life.keys:
            strange = set()  # a copy of the generation before
        known = replica.address in situation.records or copy.found.owned
        if strange and not known and not situation.may_overwrite(replica.address):
            findings = (*findings, foreign(f"{replica.place.absolute}.crt"))
        refusal = authority.refusal
        copies = any(finding.path in {"", "certificate", "key"} for finding in findings)
        held = refusal.address if copies and refusal is not None and not refusal.keeps_files else ""
        yield settle(replica.address, "ca", findings, held_by=held)


def _findings(copy: _Copy) -> Iterator[Finding]:
    authority, found = copy.authority, copy.found
    if authority.certificate is None and not authority.creating and not isinstance(found.certificate, Absent):
        return  # nobody knows what it should be
    if isinstance(found.certificate, Absent) and isinstance(found.key, Absent):
        yield Finding(reason=Reason.MISSING, action=Action.CREATE, message="there is no certificate and no key")
        return
    yield from _certificate(copy)
    yield from _key(copy)
    if isinstance(found.certificate, Certificates) and isinstance(found.key, Key):
        yield from secret_mode(found.key.meta, copy.access.mode, "mode")
        yield from public_mode(found.certificate.meta, "certificate_mode")
        yield from owners(copy.access, [found.key.meta, found.certificate.meta], copy.observed)


def _certificate(copy: _Copy) -> Iterator[Finding]:
    wanted = copy.authority.certificate.fingerprint if copy.authority.certificate is not None else ""
    match copy.found.certificate:
        case Absent():
            yield _repair(Reason.MISSING, "there is no certificate", "certificate")
        case Unusable() as unusable:
            yield unreadable_finding(unusable, action=Action.REPAIR, path="certificate")
        case Certificates(chain=chain) if chain[0].fingerprint != wanted:
            message = f"it is not the current certificate of {copy.authority.desired.address}"
            yield _repair(Reason.OUTPUT_STALE, message, "certificate")


def _key(copy: _Copy) -> Iterator[Finding]:
    match copy.found.key, copy.original.key:
        case Unusable() as unusable, _:
            yield unreadable_finding(unusable, action=Action.REPAIR, path="key")
        case Absent(), Key():
            yield _repair(Reason.MISSING, "there is no key", "key")
        case Key(facts=found), Key(facts=wanted) if found.spki_sha256 != wanted.spki_sha256:
            yield _repair(Reason.KEY_MISMATCH, f"it is not the key of {copy.authority.desired.address}", "key")


def _repair(reason: Reason, message: str, path: str) -> Finding:
    return Finding(reason=reason, action=Action.REPAIR, message=message, path=path)

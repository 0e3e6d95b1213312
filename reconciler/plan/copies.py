"""Copies of CAs on nodes that sign by themselves: the same certificate and key as at home."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from reconciler.desired.model import Access
from reconciler.observed.model import Absent, Key, ObservedPair, ObservedState
from reconciler.plan.context import Authority, Decision, Situation
from reconciler.plan.copying import CONTENT, access_differs, certificate_differs, key_differs
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
            findings = (*findings, foreign(replica.place.file(".crt")))
        refusal = authority.refusal
        copies = any(finding.path in CONTENT for finding in findings)
        held = refusal.address if copies and refusal is not None and not refusal.keeps_files else ""
        yield settle(replica.address, "ca", findings, held_by=held)


def _findings(copy: _Copy) -> Iterator[Finding]:
    authority, found = copy.authority, copy.found
    if authority.certificate is None and not authority.creating and not isinstance(found.certificate, Absent):
        return  # nobody knows what it should be
    if isinstance(found.certificate, Absent) and isinstance(found.key, Absent):
        yield Finding(reason=Reason.MISSING, action=Action.CREATE, message="there is no certificate and no key")
        return
    wanted = authority.certificate.fingerprint if authority.certificate is not None else ""
    yield from certificate_differs(found.certificate, wanted, authority.desired.address)
    yield from key_differs(found.key, copy.original.key, authority.desired.address)
    yield from access_differs(found, copy.access, copy.observed)

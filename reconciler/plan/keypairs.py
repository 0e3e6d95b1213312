"""Keypairs: one key, the same on every replica; never made anew while we know of one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.desired.model import Keypair, Replica
from reconciler.observed.model import Absent, Key, ObservedKeypair, ObservedState, PublicKey, Unusable
from reconciler.plan.checks_files import owners, public_mode, secret_mode
from reconciler.plan.checks_pair import unreadable_finding
from reconciler.plan.context import Decision, Situation
from reconciler.plan.document import DiagnosticEntry
from reconciler.plan.foreign import foreign, settle
from reconciler.plan.inventory import Record
from reconciler.plan.reasons import Action, Finding, Reason

NOTHING_THERE = ObservedKeypair(key=Absent(), public=Absent())


def reference_replica(keypair: Keypair, observed: ObservedState, records: Mapping[str, Record]) -> Replica | None:
    """The replica whose key counts: one that holds the key in our record, else the first with a usable one; None without."""
    usable = [(replica, key) for replica in keypair.replicas if (key := _key(observed, replica)) is not None]
    recorded = {record.spki_sha256 for replica in keypair.replicas if (record := records.get(replica.address)) is not None}
    for replica, key in usable:
        if key.facts.spki_sha256 in recorded:
            return replica
    return usable[0][0] if usable else None


def decide_keypairs(situation: Situation) -> Iterator[Decision]:
    """Decides about each replica that the plan covers."""
    for keypair in sorted(situation.desired.keypairs.values(), key=lambda keypair: keypair.name):
        covered = [replica for replica in keypair.replicas if situation.covers(replica.address)]
        if not covered:
            continue
        reference = reference_replica(keypair, situation.observed, situation.records)
        if reference is None:
            yield from _without_key(situation, keypair, covered)
            continue
        wanted = _key(situation.observed, reference)
        if wanted is not None:
            for replica in covered:
                yield from _decide(situation, keypair, replica, wanted, reference)


def tell_keypairs(situation: Situation) -> Iterator[DiagnosticEntry]:
    """What would need a new key, which has to be phased in: told, not done."""
    for keypair in situation.desired.keypairs.values():
        reference = reference_replica(keypair, situation.observed, situation.records)
        key = _key(situation.observed, reference) if reference is not None else None
        if key is None or reference is None or not situation.covers(reference.address):
            continue
        if key.facts.key != keypair.key:
            yield _note(keypair, Reason.KEY_POLICY_MISMATCH, f"its key is {key.facts.key}, wanted is {keypair.key.value}")
        record = situation.records.get(reference.address)
        if record is not None and record.generation != keypair.generation:
            message = f"generation {keypair.generation} is asked for, {record.generation} is in use"
            yield _note(keypair, Reason.REISSUE_REQUESTED, message)


def _note(keypair: Keypair, reason: Reason, message: str) -> DiagnosticEntry:
    return DiagnosticEntry(
        severity="warning",
        code=reason.value,
        summary=f"{keypair.address}: {message}",
        detail="A new key would invalidate all that the old one has signed; this version does not phase one in yet.",
        address=keypair.address,
    )


def _without_key(situation: Situation, keypair: Keypair, covered: list[Replica]) -> Iterator[Decision]:
    """No replica has a usable key: make one only where nobody ever had one."""
    why = _why_not_made(situation, keypair)
    for replica in covered:
        found = situation.observed.keypairs.get(replica.address, NOTHING_THERE)
        if why is None:
            finding = Finding(reason=Reason.MISSING, action=Action.CREATE, message="there is no key")
            yield settle(replica.address, "keypair", (finding,))
            continue
        if isinstance(found.key, Unusable):
            finding = unreadable_finding(found.key, action=Action.NONE, path="key")
        else:
            finding = Finding(reason=Reason.MISSING, action=Action.NONE, message="there is no key", path="key")
        diagnostics = (why,) if replica is covered[0] else ()
        yield Decision(
            address=replica.address,
            kind="keypair",
            action=Action.NONE,
            findings=(finding,),
            blocked=True,
            held_by=keypair.address,
            diagnostics=diagnostics,
        )


def _why_not_made(situation: Situation, keypair: Keypair) -> DiagnosticEntry | None:
    places = [situation.observed.keypairs.get(replica.address, NOTHING_THERE) for replica in keypair.replicas]
    unusable = [place.key.detail.rstrip(".") for place in places if isinstance(place.key, Unusable)]
    if unusable and not situation.may_overwrite(keypair.address):
        why = f"{unusable[0]}. Mend it: a new key would make everything invalid that this one has signed."
    elif any(replica.address in situation.records for replica in keypair.replicas):
        why = "There was one: everything it has signed would become invalid. Restore it from a backup."
    elif not keypair.creatable:
        why = f"It is made on node {keypair.home}, not here. Copy it from there." if keypair.home else "It is not made here."
    elif any(not isinstance(place.public, Absent) for place in places) and not situation.may_overwrite(keypair.address):
        why = "There is a public key, so its private key may be elsewhere. Put it here, or give --adopt to make a new one."
    else:
        return None
    return DiagnosticEntry(
        severity="error",
        code="keypair-missing",
        summary=f"{keypair.address} has no usable key, and none is made",
        detail=why,
        address=keypair.address,
        held_back=[replica.address for replica in keypair.replicas],
    )


def _decide(situation: Situation, keypair: Keypair, replica: Replica, wanted: Key, reference: Replica) -> Iterator[Decision]:
    found = situation.observed.keypairs.get(replica.address, NOTHING_THERE)
    findings = (
        *_key_findings(found, wanted, reference),
        *_public_findings(found, wanted),
        *_file_findings(situation, keypair, found),
    )
    if not findings:
        return
    strange = any(finding.path == "key" and finding.reason != Reason.MISSING for finding in findings)
    known = replica.address in situation.records or situation.may_overwrite(replica.address)
    if strange and not known and not situation.may_overwrite(keypair.address):
        findings = (*findings, foreign(f"{replica.place.absolute}.key"))
    yield settle(replica.address, "keypair", findings)


def _key_findings(found: ObservedKeypair, wanted: Key, reference: Replica) -> Iterator[Finding]:
    match found.key:
        case Absent() if isinstance(found.public, Absent):
            yield Finding(reason=Reason.MISSING, action=Action.CREATE, message="there is no key")
        case Absent():
            yield Finding(reason=Reason.MISSING, action=Action.REPAIR, message="there is no private key", path="key")
        case Unusable() as unusable:
            yield unreadable_finding(unusable, action=Action.REPAIR, path="key")
        case Key(facts=facts) if facts.spki_sha256 != wanted.facts.spki_sha256:
            yield Finding(
                reason=Reason.KEY_MISMATCH,
                action=Action.REPAIR,
                message=f"it is another key than that of {reference.address}",
                path="key",
                current=f"sha256:{facts.spki_sha256}",
                planned=f"sha256:{wanted.facts.spki_sha256}",
            )


def _public_findings(found: ObservedKeypair, wanted: Key) -> Iterator[Finding]:
    """The public half; it follows the private one, so it is judged only beside the right one."""
    if not isinstance(found.key, Key) or found.key.facts.spki_sha256 != wanted.facts.spki_sha256:
        return
    match found.public:
        case Absent():
            yield Finding(reason=Reason.MISSING, action=Action.REPAIR, message="there is no public key", path="public")
        case Unusable() as unusable:
            yield unreadable_finding(unusable, action=Action.REPAIR, path="public")
        case PublicKey(spki_sha256=spki) if spki != wanted.facts.spki_sha256:
            yield Finding(
                reason=Reason.OUTPUT_STALE,
                action=Action.REPAIR,
                message="the public key is not that of the private key",
                path="public",
                current=f"sha256:{spki}",
                planned=f"sha256:{wanted.facts.spki_sha256}",
            )


def _file_findings(situation: Situation, keypair: Keypair, found: ObservedKeypair) -> Iterator[Finding]:
    files = [file.meta for file in (found.key, found.public) if isinstance(file, Key | PublicKey)]
    if isinstance(found.key, Key):
        yield from secret_mode(found.key.meta, keypair.access.mode, "mode")
    if isinstance(found.public, PublicKey):
        yield from public_mode(found.public.meta, "public_mode")
    yield from owners(keypair.access, files, situation.observed)


def _key(observed: ObservedState, replica: Replica) -> Key | None:
    found = observed.keypairs.get(replica.address, NOTHING_THERE).key
    return found if isinstance(found, Key) else None

"""Keypairs: one key, the same on every replica; never made anew while we know of one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from reconciler.desired.model import Keypair, Replica
from reconciler.observed.model import UNREACHABLE, Absent, Key, ObservedKeypair, ObservedState, PublicKey, Unusable
from reconciler.plan.authorities import GENERATION, UNFINISHED, assumptions
from reconciler.plan.checks_files import owners, public_mode, secret_mode
from reconciler.plan.checks_pair import unreadable_finding
from reconciler.plan.context import Decision, Situation
from reconciler.plan.document import DiagnosticEntry
from reconciler.plan.foreign import foreign, settle
from reconciler.plan.inventory import Record
from reconciler.plan.reasons import Action, Finding, Reason
from reconciler.plan.rotation.findings import comes_in, retired
from reconciler.plan.rotation.keypair_life import NOTHING_THERE, KeypairLife, live


class Keypairs(msgspec.Struct, frozen=True, kw_only=True):
    """All keypairs that have a key, and what was decided about every keypair."""

    lives: Mapping[str, KeypairLife]
    """By name."""
    decisions: tuple[Decision, ...]


def reference_replica(keypair: Keypair, observed: ObservedState, records: Mapping[str, Record]) -> Replica | None:
    """The replica whose key counts: one that holds the key in our record, else the first with a usable one; None without."""
    usable = [(replica, key) for replica in keypair.replicas if (key := _key(observed, replica)) is not None]
    recorded = {record.spki_sha256 for replica in keypair.replicas if (record := records.get(replica.address)) is not None}
    for replica, key in usable:
        if key.facts.spki_sha256 in recorded:
            return replica
    return usable[0][0] if usable else None


def decide_keypairs(situation: Situation) -> Keypairs:
    """Decides about each replica that the plan covers."""
    lives: dict[str, KeypairLife] = {}
    decisions: list[Decision] = []
    for keypair in sorted(situation.desired.keypairs.values(), key=lambda keypair: keypair.name):
        covered = [replica for replica in keypair.replicas if situation.covers(replica.address)]
        if not covered:
            continue
        reference = reference_replica(keypair, situation.observed, situation.records)
        if reference is None:
            decisions += _without_key(situation, keypair, covered)
            continue
        life = live(keypair, reference, situation)
        lives[keypair.name] = life
        for replica in covered:
            decisions += _decide(situation, life, replica)
    return Keypairs(lives=lives, decisions=tuple(decisions))


def tell_keypairs(situation: Situation, keypairs: Keypairs) -> Iterator[DiagnosticEntry]:
    """What would need a new key, and what git asks for and cannot begin."""
    for name, life in keypairs.lives.items():
        keypair, standing = situation.desired.keypairs[name], life.standing
        if standing.error:
            yield _note(keypair, UNFINISHED, standing.error, severity="error")
        yield from assumptions(keypair.address, standing)
        if standing.note:
            yield _note(keypair, GENERATION, standing.note)
        key = life.keys.get(standing.target)
        if key is not None and not standing.rotating and key.key != keypair.key:
            message = f"its key is {key.key}, wanted is {keypair.key.value}; a new key comes in by raising `generation`"
            yield _note(keypair, Reason.KEY_POLICY_MISMATCH.value, message)


def _note(keypair: Keypair, code: str, message: str, *, severity: Literal["error", "warning"] = "warning") -> DiagnosticEntry:
    return DiagnosticEntry(
        severity=severity,
        code=code,
        summary=f"{keypair.address}: {message}",
        detail="A new key at once would invalidate all that the old one has signed.",
        address=keypair.address,
    )


def _without_key(situation: Situation, keypair: Keypair, covered: list[Replica]) -> Iterator[Decision]:
    """No replica has a usable key: make one only where nobody ever had one."""
    why = _why_not_made(situation, keypair)
    away = [replica for replica in covered if _is_away(situation, replica)]  # told with everything else on that server
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
        diagnostics = (why,) if replica is covered[0] and not away else ()
        yield Decision(
            address=replica.address,
            kind="keypair",
            action=Action.NONE,
            findings=(finding,),
            blocked=True,
            held_by="" if replica in away else keypair.address,
            diagnostics=diagnostics,
        )


def _is_away(situation: Situation, replica: Replica) -> bool:
    key = situation.observed.keypairs.get(replica.address, NOTHING_THERE).key
    return isinstance(key, Unusable) and key.problem == UNREACHABLE


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


def _decide(situation: Situation, life: KeypairLife, replica: Replica) -> Iterator[Decision]:
    keypair = life.desired
    found = situation.observed.keypairs.get(replica.address, NOTHING_THERE)
    refusal = life.refusal if life.refusal is not None and replica.address in life.refusal.held_back else None
    findings = (
        *_key_findings(found, life),
        *_public_findings(found, life),
        *_file_findings(situation, keypair, found),
        *((comes_in(life.standing),) if life.making and replica is keypair.replicas[0] else ()),
        *(retired(life.standing, replica.place) if replica is keypair.replicas[0] else ()),
    )
    if refusal is not None:
        missing = Finding(reason=Reason.MISSING, action=Action.NONE, message=refusal.summary, path="generation")
        yield Decision(
            address=replica.address, kind="keypair", action=Action.NONE, findings=(missing,), blocked=True,
            held_by=keypair.address,
            diagnostics=(refusal,) if replica is keypair.replicas[0] else (),
        )  # fmt: skip
        return
    if not findings:
        return
    key = found.key.facts.spki_sha256 if isinstance(found.key, Key) else ""
    strange = any(finding.path == "key" and finding.reason != Reason.MISSING for finding in findings)
    known = replica.address in situation.records or situation.may_overwrite(replica.address) or key in life.numbers
    if strange and not known and not situation.may_overwrite(keypair.address):
        findings = (*findings, foreign(replica.place.file(".key")))
    yield settle(replica.address, "keypair", findings)


def _key_findings(found: ObservedKeypair, life: KeypairLife) -> Iterator[Finding]:
    wanted, number = life.signing_key, life.number
    match found.key:
        case Absent() if isinstance(found.public, Absent):
            yield Finding(reason=Reason.MISSING, action=Action.CREATE, message="there is no key")
        case Absent():
            yield Finding(reason=Reason.MISSING, action=Action.REPAIR, message="there is no private key", path="key")
        case Unusable() as unusable:
            yield unreadable_finding(unusable, action=Action.REPAIR, path="key")
        case Key(facts=facts) if facts.spki_sha256 != wanted.spki_sha256:
            other = life.numbers.get(facts.spki_sha256)
            if other is not None and other in life.standing.accepts(client=False):
                return
            rotated = other is not None and life.standing.rotating
            yield Finding(
                reason=Reason.ISSUER_ROTATED if rotated else Reason.KEY_MISMATCH,
                action=Action.ROTATE if rotated else Action.REPAIR,
                message=f"generation {number} signs from now on"
                if rotated
                else f"it is another key than that of {life.reference}",
                path="key",
                current=f"sha256:{facts.spki_sha256}",
                planned=f"sha256:{wanted.spki_sha256}",
            )


def _public_findings(found: ObservedKeypair, life: KeypairLife) -> Iterator[Finding]:
    """The public halves that are accepted; judged only beside a private key that belongs here."""
    if not isinstance(found.key, Key) or found.key.facts.spki_sha256 not in life.numbers:
        return
    match found.public:
        case Absent():
            yield Finding(reason=Reason.MISSING, action=Action.REPAIR, message="there is no public key", path="public")
        case Unusable() as unusable:
            yield unreadable_finding(unusable, action=Action.REPAIR, path="public")
        case PublicKey() as public if life.making:
            yield _public_stale(public, f"follows generation {life.standing.target}", planned=None)
        case PublicKey() as public if set(public.keys) != set(life.accepted):
            if life.standing.rotating or len(public.keys) > 1:
                message = "it does not hold the public keys whose signatures are to be accepted"
            else:
                message = "the public key is not that of the private key"
            yield _public_stale(public, message, planned=", ".join(f"sha256:{key}" for key in life.accepted))


def _public_stale(public: PublicKey, message: str, *, planned: str | None) -> Finding:
    return Finding(
        reason=Reason.OUTPUT_STALE,
        action=Action.REPAIR,
        message=message,
        path="public",
        current=", ".join(f"sha256:{key}" for key in public.keys),
        planned=planned,
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

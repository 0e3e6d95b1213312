"""What the lists of a CA should name, and which of those on disk already do. Decisions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from msgspec.structs import replace

from reconciler.desired.model import Crl
from reconciler.observed.model import ObservedCrl, RevocationLists
from reconciler.plan.checks_pair import WEAK_HASHES
from reconciler.plan.context import Authority, Decision, Situation
from reconciler.plan.inventory import LEAVES
from reconciler.plan.reasons import Action
from reconciler.plan.revocation.data import Known, ListPlan, Reference
from reconciler.plan.revocation.due import why_due
from reconciler.plan.revocation.known import by_server, in_use, lists_of
from reconciler.plan.rotation.lifecycle import Lifecycle
from reconciler.plan.trust import unexpired
from reconciler.x509.facts import CrlFacts

NO_FILES = ObservedCrl(files={})


def signers_of(life: Lifecycle, now: datetime) -> tuple[int, ...]:
    """The generations of a CA that sign a list: that of the signing pair first, then whichever else is trusted and can."""
    own = life.signing.desired.generation
    return (own, *(each for each in unexpired(life, now) if each != own and life.authorities[each].refusal is None))


def keys_that_sign(life: Lifecycle, now: datetime) -> dict[str, int]:
    """Their numbers by the SHA-256 of their public key, without one that is yet to be made."""
    numbers = {life.authorities[number].spki: number for number in signers_of(life, now) if number in life.authorities}
    return {key: number for key, number in numbers.items() if key}


def plan_lists(situation: Situation, life: Lifecycle, decisions: Mapping[str, Decision], *, fresh: bool) -> ListPlan:
    """What the lists of one CA should be.

    Args:
        situation: what was found.
        life: the CA, each generation with what is revoked of it.
        decisions: about components, by address, those that leave included.
        fresh: a new list is asked for, whatever is there.
    """
    authority = life.signing
    crls = [crl for crl in situation.desired.crls.values() if crl.name == authority.desired.name]
    found = lists_of(situation, authority)
    keep = max((crl.keep for crl in crls), default=timedelta(0))
    known = {**authority.revoked, **_leaving(situation, authority, decisions)}
    current = [each for each in known.values() if not _is_over(each, found, now=situation.now, keep=keep)]
    if by_server(authority):
        current = [replace(each, written=False) for each in current]
    entries, held = _split(situation, authority, decisions, current)
    wanted = ListPlan(
        ca=authority.desired.name,
        entries=entries,
        held=held,
        previous=max((0, *(facts.number or 0 for facts in found), *_recorded_numbers(situation, crls))),
    )
    return wanted if fresh else replace(wanted, reference=_reference(situation, life, crls, entries))


def _recorded_numbers(situation: Situation, crls: list[Crl]) -> Iterator[int]:
    """What we published last, should nobody be able to read it any more."""
    return (record.number for crl in crls if (record := situation.records.get(crl.address)) is not None)


def lacking(facts: CrlFacts, entries: tuple[Known, ...], signer: str) -> tuple[Known, ...]:
    """What a list should name and does not, or not as git has it. What it names beyond that stays until it is signed again.

    Args:
        facts: the list.
        entries: what the lists of its CA should name.
        signer: SHA-256 of the public key that signed it.
    """
    named = {entry.serial: entry for entry in facts.entries}
    wanted = (each for each in entries if each.signer in {"", signer})
    return tuple(each for each in wanted if (entry := named.get(each.serial)) is None or _differs(each, entry.at, entry.reason))


def current_of(state: object, authority: Authority) -> CrlFacts | None:
    """The list in a file that the CA's own key signed; None without one."""
    if not isinstance(state, RevocationLists) or not authority.spki:
        return None
    return next((facts for facts, signer in zip(state.lists, state.signers, strict=True) if signer == authority.spki), None)


def _differs(known: Known, at: datetime, reason: str) -> bool:
    return known.written and ((known.at is not None and known.at != at) or known.reason != reason)


def _leaving(situation: Situation, authority: Authority, decisions: Mapping[str, Decision]) -> dict[str, Known]:
    """The certificates of components that this plan takes away while they are alive."""
    found: dict[str, Known] = {}
    for address, decision in decisions.items():
        if decision.action != Action.DESTROY or decision.blocked or decision.kind not in LEAVES:
            continue
        for each in situation.records[address].alive(situation.now):
            if each.issuer == authority.desired.address and each.serial not in authority.revoked:
                found[each.serial] = Known(
                    serial=each.serial,
                    address=address,
                    reason=LEFT,
                    not_after=each.not_after,
                    fingerprint=each.fingerprint,
                    needs=address,
                )
    return found


#: The reason of what left the desired state (RFC 5280 section 5.3.1).
LEFT = "cessationOfOperation"


def _split(
    situation: Situation, authority: Authority, decisions: Mapping[str, Decision], current: list[Known]
) -> tuple[tuple[Known, ...], tuple[Known, ...]]:
    """What may be listed, and what may not yet: reissue first, then revoke."""
    entries: list[Known] = []
    held: list[Known] = []
    users = in_use(situation, authority) if any(not each.listed for each in current) else {}
    for each in sorted(current, key=lambda each: int(each.serial, 16)):
        user = "" if each.listed else users.get(each.serial, "")
        if not user:
            entries.append(each)
        elif (decision := decisions.get(user)) is not None and decision.issues:
            entries.append(replace(each, needs=user))
        else:
            held.append(replace(each, needs=user))
    return tuple(entries), tuple(held)


def _is_over(known: Known, found: tuple[CrlFacts, ...], *, now: datetime, keep: timedelta) -> bool:
    """Whether an entry may be dropped: its certificate has ended, and a list issued after that has named it.

    The second half is RFC 5280 section 3.3, for whoever judges old signatures; what never stood on a list needs no such farewell.
    """
    end = known.not_after if known.not_after is not None else known.at + keep if known.at is not None else None
    if end is None or end >= now:
        return False
    return not known.listed or any(facts.this_update > end and known.serial in facts.serials for facts in found)


def _reference(situation: Situation, life: Lifecycle, crls: list[Crl], entries: tuple[Known, ...]) -> Reference | None:
    """The newest list on disk that is as it should be. An entry that waits for something makes a new one necessary.

    Where PEM is published it stands in a file with those of all generations: a copy must not lack any of them.
    """
    several = any("pem" in crl.formats for crl in crls)
    needed = frozenset(keys_that_sign(life, situation.now)) if several else frozenset({life.signing.spki})
    sound = (each for crl in crls for each in _sound(situation, life.signing, crl, entries, needed))
    return max(sound, key=lambda each: (each.facts.number or 0, each.facts.fingerprint, each.form), default=None)


def _sound(
    situation: Situation, authority: Authority, crl: Crl, entries: tuple[Known, ...], needed: frozenset[str]
) -> Iterator[Reference]:
    seen = situation.observed.crls.get(crl.address, NO_FILES)
    for form, path in crl.paths.items():
        state = seen.files.get(form)
        facts = current_of(state, authority)
        whole = isinstance(state, RevocationLists) and needed.issubset(state.signers)
        if not whole or facts is None or lacking(facts, entries, authority.spki):
            continue
        if is_sound(facts, crl, authority, situation.now):
            yield Reference(address=crl.address, form=form, path=path, facts=facts)


def is_sound(facts: CrlFacts, crl: Crl, authority: Authority, now: datetime) -> bool:
    """Whether a list of the CA's own key can go on being used: dates, number and signature."""
    due = any(True for _ in why_due(crl, facts, now=now, authority_end=authority.not_after, by_server=by_server(authority)))
    return not due and facts.this_update <= now and facts.signature_hash not in WEAK_HASHES

"""Revocation lists: signed once in a run for all places of a CA, or copied from where the newest one stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

import msgspec

from reconciler.apply.access import is_access_only, repair_access
from reconciler.apply.material import issuer
from reconciler.apply.publishing import Intention, intend
from reconciler.apply.records import crl_record
from reconciler.apply.run import BlockedError, Run
from reconciler.desired.model import Crl
from reconciler.desired.vault import PkiKey
from reconciler.issuers.protocol import Issuer
from reconciler.observed.model import Certificates, ObservedState, RevocationLists
from reconciler.plan.build import Work
from reconciler.plan.inventory import LEAVES, Revoked
from reconciler.plan.reasons import Reason
from reconciler.plan.renewal import planned_end
from reconciler.plan.revocation.data import Known, ListPlan, Reference
from reconciler.plan.revocation.lists import lacking, signers_of
from reconciler.plan.rotation.authority import BACKDATING
from reconciler.plan.trust import unexpired
from reconciler.stores.errors import StoreError
from reconciler.stores.publication import OutFile
from reconciler.stores.store import read_from
from reconciler.x509.crl import UNSPECIFIED, RevocationList, read_crl, read_crls, signed_by
from reconciler.x509.facts import CrlEntry

#: As where lists are looked at.
_LIMIT: Final = 64 << 20


def prepare(run: Run, work: Work, started: float) -> Intention | None:
    """What is to be published for the list of a CA at one place; None when modes were all there was to mend.

    Raises:
        BlockedError: what was to be replaced first was not, and nothing else asks for a new list.
        LintError, StoreError, UnreadableError: the old list is untouched.
    """
    crl = run.desired.crls[work.address]
    if is_access_only(work):
        repair_access(run, work, crl.access, dict.fromkeys(crl.paths.values(), crl.access.mode), started)
        return None
    lists = run.signed_lists.get(crl.name)
    if lists is None:
        plan = run.lists[crl.name]
        lists = _copied(run, plan.reference) if plan.reference is not None else _signed(run, work, crl, plan)
        run.signed_lists[crl.name] = lists
    record = crl_record(crl, lists[0].facts)
    files = list_files(lists, crl)
    return intend(run, work, crl.place, crl.access, lambda: (files, record), started=started, record=record)


def list_files(lists: Sequence[RevocationList], crl: Crl) -> tuple[OutFile, ...]:
    """The files of a place. DER holds one list, that of the CA's own key; PEM one of each key that is trusted."""
    data = {"pem": b"".join(each.pem for each in lists), "der": lists[0].der}
    return tuple(OutFile(suffix=suffix, data=data[form], mode=crl.access.mode) for form, suffix in crl.suffixes.items())


def sign_lists(
    issuers: Sequence[Issuer], entries: Sequence[CrlEntry], *, crl: Crl, previous: int, now: datetime
) -> tuple[RevocationList, ...]:
    """One list of each issuer, all with the same entries: etcd compares serials alone.

    Args:
        issuers: the CA's own key first, then those that are still trusted.
        entries: each serial once.
        crl: for how long it is valid.
        previous: the greatest crlNumber so far.
        now: the time. It is the number too, unless that would not grow: so it grows even when every list was lost.

    Raises:
        LintError: something else came out.
    """
    number = max(previous + 1, int(now.timestamp()))
    signed = []
    for each in issuers:
        own = each.certificate.facts
        begin = max((now - BACKDATING).replace(microsecond=0), own.not_before)
        end = planned_end(now, crl.validity, own.not_after)
        signed.append(each.sign_list(entries, number=number, this_update=begin, next_update=end))
    return tuple(signed)


def replaced(run: Run, plan: Iterable[Work], *, now: datetime) -> Iterator[Revoked]:
    """What this run replaced because it is revoked: nobody knows any more when it ends once its files are gone."""
    written = {(each.ca, each.serial): each for each in run.desired.revocations}
    for work in plan:
        is_revoked = work.kind in LEAVES and any(finding.reason == Reason.REVOKED for finding in work.findings)
        found = run.observed.pairs[work.address].certificate if is_revoked and work.address in run.done else None
        if not isinstance(found, Certificates):
            continue
        leaf, ca = found.chain[0], run.desired.components[work.address].ca
        entry = written.get((ca, leaf.serial))
        yield Revoked(
            serial=leaf.serial,
            issuer=f"ca.{ca}",
            at=(entry.at if entry else None) or now.replace(microsecond=0),
            reason=entry.reason if entry else UNSPECIFIED,
            address=work.address,
            not_after=leaf.not_after,
            fingerprint=leaf.fingerprint,
        )


def confirmed(run: Run, revoked: Iterable[Revoked]) -> Iterator[Revoked]:
    """The same, with what servers have on their lists by now: which generation's list has to name a certificate.

    A server keeps a list for each generation. Without this nobody could tell, of a DER file that holds one of them, whether
    it lacks something.
    """
    known = {(each.issuer, each.serial): each for each in revoked}
    for name, lists in run.signed_lists.items():
        ca = run.desired.cas[name]
        if not isinstance(ca.key_in, PkiKey):
            continue
        signers = {number: issuer.certificate for (owner, number), issuer in run.issuers.items() if owner == name}
        for made in lists:
            key = next((each.facts.spki_sha256 for each in signers.values() if signed_by(made, each)), "")
            for entry in run.lists[name].entries if key else ():
                if entry.serial in made.facts.serials:
                    before = known.get((ca.address, entry.serial)) or _by_git(ca.address, entry, run.now())
                    known[ca.address, entry.serial] = msgspec.structs.replace(before, signer=key)
    yield from known.values()


def _by_git(issuer: str, entry: Known, now: datetime) -> Revoked:
    return Revoked(
        serial=entry.serial,
        issuer=issuer,
        at=entry.at or now.replace(microsecond=0),
        reason=entry.reason,
        address=entry.address,
        not_after=entry.not_after,
        fingerprint=entry.fingerprint,
    )


def remembered(
    revoked: Iterable[Revoked], observed: ObservedState, signed: Iterable[Sequence[RevocationList]], *, now: datetime
) -> tuple[Revoked, ...]:
    """What the inventory keeps: each certificate until it has ended and no list names it any more.

    Args:
        revoked: what it held, then what this run added.
        observed: what was found before this run.
        signed: what this run signed.
        now: the time.
    """
    found = [state.lists for crl in observed.crls.values() for state in crl.files.values() if isinstance(state, RevocationLists)]
    facts = [*(each for lists in found for each in lists), *(each.facts for lists in signed for each in lists)]
    listed: frozenset[str] = frozenset().union(*(each.serials for each in facts))
    kept = {
        (each.issuer, each.serial): each
        for each in revoked
        if each.not_after is None or each.not_after >= now or each.serial in listed
    }
    return tuple(kept[key] for key in sorted(kept))


def _copied(run: Run, reference: Reference) -> tuple[RevocationList, ...]:
    """The newest list, from where it stands."""
    data = read_from(run.store, reference.path, limit=_LIMIT)
    lists = read_crls(data) if reference.form == "pem" else (read_crl(data),)
    own = [each for each in lists if each.facts.fingerprint == reference.facts.fingerprint]
    if not own:
        raise StoreError(reference.path, "it is another list than the one that was looked at", "run apply again")
    return (*own, *(each for each in lists if each not in own))


def _signed(run: Run, work: Work, crl: Crl, plan: ListPlan) -> tuple[RevocationList, ...]:
    """A new list of everything that may be on it now: what waits for something that was not done waits on."""
    waiting = [each for each in plan.entries if each.needs and each.needs not in run.done]
    entries = tuple(each for each in plan.entries if each not in waiting)
    for_entries = all(finding.reason == Reason.REVOKED for finding in work.findings)
    if waiting and for_entries and not _says_more(run, crl, entries):
        raise BlockedError(waiting[0].needs, "still works with what is to be revoked")
    now = run.now()
    at = now.replace(microsecond=0)
    listed = [CrlEntry(serial=each.serial, at=each.at or at, reason=each.reason) for each in entries]
    life = run.lives[crl.name]
    numbers = signers_of(life, now)
    issuers = [issuer(run, crl.name, number) for number in numbers]
    lists = sign_lists(issuers, listed, crl=crl, previous=plan.previous, now=now)
    return lists if set(unexpired(life, now)).issubset(numbers) else (*lists, *_kept(run, crl, issuers))


def _kept(run: Run, crl: Crl, issuers: Sequence[Issuer]) -> Iterator[RevocationList]:
    """The lists of generations that are trusted and cannot sign any more: without one, what they signed is refused at once."""
    if isinstance(run.observed.crls[crl.address].files.get("pem"), RevocationLists):
        for each in read_crls(read_from(run.store, crl.paths["pem"], limit=_LIMIT)):
            if not any(signed_by(each, issuer.certificate) for issuer in issuers):
                yield each


def _says_more(run: Run, crl: Crl, entries: tuple[Known, ...]) -> bool:
    """Whether a list of these would say something that the one in its place does not."""
    files = run.observed.crls[crl.address].files.values()
    found = (state for state in files if isinstance(state, RevocationLists))
    return any(lacking(facts, entries, key) for state in found for facts, key in zip(state.lists, state.signers, strict=True))

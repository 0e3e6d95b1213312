"""Which certificates of a CA are revoked: by git, by what we took away, and by its own lists. Decisions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from msgspec.structs import replace

from reconciler.desired.model import Revocation, generation_address
from reconciler.desired.vault import PkiKey
from reconciler.observed.model import Certificates, RevocationLists
from reconciler.plan.context import Authority, Situation
from reconciler.plan.document import DiagnosticEntry
from reconciler.plan.inventory import LEAVES
from reconciler.plan.revocation.data import Known
from reconciler.plan.rotation.lifecycle import Lifecycle
from reconciler.x509.facts import CertificateFacts, CrlFacts

#: A commit may come from a clock that is a little ahead of ours.
TOLERANCE = timedelta(minutes=5)


def with_revocations(situation: Situation, lives: Mapping[str, Lifecycle]) -> dict[str, Lifecycle]:
    """The CAs, each generation with what is revoked of any of them."""
    return {name: _with_revoked(situation, life) for name, life in lives.items()}


def _with_revoked(situation: Situation, life: Lifecycle) -> Lifecycle:
    family = frozenset(life.keys)
    revoked = known_of(situation, replace(life.signing, family=family))
    authorities = {number: replace(authority, revoked=revoked, family=family) for number, authority in life.authorities.items()}
    return replace(life, authorities=authorities)


def known_of(situation: Situation, authority: Authority) -> dict[str, Known]:
    """What is revoked of a CA by serial.

    Git has the last word on date and reason; then what stands on a list; then our record. Nothing that is on a list is
    taken off it because git or our record forgot it: losing them must not let a revoked certificate back in.
    """
    name = authority.desired.name
    known: dict[str, Known] = {}
    for record in situation.revoked:
        if record.issuer == authority.desired.address:
            known[record.serial] = Known(
                serial=record.serial,
                address=record.address,
                at=record.at,
                reason=record.reason,
                not_after=record.not_after,
                fingerprint=record.fingerprint,
                signer=record.signer,
            )
    for facts, signer in _signed_lists(situation, authority):
        for entry in facts.entries:
            before = known.get(entry.serial, Known(serial=entry.serial))
            if not before.listed:
                known[entry.serial] = replace(
                    before, at=entry.at, reason=entry.reason, listed=True, signer=signer if by_server(authority) else ""
                )
    for revocation in situation.desired.revocations:
        if revocation.ca == name and _why_not(situation, revocation) is None:
            before = known.get(revocation.serial, Known(serial=revocation.serial))
            known[revocation.serial] = replace(
                before,
                address=revocation.component,
                at=revocation.at or before.at,
                reason=revocation.reason,
                written=True,
            )
    return _with_ends(situation, authority, known) if known else {}


def keys_of(authority: Authority) -> frozenset[str]:
    """SPKI SHA-256 of the keys whose lists count as the CA's own."""
    return (authority.family | {authority.spki}) - {""}


def by_server(authority: Authority) -> bool:
    """Whether a server makes the lists of a CA, one for each generation: entries, dates and reasons are then its own."""
    return isinstance(authority.desired.key_in, PkiKey)


def lists_of(situation: Situation, authority: Authority) -> tuple[CrlFacts, ...]:
    """Every list of a CA that was found and that its key verifiably signed, the newest first."""
    return tuple(facts for facts, _ in _signed_lists(situation, authority))


def _signed_lists(situation: Situation, authority: Authority) -> tuple[tuple[CrlFacts, str], ...]:
    """The same, each with the SHA-256 of the public key that signed it."""
    keys = keys_of(authority)
    found: dict[str, tuple[CrlFacts, str]] = {}
    for address, crl in situation.desired.crls.items():
        seen = situation.observed.crls.get(address) if crl.name == authority.desired.name else None
        for state in seen.files.values() if seen is not None else ():
            if isinstance(state, RevocationLists):
                found |= {
                    facts.fingerprint: (facts, signer)
                    for facts, signer in zip(state.lists, state.signers, strict=True)
                    if signer in keys
                }
    return tuple(sorted(found.values(), key=lambda each: (-(each[0].number or 0), each[0].fingerprint)))


def tell_unusable(situation: Situation) -> Iterator[DiagnosticEntry]:
    """An error for each entry of git that is not acted on."""
    for revocation in situation.desired.revocations:
        why = _why_not(situation, revocation)
        if why is not None:
            yield why


def _why_not(situation: Situation, revocation: Revocation) -> DiagnosticEntry | None:
    """Why an entry of git is not acted on: it names a CA, or a time to come."""
    if (ca := _authority_with(situation, revocation.serial)) is not None:
        return DiagnosticEntry(
            severity="error",
            code="revokes-a-ca",
            summary=f"Serial {revocation.serial} is that of {ca}, and is not revoked",
            detail="Everything below a CA would be refused at once. A CA goes by a rotation: raise its `generation`.",
            address=ca,
        )
    if revocation.at is not None and revocation.at > situation.now + TOLERANCE:
        return DiagnosticEntry(
            severity="error",
            code="revoked-in-the-future",
            summary=f"Serial {revocation.serial} of {revocation.component} is revoked at a time to come, and is not listed yet",
            detail=f"`at` is {revocation.at:%Y-%m-%dT%H:%M:%SZ}. Write when it was revoked, or leave it out.",
            address=f"ca.{revocation.ca}",
        )
    return None


def _authority_with(situation: Situation, serial: str) -> str | None:
    """The address of the CA that has this serial itself."""
    for ca in situation.desired.cas.values():
        beside = (generation_address(ca.address, number) for number in situation.observed.generations.get(ca.address, ()))
        for address in (ca.address, *(replica.address for replica in ca.replicas), *beside):
            leaf = leaf_at(situation, address)
            if leaf is not None and leaf.serial == serial:
                return ca.address
    return None


def leaf_at(situation: Situation, address: str) -> CertificateFacts | None:
    """The certificate that was found at an address."""
    found = situation.pair(address).certificate
    return found.chain[0] if isinstance(found, Certificates) else None


def in_use(situation: Situation, authority: Authority) -> dict[str, str]:
    """Addresses of the CA's components by the serial of the certificate that they have now."""
    found: dict[str, str] = {}
    for address, component in situation.desired.components.items():
        if component.ca == authority.desired.name and situation.pair(address).signed_by in keys_of(authority):
            leaf = leaf_at(situation, address)
            if leaf is not None:
                found.setdefault(leaf.serial, address)
    return found


def _with_ends(situation: Situation, authority: Authority, known: dict[str, Known]) -> dict[str, Known]:
    """The same, with the end of each certificate that is still on disk or in our records."""
    for record in situation.records.values():
        each = known.get(record.serial) if record.issuer == authority.desired.address and record.kind in LEAVES else None
        if each is not None:
            known[record.serial] = replace(
                each, not_after=each.not_after or record.not_after, fingerprint=each.fingerprint or record.fingerprint
            )
    for serial, address in in_use(situation, authority).items():
        each, leaf = known.get(serial), leaf_at(situation, address)
        if each is not None and leaf is not None:
            known[serial] = replace(each, not_after=leaf.not_after, fingerprint=leaf.fingerprint, address=each.address or address)
    return known

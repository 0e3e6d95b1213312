"""One generation of a CA, as what rests on it sees it: what it is, whether it can sign, and whether it may be made. Decisions.

A CA that is missing while certificates of it are alive is not made anew: nothing that exists would chain to it
(kubeadm 1518, 2618: external-CA mode must stay possible, and a lost key must not turn into a silent new cluster).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import chain

from msgspec.structs import replace

from reconciler.desired.external import is_external
from reconciler.desired.model import CA
from reconciler.desired.store import KV_LAYOUT
from reconciler.observed.model import Absent, Certificates, Key, ObservedPair, Unusable
from reconciler.plan.checks_authority import REFUSING, TELLING, TELLING_OF_OTHERS, CaContext, told
from reconciler.plan.checks_files import owners, public_mode, secret_mode
from reconciler.plan.context import Authority, Refusal, Situation
from reconciler.plan.dependents import live_dependent, lost_generation
from reconciler.plan.reasons import Finding, Reason
from reconciler.plan.renewal import planned_end
from reconciler.plan.rotation.elsewhere import files_of, kept_elsewhere, no_key_held
from reconciler.plan.rotation.lifecycle import Lifecycle
from reconciler.x509.facts import CertificateFacts

#: How far a new certificate is back-dated.
BACKDATING = timedelta(minutes=5)


def of_generation(ca: CA, number: int) -> CA:
    """A CA as one generation of it is made: a later one has its number in its name, unless the name is written by hand.

    Two CAs of one name confuse OpenSSL where key identifiers are missing (openssl 13718), and people everywhere.
    """
    subject = ca.subject
    if ca.numbered and number > 1:
        subject = replace(subject, common_name=f"{subject.common_name} g{number}")
    return replace(ca, generation=number, subject=subject)


def look_at(ca: CA, address: str, situation: Situation, parent: Lifecycle | None) -> tuple[Authority, tuple[Finding, ...]]:
    """A generation of which something is there.

    Args:
        ca: as this generation is wanted, its place included.
        address: under which it was found.
        situation: what was found.
        parent: the CA above it; None for a root.

    Returns:
        The authority, and what was found about it that keeps it from nothing.
    """
    pair = situation.pair(address)
    if not isinstance(pair.certificate, Certificates):
        return Authority(desired=ca, certificate=None, refusal=_without_certificate(ca, pair)), ()
    certificate = pair.certificate.chain[0]
    context = CaContext(
        desired=ca,
        certificate=certificate,
        pair=pair,
        parent_keys=frozenset(parent.keys) if parent is not None else frozenset(),
        now=situation.now,
    )
    refusing = list(chain.from_iterable(check(context) for check in REFUSING))
    refusal = _without_key(ca, pair, situation)
    if refusing:
        refusal = _refusal(ca, refusing[0], keeps_files=refusing[0].reason != Reason.KEY_MISMATCH)
    authority = Authority(
        desired=ca,
        certificate=certificate,
        not_before=certificate.not_before,
        not_after=certificate.not_after,
        served=_served(certificate, _above(pair, parent)),
        refusal=refusal,
    )
    telling = chain.from_iterable(check(context) for check in (TELLING_OF_OTHERS if ca.taken_as_it_is else TELLING))
    return authority, (*refusing[1:], *telling)


def to_be_made(ca: CA, situation: Situation, parent: Lifecycle | None) -> Authority:
    """A generation of which nothing is there: made by this plan, or why not.

    Args:
        ca: as it is wanted.
        situation: what was found.
        parent: the CA above it; None for a root.
    """
    elsewhere = kept_elsewhere(ca, situation) if ca.key_in is not None else None
    if elsewhere is not None and elsewhere.certificate is not None:
        return _to_be_published(ca, elsewhere.certificate, parent)
    if elsewhere is not None and elsewhere.refusal is not None:
        return Authority(desired=ca, certificate=None, refusal=elsewhere.refusal)
    why_not = _not_here(ca) if not ca.creatable else _why_not_made(ca, situation)
    above = parent.authorities[parent.standing.issues(client=False)] if parent is not None else None
    if why_not is None and above is not None:
        why_not = above.refusal
    if why_not is not None:
        return Authority(desired=ca, certificate=None, refusal=why_not)
    now = situation.now
    return Authority(
        desired=ca,
        certificate=None,
        creating=True,
        not_before=now - BACKDATING,
        not_after=planned_end(now, ca.lifetime, above.not_after if above is not None else None),
        served=() if parent is None else None,
    )


def _to_be_published(ca: CA, certificate: CertificateFacts, parent: Lifecycle | None) -> Authority:
    """A generation that a server keeps, with its certificate: our store only lacks it."""
    return Authority(
        desired=ca,
        certificate=certificate,
        creating=True,
        not_before=certificate.not_before,
        not_after=certificate.not_after,
        served=_served(certificate, parent.signing if parent is not None else None),
    )


def access_findings(ca: CA, address: str, situation: Situation) -> Iterator[Finding]:
    """Modes and owners, which are mended even on a CA; only where both files are there."""
    pair = situation.pair(address)
    if isinstance(pair.key, Key) and isinstance(pair.certificate, Certificates):
        yield from secret_mode(pair.key.meta, ca.access.mode, "mode")
        yield from public_mode(pair.certificate.meta, "certificate_mode")
        yield from owners(ca.access, [pair.key.meta, pair.certificate.meta], situation.observed)


def _above(pair: ObservedPair, parent: Lifecycle | None) -> Authority | None:
    """The generation of its parent that signed it; else the one that would."""
    if parent is None:
        return None
    number = parent.keys.get(pair.signed_by)
    return parent.authorities[number] if number is not None else parent.signing


def _not_here(ca: CA) -> Refusal:
    home = f" on node {ca.home}" if ca.home else ""
    finding = told(Reason.MISSING, "there is no certificate and no key")
    detail = f"It is made{home}, not here. Copy {files_of(ca)} from there."
    if ca.place.layout == KV_LAYOUT:
        detail = f"It is made{home}, not here. Apply there first: what is made there is seen from here."
    elif ca.key_in is not None:
        detail = f"It is made{home}, not here. Copy {ca.place.file('.crt')} from there."
    summary = f"{ca.address} is not on this node"
    if ca.generation > 1:
        summary = f"generation {ca.generation} of {ca.address} is not on this node"
    return Refusal(
        address=ca.address, code="ca-certificate-missing", summary=summary, detail=detail, finding=finding,
        severe=True, keeps_files=False,
    )  # fmt: skip


def _why_not_made(ca: CA, situation: Situation) -> Refusal | None:
    """Why a CA of which nothing is there is not made. A further generation of one that is there may be."""
    finding = told(Reason.MISSING, "there is no certificate and no key")
    code, summary = "ca-certificate-missing", f"{ca.address} is missing and is not made anew"
    known = situation.observed.generations.get(ca.address) or not isinstance(situation.pair(ca.address).certificate, Absent)
    dependent = lost_generation(ca, situation) if known else live_dependent(ca, situation)
    if dependent is None:
        return None
    detail = (
        f"{dependent}. Restore {files_of(ca)} from a backup or from a copy. To start over "
        f"on purpose, remove everything that this CA issued, and take it out of the inventory with `removed`."
    )
    return Refusal(address=ca.address, code=code, summary=summary, detail=detail, finding=finding, severe=True, keeps_files=False)


def _without_certificate(ca: CA, pair: ObservedPair) -> Refusal:
    """A CA whose certificate is missing or cannot be used, while something is there."""
    path = ca.place.file(".crt")
    if isinstance(pair.certificate, Unusable):
        message = f"certificate: {pair.certificate.detail.rstrip('.')} ({pair.certificate.problem})"
        finding = told(Reason.UNREADABLE, message, "certificate", current=pair.certificate.problem)
        return _refusal(ca, finding, keeps_files=False)
    return Refusal(
        address=ca.address,
        code="ca-certificate-missing",
        summary=f"{ca.address} has a key but no certificate",
        detail=f"Restore {path}: a new certificate around the same key would be another CA to everything that trusts this one.",
        finding=told(Reason.MISSING, "there is no certificate", "certificate"),
        severe=True,
        keeps_files=False,
    )


def _without_key(ca: CA, pair: ObservedPair, situation: Situation) -> Refusal | None:
    """A CA whose key is missing or cannot be used: external-CA mode, or a loss when we know that there was one."""
    record = situation.records.get(ca.address)
    path = ca.place.file(".key")
    if isinstance(pair.key, Unusable):
        finding = told(
            Reason.UNREADABLE, f"key: {pair.key.detail.rstrip('.')} ({pair.key.problem})", "key", current=pair.key.problem
        )
        return replace(_refusal(ca, finding, keeps_files=False), severe=record is not None or ca.key_in is not None)
    if not isinstance(pair.key, Absent) or is_external(ca):
        return None
    if ca.key_in is not None:
        return no_key_held(ca)
    return Refusal(
        address=ca.address,
        code="ca-key-missing",
        summary=f"{ca.address} cannot sign: its key is missing",
        detail=f"Restore {path}. It is never made anew: nothing that exists would chain to a new key. "
        "Without it certificates are watched, and nothing is issued (external-CA mode).",
        finding=told(Reason.MISSING, "there is no key", "key"),
        severe=record is not None,
        keeps_files=False,
    )


def _refusal(ca: CA, finding: Finding, *, keeps_files: bool) -> Refusal:
    return Refusal(
        address=ca.address,
        code=finding.reason.value,
        summary=f"{ca.address} cannot sign: {finding.message}",
        detail=f"It is {files_of(ca)}. {_way_out(ca)}",
        finding=finding,
        severe=finding.reason != Reason.NOT_YET_VALID,
        keeps_files=keeps_files,
    )


def _way_out(ca: CA) -> str:
    if is_external(ca):
        return "Whoever keeps its key has to give it another certificate; until that stands there nothing is asked of it."
    return "A CA is replaced by a rotation, not by a repair; nothing is issued from it until then."


def _served(certificate: CertificateFacts, parent: Authority | None) -> tuple[CertificateFacts, ...] | None:
    """What follows a leaf of this CA in a file: every CA up to, but not including, the root."""
    own = () if certificate.self_signed else (certificate,)
    if parent is None:
        return own
    return None if parent.served is None else (*own, *parent.served)

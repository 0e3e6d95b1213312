"""What becomes of each CA: made when nothing rests on it yet, repaired around its key, never replaced; and who can sign.

A CA that is missing while certificates of it are alive is not made anew: nothing that exists would chain to it
(kubeadm 1518, 2618: external-CA mode must stay possible, and a lost key must not turn into a silent new cluster).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import chain

import msgspec
from msgspec.structs import replace

from reconciler.desired.model import CA
from reconciler.observed.model import Absent, Certificates, Key, ObservedPair, Unusable
from reconciler.plan.checks_authority import REFUSING, TELLING, CaContext, told
from reconciler.plan.checks_files import owners, public_mode, secret_mode
from reconciler.plan.context import Authority, Decision, Refusal, Situation
from reconciler.plan.dependents import live_dependent
from reconciler.plan.document import DiagnosticEntry
from reconciler.plan.reasons import Action, Finding, Reason
from reconciler.plan.renewal import planned_end
from reconciler.x509.facts import CertificateFacts

#: How far a new certificate is back-dated.
BACKDATING = timedelta(minutes=5)


class Authorities(msgspec.Struct, frozen=True, kw_only=True):
    """All CAs as the rest of the plan sees them, and what was decided about them."""

    by_name: Mapping[str, Authority]
    decisions: tuple[Decision, ...]
    told: tuple[DiagnosticEntry, ...]


def decide_authorities(situation: Situation) -> Authorities:
    """Decides about every CA that the plan covers, parents first."""
    known: dict[str, Authority] = {}
    decisions: list[Decision] = []
    notes: list[DiagnosticEntry] = []
    for ca in sorted(situation.desired.cas.values(), key=lambda ca: (depth(ca, situation), ca.name)):
        if not situation.covers(ca.address):  # then nothing below it is covered either
            continue
        authority, findings = _look(ca, situation, known)
        known[ca.name] = authority
        notes += [_note(ca, finding) for finding in findings if finding.action == Action.NONE]
        acting = tuple(finding for finding in findings if finding.action > Action.NONE)
        if acting and authority.refusal is not None and authority.certificate is None:
            decisions.append(
                Decision(
                    address=ca.address,
                    kind="ca",
                    action=Action.NONE,
                    findings=acting,
                    blocked=True,
                    held_by=authority.refusal.address,
                )
            )
        elif acting:
            action = max(finding.action for finding in acting)
            decisions.append(Decision(address=ca.address, kind="ca", action=action, findings=acting))
    return Authorities(by_name=known, decisions=tuple(decisions), told=tuple(notes))


def depth(ca: CA, situation: Situation) -> int:
    """How many CAs stand above this one."""
    above, parent = 0, ca.issuer
    while parent is not None:
        above, parent = above + 1, situation.desired.cas[parent].issuer
    return above


def _look(ca: CA, situation: Situation, known: Mapping[str, Authority]) -> tuple[Authority, tuple[Finding, ...]]:
    pair = situation.pair(ca.address)
    parent = known[ca.issuer] if ca.issuer is not None else None
    if isinstance(pair.certificate, Absent) and isinstance(pair.key, Absent):
        return _look_at_nothing(ca, situation, parent)
    if not isinstance(pair.certificate, Certificates):
        return Authority(desired=ca, certificate=None, refusal=_without_certificate(ca, pair)), ()
    certificate = pair.certificate.chain[0]
    context = CaContext(
        desired=ca,
        certificate=certificate,
        pair=pair,
        parent_spki=parent.spki if parent is not None else "",
        record=situation.records.get(ca.address),
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
        served=_served(certificate, parent),
        refusal=refusal,
    )
    telling = chain.from_iterable(check(context) for check in TELLING)
    return authority, (*refusing[1:], *telling, *_file_findings(ca, pair, situation))


def _look_at_nothing(ca: CA, situation: Situation, parent: Authority | None) -> tuple[Authority, tuple[Finding, ...]]:
    finding = Finding(reason=Reason.MISSING, action=Action.CREATE, message="there is no certificate and no key")
    why_not = _why_not_made(ca, situation)
    if why_not is not None:
        return Authority(desired=ca, certificate=None, refusal=why_not), ()
    if parent is not None and parent.refusal is not None:
        return Authority(desired=ca, certificate=None, refusal=parent.refusal), (finding,)
    now = situation.now
    authority = Authority(
        desired=ca,
        certificate=None,
        creating=True,
        not_before=now - BACKDATING,
        not_after=planned_end(now, ca.lifetime, parent.not_after if parent is not None else None),
        served=() if parent is None else None,
    )
    return authority, (finding,)


def _why_not_made(ca: CA, situation: Situation) -> Refusal | None:
    """Why a CA of which nothing is there is not made."""
    finding = told(Reason.MISSING, "there is no certificate and no key")
    code, summary = "ca-certificate-missing", f"{ca.address} is missing and is not made anew"
    if not ca.creatable:
        home = f" on node {ca.home}" if ca.home else ""
        detail = f"It is made{home}, not here. Copy {ca.place.absolute}.crt and {ca.place.absolute}.key from there."
        return Refusal(
            address=ca.address, code=code, summary=f"{ca.address} is not on this node", detail=detail, finding=finding,
            severe=True, keeps_files=False,
        )  # fmt: skip
    dependent = live_dependent(ca, situation)
    if dependent is None:
        return None
    detail = (
        f"{dependent}. Restore {ca.place.absolute}.crt and {ca.place.absolute}.key from a backup or from a copy. To start over "
        f"on purpose, remove everything that this CA issued, and take it out of the inventory with `removed`."
    )
    return Refusal(address=ca.address, code=code, summary=summary, detail=detail, finding=finding, severe=True, keeps_files=False)


def _without_certificate(ca: CA, pair: ObservedPair) -> Refusal:
    """A CA whose certificate is missing or cannot be used, while something is there."""
    path = f"{ca.place.absolute}.crt"
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
    path = f"{ca.place.absolute}.key"
    if isinstance(pair.key, Unusable):
        finding = told(
            Reason.UNREADABLE, f"key: {pair.key.detail.rstrip('.')} ({pair.key.problem})", "key", current=pair.key.problem
        )
        return replace(_refusal(ca, finding, keeps_files=False), severe=record is not None)
    if not isinstance(pair.key, Absent):
        return None
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
        detail=f"Its files are {ca.place.absolute}.crt and {ca.place.absolute}.key. A CA is replaced by a rotation, not by a "
        "repair; nothing is issued from it until then.",
        finding=finding,
        severe=finding.reason != Reason.NOT_YET_VALID,
        keeps_files=keeps_files,
    )


def _served(certificate: CertificateFacts, parent: Authority | None) -> tuple[CertificateFacts, ...] | None:
    """What follows a leaf of this CA in a file: every CA up to, but not including, the root."""
    own = () if certificate.self_signed else (certificate,)
    if parent is None:
        return own
    return None if parent.served is None else (*own, *parent.served)


def _file_findings(ca: CA, pair: ObservedPair, situation: Situation) -> Iterator[Finding]:
    """Modes and owners, which are mended even on a CA; only where both files are there."""
    if isinstance(pair.key, Key) and isinstance(pair.certificate, Certificates):
        yield from secret_mode(pair.key.meta, ca.access.mode, "mode")
        yield from public_mode(pair.certificate.meta, "certificate_mode")
        yield from owners(ca.access, [pair.key.meta, pair.certificate.meta], situation.observed)


def _note(ca: CA, finding: Finding) -> DiagnosticEntry:
    return DiagnosticEntry(
        severity="warning",
        code=finding.reason.value,
        summary=f"{ca.address}: {finding.message}",
        detail=_difference(finding),
        address=ca.address,
    )


def _difference(finding: Finding) -> str:
    if finding.current is None or finding.planned is None:
        return ""
    return f"found {finding.current}, wanted {finding.planned}; only a rotation changes a CA"

"""The life of one CA: which generations it has, where it stands between them, and what is done about it now. Decisions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import msgspec
from msgspec.structs import replace

from reconciler.desired.external import is_external
from reconciler.desired.model import CA
from reconciler.observed.model import Absent
from reconciler.plan.checks_authority import told
from reconciler.plan.checks_time import instant
from reconciler.plan.context import Authority, Refusal, Situation
from reconciler.plan.reasons import Action, Finding, Reason
from reconciler.plan.renewal import renewal_due
from reconciler.plan.rotation.authority import access_findings, look_at, of_generation, to_be_made
from reconciler.plan.rotation.by_hand import by_hand
from reconciler.plan.rotation.evidence import Evidence
from reconciler.plan.rotation.findings import comes_in, retired
from reconciler.plan.rotation.generations import Wanted, wanted_number
from reconciler.plan.rotation.lifecycle import Lifecycle, Standing, Task
from reconciler.plan.rotation.lost import lost_authorities, lost_signing_pair
from reconciler.plan.rotation.observe import Family, evidence_of, facts_at
from reconciler.plan.rotation.phase import Phase
from reconciler.plan.rotation.standing import Terms, standing_of
from reconciler.plan.suspension import is_suspended
from reconciler.x509.facts import CertificateFacts


class Lived(msgspec.Struct, frozen=True, kw_only=True):
    """A CA's life, and what was found on the way."""

    lifecycle: Lifecycle
    findings: tuple[Finding, ...]
    """What this plan does about the CA itself, and what is only told."""


def live(ca: CA, families: Mapping[str, Family], lives: Mapping[str, Lifecycle], situation: Situation) -> Lived:
    """Decides about one CA.

    Args:
        ca: the CA.
        families: the generations of every CA.
        lives: the CAs above it.
        situation: what was found.
    """
    parent = lives[ca.issuer] if ca.issuer is not None else None
    family = families[ca.name]
    if not family.addresses:
        return _first(ca, situation, parent)
    if not ca.followed and (refusal := lost_signing_pair(ca, family, situation)) is not None:
        return _halted(ca, refusal)
    facts = {number: found for number, address in family.addresses.items() if (found := facts_at(address, situation.observed))}
    wanted = _wanted(ca, family, facts, situation)
    standing = _standing(ca, wanted, families, facts=facts, parent=parent, situation=situation)
    authorities, told_of = _authorities(ca, standing, family, parent, situation)
    lost = {} if ca.followed else lost_authorities(ca, family, situation)
    authorities = lost | authorities
    standing = replace(standing, trusted=tuple(sorted({*standing.trusted, *lost})))
    life = Lifecycle(desired=ca, standing=standing, authorities=authorities)
    task, findings = _task(life, family, parent, situation)
    access = [
        finding
        for address in dict.fromkeys((ca.address, *family.addresses.values()))
        for finding in access_findings(ca, address, situation)
    ]
    return Lived(lifecycle=replace(life, task=task), findings=(*findings, *told_of, *dict.fromkeys(access)))


def _first(ca: CA, situation: Situation, parent: Lifecycle | None) -> Lived:
    """A CA without a generation that can be read: made when nothing of it is there."""
    wanted = of_generation(ca, ca.generation)
    pair = situation.pair(ca.address)
    # Of a key that a server keeps, it is the server's to say: `to_be_made` asks what that was.
    nothing = isinstance(pair.certificate, Absent) and (isinstance(pair.key, Absent) or ca.key_in is not None)
    findings: tuple[Finding, ...] = ()
    if nothing:
        authority = to_be_made(wanted, situation, parent)
        if authority.creating or (authority.refusal is not None and authority.refusal.address != ca.address):
            message = "there is no certificate and no key"
            findings = (Finding(reason=Reason.MISSING, action=Action.CREATE, message=message),)
    else:
        authority, findings = look_at(wanted, ca.address, situation, parent)
    number = ca.generation
    standing = Standing(source=number, target=number, signing=0, trusted=(number,))
    life = Lifecycle(desired=ca, standing=standing, authorities={number: authority}, task="create" if authority.creating else "")
    return Lived(lifecycle=life, findings=findings)


def _halted(ca: CA, refusal: Refusal) -> Lived:
    """A CA of which nothing may be done, nor of what rests on it, before somebody mends it."""
    number = ca.generation
    authority = Authority(desired=of_generation(ca, number), certificate=None, refusal=refusal)
    standing = Standing(source=number, target=number, signing=0, trusted=(number,))
    return Lived(lifecycle=Lifecycle(desired=ca, standing=standing, authorities={number: authority}), findings=())


def _wanted(ca: CA, family: Family, facts: Mapping[int, CertificateFacts], situation: Situation) -> Wanted:
    def due(number: int) -> bool:
        return number in facts and situation.now >= renewal_due(ca.address, facts[number], ca.renew_before)

    return wanted_number(ca.generation, family.signing, frozenset(family.addresses), ca.rotation, due=due)


def _standing(
    ca: CA,
    wanted: Wanted,
    families: Mapping[str, Family],
    *,
    facts: Mapping[int, CertificateFacts],
    parent: Lifecycle | None,
    situation: Situation,
) -> Standing:
    family = families[ca.name]
    if not family.beside and wanted.number == family.signing:  # nothing to look for
        number = wanted.number
        return Standing(source=number, target=number, signing=number, trusted=(number,), note=wanted.note)
    evidence = _with_neighbours(evidence_of(ca, family, families, situation), ca, families, situation)
    record = situation.records.get(ca.address)
    known = record is not None and record.settled_generation == wanted.number
    terms = Terms(
        rotation=ca.rotation,
        now=situation.now,
        settled=record.settled if record is not None and known else None,
        made=facts[wanted.number].not_before if wanted.number in facts else None,
        blind=_blind(situation),
        frozen=_frozen(ca, wanted, family, parent, situation),
        confirmed=situation.options.confirmed,
        by_hand=_nobody if situation.desired.spread else partial(by_hand, ca.address, situation.desired),
    )
    return standing_of(wanted, evidence, terms)


def _nobody(_: Phase) -> tuple[str, ...]:
    """Of programs on nodes that are not seen: whoever says `proceed` says that they have loaded what they need."""
    return ()


def _with_neighbours(evidence: Evidence, ca: CA, families: Mapping[str, Family], situation: Situation) -> Evidence:
    """With the intermediates that are between two generations of their own: those come to rest first."""
    below = [child for child in situation.desired.cas.values() if child.issuer == ca.name and families[child.name].beside]
    return replace(
        evidence,
        busy=tuple(
            child.address for child in below if len(evidence_of(child, families[child.name], families, situation).live) > 1
        ),
    )


def _blind(situation: Situation) -> str:
    if situation.desired.partial:
        return "is seen in part"
    if situation.desired.spread:
        return "is copied to nodes that are not seen from here"
    node = situation.desired.node
    return f"is seen from node {node} alone" if node is not None else ""


def _frozen(ca: CA, wanted: Wanted, family: Family, parent: Lifecycle | None, situation: Situation) -> str:
    if is_suspended(ca.address, situation.desired):
        return "is suspended"
    if parent is not None and parent.standing.rotating and wanted.number not in family.addresses:
        return f"waits for the rotation of {parent.desired.address}"
    return ""


def _authorities(
    ca: CA, standing: Standing, family: Family, parent: Lifecycle | None, situation: Situation
) -> tuple[dict[int, Authority], list[Finding]]:
    """Every generation that is in use, or that this plan makes; and what is to be told of the one that stays."""
    authorities: dict[int, Authority] = {}
    findings: list[Finding] = []
    for number in sorted({standing.source, standing.target, *standing.trusted, *({standing.signing} - {0})}):
        wanted = of_generation(ca, number)
        address = family.addresses.get(number)
        if address is None:
            wanted = replace(wanted, place=ca.place.of_generation(number))
            authorities[number] = to_be_made(wanted, situation, parent)
            continue
        if address != ca.address:
            wanted = replace(wanted, place=ca.place.of_generation(number))
        authorities[number], found = look_at(wanted, address, situation, parent)
        if number == standing.target:
            findings += found
    return authorities, findings


def _task(life: Lifecycle, family: Family, parent: Lifecycle | None, situation: Situation) -> tuple[Task, tuple[Finding, ...]]:
    """The one thing that is done about the CA itself now; what else there is waits for the next look."""
    ca, standing = life.desired, life.standing
    tasks: tuple[tuple[Task, tuple[Finding, ...]], ...] = (
        ("stage", tuple(_staged(life))),  # first: what trusts it is planned as if it were there
        ("promote", tuple(_restored(life, family, situation))),
        ("promote", tuple(_promoted(life))),
        ("renew", tuple(_renewed(life, family, parent, situation))),
        ("retire", tuple(retired(standing, ca.place))),
    )
    return next(((task, findings) for task, findings in tasks if findings), ("", ()))


def _restored(life: Lifecycle, family: Family, situation: Situation) -> Iterator[Finding]:
    """The signing pair is gone, and the generation that belongs into it stands beside its place."""
    found = situation.pair(life.desired.address)
    number = life.standing.issues(client=False)
    if isinstance(found.certificate, Absent) and isinstance(found.key, Absent) and number in family.beside:
        message = f"there is no signing pair; generation {number} stands beside its place"
        yield Finding(reason=Reason.MISSING, action=Action.REPAIR, message=message, path="generation")


def _staged(life: Lifecycle) -> Iterator[Finding]:
    """A generation that is to come in and is not there yet."""
    standing = life.standing
    if not life.authorities[standing.target].creating:
        return
    if life.desired.generation == standing.target:
        yield comes_in(standing)
        return
    old = life.authorities.get(standing.source)
    end = f" on {instant(old.certificate.not_after)}" if old is not None and old.certificate is not None else ""
    yield comes_in(standing, f"it falls due{end}", reason=Reason.RENEWAL_DUE)


def _promoted(life: Lifecycle) -> Iterator[Finding]:
    """The signing pair holds another generation than the one that issues everything now."""
    standing = life.standing
    if standing.frozen or standing.phase not in {Phase.SERVERS, Phase.SOAK, Phase.DISTRUST}:
        return
    if standing.signing not in {0, standing.target}:
        yield Finding(
            reason=Reason.ISSUER_ROTATED,
            action=Action.ROTATE,
            message=f"generation {standing.target} signs from now on",
            path="generation",
            current=str(standing.signing),
            planned=str(standing.target),
        )


def _renewed(life: Lifecycle, family: Family, parent: Lifecycle | None, situation: Situation) -> Iterator[Finding]:
    """The same key gets a new certificate: it falls due, or the CA above has another key now."""
    ca, standing = life.desired, life.standing
    authority = life.authorities.get(standing.signing)
    if authority is None or authority.certificate is None or standing.frozen or is_external(ca):
        return
    signed_by = situation.pair(family.addresses[standing.signing]).signed_by
    above = parent.keys.get(signed_by) if parent is not None else None
    if parent is not None and above is not None and above not in parent.standing.accepts(client=False):
        yield Finding(
            reason=Reason.ISSUER_ROTATED,
            action=Action.REISSUE,
            message=f"generation {parent.standing.target} of {parent.desired.address} signs now; the key stays",
            path="issuer",
            current=str(above),
            planned=str(parent.standing.target),
        )
    if ca.rotation.strategy != "renew" or standing.rotating:
        return
    due = renewal_due(ca.address, authority.certificate, ca.renew_before)
    if situation.now >= due:
        yield Finding(
            reason=Reason.EXPIRED if situation.now > authority.certificate.not_after else Reason.RENEWAL_DUE,
            action=Action.REISSUE,
            message=f"it is due since {instant(due)}; the key stays",
            path="not_after",
            current=instant(authority.certificate.not_after),
        )


def early_warning(life: Lifecycle, situation: Situation) -> Finding | None:
    """That falling due will start something by itself, from half of renewBefore ahead of it."""
    ca = life.desired
    certificate = life.authorities[life.standing.target].certificate
    if certificate is None or ca.rotation.strategy == "manual" or life.standing.rotating:
        return None
    due = renewal_due(ca.address, certificate, ca.renew_before)
    if not due - ca.renew_before / 2 <= situation.now < due:
        return None
    what = {
        "staged": f"a rotation to generation {life.standing.target + 1} begins",
        "renew": "it is renewed with its key",
    }[ca.rotation.strategy]
    return told(Reason.RENEWAL_DUE, f"{what} by itself on {instant(due)}", "not_after", current=instant(certificate.not_after))

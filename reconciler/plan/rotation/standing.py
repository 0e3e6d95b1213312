"""Where something stands between two generations, from the evidence and from what git asks for. Decisions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec
from msgspec.structs import replace

from reconciler.desired.model import Rotation
from reconciler.plan.rotation.barriers import BARRIERS, Blocker, Course, phase_of
from reconciler.plan.rotation.evidence import Evidence
from reconciler.plan.rotation.generations import Wanted
from reconciler.plan.rotation.lifecycle import Standing
from reconciler.plan.rotation.phase import PHASES, Phase


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """On what terms a rotation goes, besides what was found."""

    rotation: Rotation
    now: datetime
    settled: datetime | None = None
    """Since when the wanted generation is known to have everything; from our record."""
    made: datetime | None = None
    """When the wanted generation was made."""
    blind: str = ""
    """Why this view does not see everything; empty when it does."""
    frozen: str = ""
    """Why nothing may begin now, as a clause."""
    confirmed: bool = False
    by_hand: Callable[[Phase], tuple[str, ...]] = lambda _: ()


def standing_of(wanted: Wanted, evidence: Evidence, terms: Terms) -> Standing:
    """Where it stands.

    Args:
        wanted: the generation that should be in use.
        evidence: what is there.
        terms: how it rotates.
    """
    others = evidence.live - {wanted.number}
    if not others:
        return _settled(wanted, evidence, terms)
    if len(others) > 1:
        return _unfinished(wanted, evidence, terms)
    (source,) = others
    return _under_way(wanted, evidence, terms, source)


def _settled(wanted: Wanted, evidence: Evidence, terms: Terms) -> Standing:
    """One generation, and perhaps the files of others that nobody uses."""
    number = wanted.number
    unused = evidence.numbers - {number}
    retiring = {each for each in unused if each > number or terms.rotation.retired == "destroy"}
    return Standing(
        source=number,
        target=number,
        signing=evidence.signing,
        trusted=(number,),
        retiring=() if terms.blind else tuple(sorted(retiring)),
        note=wanted.note,
        settled=terms.settled,
    )


def _under_way(wanted: Wanted, evidence: Evidence, terms: Terms, source: int) -> Standing:
    course = _course(evidence, terms, source, wanted.number)
    phase, waits = phase_of(course)
    unconfirmed, assumed = phase_of(replace(course, confirmed=False))
    if phase is Phase.DISTRUST and not waits:  # nobody holds it any more: only our record does
        return _settled(wanted, evidence, terms)
    if phase is Phase.STABLE:  # it may not begin
        return Standing(
            source=source,
            target=source,
            signing=evidence.signing,
            trusted=(source,),
            waits=waits,
            asked=wanted.number,
            note=wanted.note,
        )
    numbers = {"source": source, "target": wanted.number}
    soaks = phase in {Phase.SOAK, Phase.DISTRUST}
    return Standing(
        phase=phase,
        source=source,
        target=wanted.number,
        signing=evidence.signing,
        trusted=tuple(sorted(numbers[side] for side in PHASES[phase].trusted)),
        waits=waits,
        assumed=assumed if unconfirmed is not phase else (),
        soaks_until=course.soaks_until if soaks else None,
        settled=course.soaks_until - terms.rotation.soak if soaks else None,
        note=wanted.note,
    )


def _unfinished(wanted: Wanted, evidence: Evidence, terms: Terms) -> Standing:
    """A second rotation while one runs: the first stays where it is, and nothing of it is undone."""
    live = sorted(evidence.live)
    source = evidence.signing if evidence.signing in evidence.live - {live[-1]} else live[-2]
    target = live[-1]
    going = " and ".join(map(str, live))
    error = (
        f"generation {wanted.number} is asked for while the rotation between generations {going} is not finished; "
        f"ask for {target} to finish it, or for {source} to go back, and raise the number afterwards"
    )
    frozen = replace(terms, frozen="is not finished", confirmed=False)
    phase, _ = phase_of(_course(evidence, frozen, source, target))
    reached = phase if phase in BARRIERS else Phase.SOAK
    return Standing(
        phase=reached,
        source=source,
        target=target,
        signing=evidence.signing,
        trusted=tuple(live),
        waits=(Blocker(address=evidence.address, message=f"cannot go to generation {wanted.number} before", people="decide"),),
        asked=wanted.number,
        frozen=True,
        error=error,
    )


def _course(evidence: Evidence, terms: Terms, source: int, target: int) -> Course:
    rotation = terms.rotation
    return Course(
        evidence=evidence,
        source=source,
        target=target,
        now=terms.now,
        soak=rotation.soak,
        settled=terms.settled,
        made=terms.made,
        hold=Phase(rotation.hold) if rotation.hold is not None else None,
        proceed=Phase(rotation.proceed) if rotation.proceed is not None else None,
        blind=terms.blind,
        frozen=terms.frozen,
        confirmed=terms.confirmed,
        by_hand=terms.by_hand,
    )

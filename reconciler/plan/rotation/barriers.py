"""What keeps the next phase of a rotation from beginning: one barrier a phase, each a list of blockers. Decisions.

A barrier once passed stays passed: what was issued by the new generation proves that somebody saw everything ready. A node
that joins in the middle has loaded nothing older, so it holds nobody back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final, Literal

import msgspec

from reconciler.plan.rotation.evidence import Evidence, Leaf
from reconciler.plan.rotation.phase import ORDER, Phase, following

#: How a message begins that asks people for something.
BY_HAND: Final = "needs somebody to "


Task = Literal["", "restart", "release", "proceed", "decide"]


class Blocker(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a rotation waits for."""

    address: str
    """Whose; that of the CA itself for what concerns all."""
    message: str
    """A clause for people, after the address: ``does not hold generation 2 yet``."""
    by_plan: bool = False
    """Whether it is something that a plan sees to, so that carrying it out is all that is missing."""
    people: Task = ""
    """What only people can do about it; empty when time, a plan or a hook can."""


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """A rotation under way: from where, to where, on what terms."""

    evidence: Evidence
    source: int
    target: int
    now: datetime
    soak: timedelta = timedelta(0)
    settled: datetime | None = None
    """Since when everything is known to have moved; None to take the youngest certificate's word."""
    made: datetime | None = None
    """When the target was made: that counts where nothing is issued."""
    hold: Phase | None = None
    proceed: Phase | None = None
    """The last phase that may be entered without seeing everything; None when this view sees it all."""
    blind: str = ""
    """Why this view does not see everything; empty when it does."""
    frozen: str = ""
    """Why nothing further may begin; empty when it may."""
    confirmed: bool = False
    """Whether a person said, by running this, that what has to be restarted by hand was restarted."""
    by_hand: Callable[[Phase], tuple[str, ...]]
    """What people have to restart once the files of a phase are in place, because no hook does it."""

    @property
    def issued(self) -> bool:
        """Whether anything leads to the target already."""
        return self.evidence.signing == self.target or any(leaf.signer == self.target for leaf in self.evidence.leaves)

    @property
    def serving(self) -> bool:
        """Whether anything that is not a client alone leads to the target already."""
        return self.evidence.signing == self.target or any(
            leaf.signer == self.target for leaf in self.evidence.leaves if not leaf.client
        )

    @property
    def distrusting(self) -> bool:
        """Whether the source has been taken out of a trust file already, and not by somebody else."""
        return self.source not in self.evidence.noted and any(
            output.holds is not None and self.target in output.holds and self.source not in output.holds
            for output in self.evidence.outputs
        )

    @property
    def begun(self) -> frozenset[Phase]:
        """The phases whose beginning can be seen."""
        signs = (
            (Phase.STAGE, self.target in self.evidence.numbers),
            (Phase.CLIENTS, self.issued),
            (Phase.SERVERS, self.serving),
            (Phase.SOAK, self.serving and not any(servers(self))),
            (Phase.DISTRUST, self.distrusting),
        )
        return frozenset(phase for phase, seen in signs if seen)

    @property
    def soaks_until(self) -> datetime:
        """When both generations have been trusted long enough after the last certificate moved."""
        youngest = max((leaf.issued for leaf in self.evidence.leaves if leaf.issued is not None), default=self.made)
        # Now, too: an issuer that dates less back than we do lets a certificate look as if it were made later than now.
        since = min(instant for instant in (self.settled, youngest, self.now) if instant is not None)
        return since + self.soak


def stage(course: Course) -> Iterator[Blocker]:
    """Every verifier has loaded both generations, before anything is issued by the new one."""
    evidence, target = course.evidence, course.target
    if target not in evidence.numbers:
        yield Blocker(address=evidence.address, message=f"has no generation {target} yet", by_plan=True)
    for output in evidence.outputs:
        if output.holds is not None and target not in output.holds:
            yield Blocker(address=output.address, message=f"does not hold generation {target} yet", by_plan=True)
    if not course.issued:
        yield from _unprepared(course)


def _unprepared(course: Course) -> Iterator[Blocker]:
    """What has to hold once, before the first certificate of the new generation."""
    evidence, target = course.evidence, course.target
    for listed in evidence.lists:
        if listed.holds is not None and target not in listed.holds:
            yield Blocker(address=listed.address, message=f"has no list of generation {target} yet", by_plan=True)
    for output in evidence.outputs:
        if output.holds is None:
            yield Blocker(address=output.address, message="is not there yet", by_plan=True)
        elif output.unready:
            yield Blocker(address=output.address, message=output.unready)
    for address in evidence.busy:
        yield Blocker(address=address, message="is in a rotation of its own")
    yield from _by_hand(course, Phase.STAGE)


def clients(course: Course) -> Iterator[Blocker]:
    """Every client has a certificate of the new generation, before any server has."""
    leaves = [leaf for leaf in course.evidence.leaves if leaf.client]
    yield from _not_moved(course, leaves)
    if not course.serving:
        yield from _unready(leaves)
        yield from _by_hand(course, Phase.CLIENTS)


def servers(course: Course) -> Iterator[Blocker]:
    """Everything leads to the new generation, and nothing else can be issued."""
    evidence = course.evidence
    yield from _not_moved(course, evidence.leaves)
    if evidence.signing != course.target:
        yield Blocker(address=evidence.address, message=f"signs with generation {evidence.signing or 'unknown'}", by_plan=True)
    for address, number in evidence.copies.items():
        if number != course.target:
            yield Blocker(address=address, message=f"is not a copy of generation {course.target} yet", by_plan=True)


def soak(course: Course) -> Iterator[Blocker]:
    """Long enough, and nobody is known to use anything older: not on disk, not in a process."""
    evidence = course.evidence
    if course.now < course.soaks_until:
        yield Blocker(address=evidence.address, message=f"soaks until {course.soaks_until:%Y-%m-%dT%H:%M:%SZ}")
    if course.distrusting:
        return
    yield from _unready(evidence.leaves)
    for output in evidence.outputs:
        if output.unready:
            yield Blocker(address=output.address, message=output.unready)
    yield from _by_hand(course, Phase.SERVERS)


#: In the order of the phases; the last phase ends when nothing is left to take out.
BARRIERS: Final[dict[Phase, Callable[[Course], Iterator[Blocker]]]] = {
    Phase.STAGE: stage,
    Phase.CLIENTS: clients,
    Phase.SERVERS: servers,
    Phase.SOAK: soak,
}


def phase_of(course: Course) -> tuple[Phase, tuple[Blocker, ...]]:
    """The phase that a rotation is in, and what keeps the next one from beginning. By what is there, not by what was noted."""
    if Phase.STAGE not in course.begun and (held := tuple(_gate(course, Phase.STAGE))):
        return Phase.STABLE, held
    for phase, barrier in BARRIERS.items():
        blockers = tuple(barrier(course)) or tuple(_gate(course, following(phase)))
        if blockers:
            return phase, blockers
    left = tuple(
        Blocker(address=output.address, message=f"still holds generation {course.source}", by_plan=True)
        for output in course.evidence.outputs
        if output.holds is not None and course.source in output.holds
    )
    return Phase.DISTRUST, left


def _gate(course: Course, phase: Phase) -> Iterator[Blocker]:
    """Whether people let the next phase begin."""
    address = course.evidence.address
    if course.hold is not None and ORDER.index(course.hold) <= ORDER.index(phase):
        yield Blocker(address=address, message=f"is held by `rotation.hold: {course.hold}`", people="release")
    if course.frozen and phase not in course.begun | {Phase.SOAK}:  # nothing is done for a soak: it begins by itself
        yield Blocker(address=address, message=course.frozen)
    allowed = Phase.SOAK if course.evidence.signing == course.target and course.target else course.proceed or Phase.STAGE
    if course.proceed is not None and ORDER.index(course.proceed) > ORDER.index(allowed):
        allowed = course.proceed
    if course.blind and ORDER.index(phase) > ORDER.index(allowed):
        message = f"{course.blind}; when all nodes are ready, say `rotation.proceed: {phase}`"
        yield Blocker(address=address, message=message, people="proceed")


def _not_moved(course: Course, leaves: Iterable[Leaf]) -> Iterator[Blocker]:
    for leaf in leaves:
        if leaf.signer not in {course.target, None}:
            who = f"generation {leaf.signer}" if leaf.signer else "another key"
            yield Blocker(address=leaf.address, message=f"is signed by {who}", by_plan=True)


def _unready(leaves: Iterable[Leaf]) -> Iterator[Blocker]:
    return (Blocker(address=leaf.address, message=leaf.unready) for leaf in leaves if leaf.unready)


def _by_hand(course: Course, phase: Phase) -> Iterator[Blocker]:
    if not course.confirmed:
        for step in course.by_hand(phase):
            yield Blocker(address=course.evidence.address, message=f"{BY_HAND}{step}", people="restart")

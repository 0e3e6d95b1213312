"""The loop with played clocks: what wakes it, what does not, and that it never spins."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, cast

import pytest
from msgspec.structs import replace

from reconciler.daemon.conditions import Refused
from reconciler.daemon.loop import TICK, Loop
from reconciler.daemon.managed import ManagedFiles
from reconciler.daemon.passing import Passed
from reconciler.daemon.reconciler import Reconciler, Step
from reconciler.daemon.settings import Settings
from reconciler.daemon.wakeups import Wakeups
from reconciler.desired.model import DesiredState
from reconciler.passes.session import Session
from tests.plan.world import NOW, ca, state

HOUR: Final = timedelta(hours=1)
CALM: Final = Step(passed=Passed(), status=None, failed=False)


class Time(Wakeups):
    """Real wakeups, whose waits are over at once: both clocks go on by as long as was waited."""

    def __init__(self) -> None:
        """Nothing has been waited."""
        super().__init__()
        self.wall, self.since_boot = NOW, 1000.0
        self.waits: list[float] = []
        self.events: list[Callable[[], object]] = []

    def wait(self, seconds: float) -> frozenset[str]:
        """Passes the time, and lets the next event happen."""
        self.waits.append(seconds)
        assert len(self.waits) < 2000, "it spins"
        self.wall += timedelta(seconds=seconds)
        self.since_boot += seconds
        if self.events:
            self.events.pop(0)()
        return super().wait(0)


@dataclass(slots=True, kw_only=True)
class Scene:
    """A loop, and everything around it as a play."""

    time: Time
    steps: list[Step] = field(default_factory=list)
    """What the reconciler answers; then `CALM`."""
    interval: timedelta = HOUR
    random: float = 0.5
    passes: int = 2
    """It is stopped after so many."""
    source_has_moved: bool = False
    files_have_moved: bool = False
    lease_has_moved: bool = False
    doubts_the_clock: bool = False
    stopped: bool = False
    triggers: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    settled: list[DesiredState] = field(default_factory=list)
    collected: list[bool] = field(default_factory=list)

    # What the loop asks of its reconciler, its files and its teller.

    def step(self, trigger: str) -> Step:
        """One waking."""
        self.triggers.append(trigger)
        self.collected.append(gc.isenabled())
        self.stopped = self.stopped or len(self.triggers) >= self.passes
        return self.steps.pop(0) if self.steps else CALM

    def settle(self, desired: DesiredState) -> None:
        """What is on disk is seen."""
        self.settled.append(desired)

    def moved(self) -> bool:
        """Whether the files are others."""
        return self.files_have_moved

    def beat(self) -> None:
        """A sign of life."""
        self.told.append("beat")

    def begin(self, trigger: str) -> None:
        """A step begins."""
        self.told.append(f"begin {trigger}")

    def end(self, step: Step) -> None:
        """A step ended."""
        self.told.append(f"end {step.next_why}".rstrip())

    def known(self, session: Session) -> None:
        """Not the loop's business."""

    def refused(self, refused: Refused | None) -> None:
        """Not the loop's business."""

    def loop(self, *, watched: bool = True) -> Loop:
        """The loop."""
        return Loop(
            cast("Reconciler", self),
            Settings(interval=self.interval),
            wakeups=self.time,
            stop=lambda: self.stopped,
            source_moved=lambda: self.source_has_moved,
            files=cast("ManagedFiles", self) if watched else None,
            clock=lambda: self.time.wall,
            boot=lambda: self.time.since_boot,
            random=lambda: self.random,
            teller=self,
            lease_moved=lambda: self.lease_has_moved,
        )

    def run(self) -> list[str]:
        """Runs it to its end; gives what woke it."""
        self.loop().run()
        return self.triggers


@pytest.fixture
def scene() -> Iterator[Scene]:
    """A calm one."""
    time = Time()
    yield Scene(time=time)
    time.close()


def due(why: str, at: datetime, **fields: Any) -> Step:  # noqa: ANN401 - any field of a step
    """A step that found something to do later."""
    return replace(CALM, next_at=at, next_why=why, **fields)


@pytest.mark.parametrize(
    ("holds", "expected"),
    [
        ("signal lease source files renewal interval", "signal"),
        ("lease source files renewal interval", "lease"),
        ("source files renewal interval", "source"),
        ("files renewal interval", "files"),
        ("renewal interval", "renewal"),
        ("rotation interval", "rotation"),
        ("retry interval", "retry"),
        ("interval", "interval"),
    ],
)
def test_the_first_reason_that_holds_is_told(scene: Scene, holds: str, expected: str) -> None:
    """A person's signal says most, the interval least; each of them wakes it."""
    reasons = holds.split()

    def happen() -> None:
        scene.source_has_moved, scene.files_have_moved = "source" in reasons, "files" in reasons
        scene.lease_has_moved = "lease" in reasons
        for reason in reasons:
            scene.time.wake(reason)
        scene.time.wall += 2 * HOUR
        scene.time.since_boot += 2 * HOUR.total_seconds()

    scene.time.events = [happen]
    later = [reason for reason in reasons if reason in {"renewal", "rotation", "retry"}]
    scene.steps = [due(later[0], NOW + HOUR) if later else CALM]
    assert scene.run() == ["start", expected]


def test_hints_that_nothing_stands_behind_make_no_pass(scene: Scene) -> None:
    """Events of files and source that are what they were: it looks, and waits on until the interval is over."""
    scene.time.events = [lambda: scene.time.wake("files"), lambda: scene.time.wake("source")] * 20
    assert scene.run() == ["start", "interval"]
    assert sum(scene.time.waits) == HOUR.total_seconds()


def test_files_that_moved_are_no_reason_without_an_event(scene: Scene) -> None:
    """Ten thousand files are not looked at every tick: only when the watch hints at them."""
    scene.files_have_moved = True
    assert scene.run() == ["start", "interval"]


def test_a_source_that_moved_is_seen_without_an_event(scene: Scene) -> None:
    """A watch may miss something, on network file systems everything: the source is polled every tick."""
    scene.time.events = [lambda: None, lambda: setattr(scene, "source_has_moved", True)]
    assert scene.run() == ["start", "source"]
    assert scene.time.waits == [TICK, TICK]


def test_without_watched_files_their_events_say_nothing(scene: Scene) -> None:
    """`--once` watches none."""
    scene.files_have_moved = True
    scene.time.events = [lambda: scene.time.wake("files")]
    scene.loop(watched=False).run()
    assert scene.triggers == ["start", "interval"]


@pytest.mark.parametrize("why", ["renewal", "rotation", "retry"])
def test_what_falls_due_wakes_it_then(scene: Scene, why: str) -> None:
    """To the second, between two ticks."""
    scene.steps = [due(why, NOW + timedelta(seconds=2 * TICK + 7))]
    assert scene.run() == ["start", why]
    assert scene.time.waits == [TICK, TICK, 7.0]


def test_the_end_of_a_soak_wakes_it(scene: Scene) -> None:
    """At that instant, and not with the next interval after spinning until then."""
    scene.steps = [due("rotation", NOW + timedelta(seconds=TICK + 3))]
    assert scene.run() == ["start", "rotation"]
    assert scene.time.waits == [TICK, 3.0]


def test_a_renewal_wakes_it_soon_after_the_clock_jumped(scene: Scene) -> None:
    """A timer of ten days does not sleep through a machine's sleep: the wall clock is read at every tick."""

    def jump() -> None:
        scene.time.wall += timedelta(days=11)

    scene.interval = timedelta(days=20)
    scene.steps = [due("renewal", NOW + timedelta(days=10))]
    scene.time.events = [jump]
    assert scene.run() == ["start", "renewal"]
    assert scene.time.waits == [TICK]


def test_a_clock_that_went_back_delays_no_interval(scene: Scene) -> None:
    """The interval runs on the clock that nobody sets."""

    def jump() -> None:
        scene.time.wall -= timedelta(days=1)

    scene.steps = [due("renewal", NOW + timedelta(seconds=30))]
    scene.time.events = [jump]
    assert scene.run() == ["start", "interval"]
    assert sum(scene.time.waits) == HOUR.total_seconds()


@pytest.mark.parametrize(("random", "minutes"), [(0.0, 57), (0.5, 60), (1.0, 63)])
def test_the_interval_has_five_percent_of_jitter(scene: Scene, random: float, minutes: float) -> None:
    """So that a fleet that was started together does not act together."""
    scene.random = random
    assert scene.run() == ["start", "interval"]
    assert sum(scene.time.waits) == pytest.approx(minutes * 60)
    assert max(scene.time.waits) == TICK


def test_a_short_interval_is_its_own_tick(scene: Scene) -> None:
    """An interval below the tick is kept."""
    scene.interval, scene.random = timedelta(seconds=2), 1.0
    assert scene.run() == ["start", "interval"]
    assert scene.time.waits == pytest.approx([2.0, 0.1])


def test_more_to_do_is_done_at_once(scene: Scene) -> None:
    """`again` waits for nothing."""
    scene.passes = 3
    scene.steps = [replace(CALM, again=True)]
    assert scene.run() == ["start", "retry", "interval"]
    assert sum(scene.time.waits) == HOUR.total_seconds()


def test_what_is_told(scene: Scene) -> None:
    """Begin and end of each step, a sign of life at every tick; what is on disk afterwards is no news of the files."""
    desired = state(ca())
    scene.interval = timedelta(seconds=2 * TICK)
    scene.steps = [replace(CALM, desired=desired), CALM]
    scene.run()
    assert scene.told == ["begin start", "end", "beat", "beat", "begin interval", "end"]
    assert scene.settled == [desired]


def test_a_stop_ends_a_wait_without_another_step(scene: Scene) -> None:
    """What it gives is the last step that was made."""
    last = due("renewal", NOW + 10 * HOUR)
    scene.steps, scene.passes = [last], 10

    def end() -> None:
        scene.stopped = True
        scene.time.wake("stop")

    scene.time.events = [end]
    assert scene.loop().run() is last
    assert scene.triggers == ["start"]


def test_stopped_before_it_began(scene: Scene) -> None:
    """Nothing is done."""
    scene.stopped = True
    assert scene.loop().run() is None
    assert (scene.triggers, scene.told) == ([], [])


def test_the_collector_works_between_steps_only(scene: Scene) -> None:
    """And is as it was afterwards."""
    assert gc.isenabled()
    scene.run()
    assert scene.collected == [False, False]
    assert gc.isenabled()


@pytest.mark.parametrize(
    ("steps", "doubts", "expected", "waited"),
    [
        ([CALM], False, ["start"], 0),
        ([replace(CALM, again=True), CALM], False, ["start", "retry"], 0),
        ([due("retry", NOW), CALM], False, ["start"], 0),
        ([due("retry", NOW), due("retry", NOW), CALM], True, ["start", "retry", "retry"], 4.0),
        ([due("renewal", NOW)], True, ["start"], 0),
    ],
    ids=["one", "again", "a retry is for the next call", "a clock that jumped", "a renewal is for the next call"],
)
def test_once(scene: Scene, steps: list[Step], doubts: bool, expected: list[str], waited: float) -> None:
    """One step, and only as many more as there is something to do at once; a clock in doubt is looked at again soon."""
    scene.steps, scene.doubts_the_clock, scene.passes = list(steps), doubts, 10
    assert scene.loop(watched=False).once() is steps[len(expected) - 1]
    assert (scene.triggers, sum(scene.time.waits)) == (expected, waited)


def test_once_ends_when_it_is_stopped(scene: Scene) -> None:
    """Also while the clock is in doubt."""
    scene.steps, scene.doubts_the_clock, scene.passes = [due("retry", NOW)] * 10, True, 3
    scene.loop(watched=False).once()
    assert scene.triggers == ["start", "retry", "retry"]

"""The loop: waits for a reason, makes a step, tells; until it is stopped. Level-triggered: a reason says when, never what."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final, Protocol

from reconciler.daemon.conditions import Refused
from reconciler.daemon.managed import ManagedFiles
from reconciler.daemon.reconciler import Reconciler, Step
from reconciler.daemon.settings import JITTER, Settings
from reconciler.daemon.wakeups import Wakeups
from reconciler.passes.session import Session

_log: Final = logging.getLogger(__name__)

#: So often the wall clock and the source are looked at while nothing happens: timers run on the monotonic clock, and a
#: renewal is due by the wall clock, which may jump; a watch may miss an event.
TICK: Final = 15.0
#: Reasons by how much they say; a step is told the first that came.
_ORDER: Final = ("start", "signal", "lease", "source", "files", "renewal", "rotation", "retry", "interval")


@contextmanager
def _collecting_between_steps() -> Iterator[None]:
    """Without the cycle collector while something is to be done.

    Of ten thousand certificates it would walk a million objects, again and again, and find nothing. What cycles there are
    go while nothing is to be done.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class Teller(Protocol):
    """Hears of the loop: what is published, and that it lives."""

    def beat(self) -> None:
        """It lives."""
        ...

    def begin(self, trigger: str) -> None:
        """A step begins."""
        ...

    def end(self, step: Step) -> None:
        """A step ended."""
        ...

    def known(self, session: Session) -> None:
        """The first desired state is there."""
        ...

    def refused(self, refused: Refused | None) -> None:
        """There is no desired state at all yet."""
        ...


class Loop:
    """Steps until it is stopped."""

    def __init__(
        self,
        reconciler: Reconciler,
        settings: Settings,
        *,
        wakeups: Wakeups,
        stop: Callable[[], bool],
        source_moved: Callable[[], bool],
        files: ManagedFiles | None,
        clock: Callable[[], datetime],
        boot: Callable[[], float],
        random: Callable[[], float],
        teller: Teller,
        lease_moved: Callable[[], bool] = lambda: False,
    ) -> None:
        """Nothing happens yet.

        Args:
            reconciler: makes the steps.
            settings: how to run.
            wakeups: where reasons come from.
            stop: whether to end.
            source_moved: whether a cheap look at the source shows something new.
            files: the managed files, watched; None for not watching them.
            clock: wall time.
            boot: seconds since boot.
            random: between 0 and 1, for the jitter.
            teller: hears of everything.
            lease_moved: whether it is another one of several reconcilers that acts by now.
        """
        self._lease_moved: Final = lease_moved
        self._reconciler: Final = reconciler
        self._settings: Final = settings
        self._wakeups: Final = wakeups
        self._stop: Final = stop
        self._source_moved: Final = source_moved
        self._files: Final = files
        self._clock: Final = clock
        self._boot: Final = boot
        self._random: Final = random
        self._teller: Final = teller

    def once(self) -> Step:
        """One step, and more while there is more to do at once: a clock that jumped is looked at twice."""
        step = self._step("start")
        while not self._stop() and (step.again or (step.next_why == "retry" and self._reconciler.doubts_the_clock)):
            if not step.again:
                self._wakeups.wait(min(self._settings.interval, timedelta(seconds=2)).total_seconds())
            step = self._step("retry")
        return step

    def run(self) -> Step | None:
        """Steps until it is stopped; gives the last step, None when there was none."""
        trigger, step = "start", None
        with _collecting_between_steps():
            while not self._stop():
                step = self._step(trigger)
                trigger = "retry" if step.again else self._wait(step)
        return step

    def _step(self, trigger: str) -> Step:
        self._teller.begin(trigger)
        step = self._reconciler.step(trigger)
        if self._files is not None and step.desired is not None:
            self._files.settle(step.desired)
        self._teller.end(step)
        return step

    def _wait(self, step: Step) -> str:
        """Waits for a reason to step again; gives it."""
        gc.collect()
        seconds = self._settings.interval.total_seconds()
        deadline = self._boot() + seconds * (1 + JITTER * (2 * self._random() - 1))
        tick = min(TICK, seconds)
        while not self._stop():
            self._teller.beat()
            left = deadline - self._boot()
            if step.next_at is not None:
                left = min(left, (step.next_at - self._clock()).total_seconds())
            reasons = self._wakeups.wait(min(max(left, 0.0), tick))
            if found := self._reason(reasons, step, deadline):
                return found
        return "signal"

    def _reason(self, reasons: frozenset[str], step: Step, deadline: float) -> str:
        """The first reason that holds; a hint that nothing stands behind is none."""
        holds = {
            "signal": "signal" in reasons,
            "lease": self._lease_moved(),
            "source": self._source_moved(),
            "files": "files" in reasons and self._files is not None and self._files.moved(),
            step.next_why: step.next_at is not None and self._clock() >= step.next_at,
            "interval": self._boot() >= deadline,
        }
        return next((reason for reason in _ORDER if holds.get(reason)), "")

"""What an apply tells while it works: events as data, for whoever listens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec

from reconciler.plan.reasons import Action

Stage = Literal["start", "done", "failed", "skipped"]


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One step of one address."""

    stage: Stage
    address: str
    action: Action
    detail: str = ""
    """On done the serial, on failed and skipped the reason."""
    elapsed: float = 0.0
    """Seconds since the start event; 0 on start."""


Listener = Callable[[Event], None]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How an apply ended."""

    done: tuple[str, ...] = ()
    failed: tuple[tuple[str, str], ...] = ()
    """Addresses and what went wrong."""
    skipped: tuple[tuple[str, str], ...] = ()
    """Addresses that could not start, and why."""
    refused: frozenset[str] = frozenset()
    """Of the failed, those for which somebody said no: the same would be refused again."""
    overtaken: frozenset[str] = frozenset()
    """Of the failed, those whose place somebody else wrote to after it was looked at: they have to be looked at again."""
    interrupted: bool = False
    lost: str = ""
    """Why it was interrupted, when it was because somebody else may act by now."""

    def followed_by(self, again: Outcome) -> Outcome:
        """Both, where the second tried once more what somebody had written to."""
        return Outcome(
            done=(*self.done, *again.done),
            failed=(*(each for each in self.failed if each[0] not in self.overtaken), *again.failed),
            skipped=(*self.skipped, *again.skipped),
            refused=self.refused | again.refused,
            overtaken=again.overtaken,
            interrupted=again.interrupted,
        )

    @property
    def complete(self) -> bool:
        """Whether all that was planned is done."""
        return not (self.failed or self.skipped or self.interrupted)

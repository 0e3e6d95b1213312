"""Whether the clock can be trusted. Decisions.

A wrong clock makes certificates that are not valid yet, or renews a whole fleet at once. Wall time is compared with the
latest time that was seen before, and, within one process, with the time since boot, which nobody sets
(clock_gettime(2), CLOCK_BOOTTIME; it goes on while the machine sleeps). While they disagree nothing is changed; a clock
that then keeps its new time over consecutive cycles is believed.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal

import msgspec

#: What NTP may correct without anybody asking, and by which certificates are back-dated.
TOLERANCE: Final = timedelta(minutes=5)
#: Consecutive cycles after which a clock is believed that went forward, or back.
CYCLES: Final = {"forward": 2, "backward": 12}
#: A clock that went forward is looked at again after this long: most often a machine was resumed, and renewals are due.
SOON: Final = timedelta(seconds=10)


class Anchor(msgspec.Struct, frozen=True, kw_only=True):
    """Two clocks read at one moment."""

    wall: datetime
    boot: float
    """Seconds since boot."""

    def expected(self, boot: float) -> datetime:
        """The wall time that belongs to a later time since boot."""
        return self.wall + timedelta(seconds=boot - self.boot)


class Suspicion(msgspec.Struct, frozen=True, kw_only=True):
    """A clock that moved, and how long it has kept its new time."""

    kind: Literal["forward", "backward"]
    since: Anchor
    counted: float
    """Time since boot at which the last cycle was counted."""
    trusted: Anchor | None
    """The last reading that was trusted: a clock that agrees with it is right again."""
    cycles: int = 1


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Whether changes may be made, and what to remember."""

    trusted: bool
    anchor: Anchor | None
    """What the next reading is compared with."""
    suspicion: Suspicion | None = None
    reason: str = ""
    """PascalCase word; empty when trusted."""
    message: str = ""
    accepted: bool = False
    """Whether a clock that moved is believed from now on."""


def judge(
    now: Anchor,
    *,
    anchor: Anchor | None,
    suspicion: Suspicion | None,
    last_seen: datetime | None,
    released: datetime,
    longest: timedelta,
    interval: timedelta,
) -> Verdict:
    """Judges one reading of the clock.

    Args:
        now: the reading.
        anchor: the reading of the pass before, also by an earlier process; None when there was none.
        suspicion: what an earlier pass suspected.
        last_seen: the latest time that was trusted, also by earlier processes.
        released: when this program was released; no clock is right before that.
        longest: the longest lifetime of a component: a jump of half of it makes half of a fleet due.
        interval: how often passes come.
    """
    if now.wall < released:
        message = f"The clock says {now.wall:%Y-%m-%d %H:%M} UTC, which is before this program was released. Set it."
        return Verdict(trusted=False, anchor=anchor, reason="ClockBeforeRelease", message=message)
    if anchor is not None and anchor.boot > now.boot:
        anchor, suspicion = None, None  # the machine was started anew
    if suspicion is not None:
        return _again(now, suspicion, interval)
    ahead = now.wall - anchor.expected(now.boot) if anchor is not None else timedelta(0)
    if last_seen is not None and now.wall < last_seen - TOLERANCE:
        return _suspect(now, "backward", last_seen - now.wall, trusted=anchor)
    if ahead > TOLERANCE:
        return _suspect(now, "forward", ahead, trusted=anchor)
    if anchor is None and last_seen is not None and now.wall - last_seen > longest / 2:
        return _suspect(now, "forward", now.wall - last_seen, trusted=anchor)
    return Verdict(trusted=True, anchor=now)


def next_look(suspicion: Suspicion, interval: timedelta) -> timedelta:
    """How long until the clock is looked at again."""
    return min(interval, SOON) if suspicion.kind == "forward" else interval


def _again(now: Anchor, suspicion: Suspicion, interval: timedelta) -> Verdict:
    """One more cycle of a clock that moved."""
    if suspicion.trusted is not None and abs(now.wall - suspicion.trusted.expected(now.boot)) <= TOLERANCE:
        return Verdict(trusted=True, anchor=now)
    off = now.wall - suspicion.since.expected(now.boot)
    if abs(off) > TOLERANCE:
        return _suspect(now, "forward" if off > timedelta(0) else "backward", abs(off), trusted=suspicion.trusted)
    spacing = next_look(suspicion, interval).total_seconds() * 0.9
    if now.boot - suspicion.counted >= spacing:
        suspicion = msgspec.structs.replace(suspicion, cycles=suspicion.cycles + 1, counted=now.boot)
    if suspicion.cycles >= CYCLES[suspicion.kind]:
        return Verdict(trusted=True, anchor=now, accepted=True)
    return _frozen(now, suspicion)


def _suspect(now: Anchor, kind: Literal["forward", "backward"], by: timedelta, *, trusted: Anchor | None) -> Verdict:
    return _frozen(now, Suspicion(kind=kind, since=now, counted=now.boot, trusted=trusted), by)


def _frozen(now: Anchor, suspicion: Suspicion, by: timedelta | None = None) -> Verdict:
    direction = "forward" if suspicion.kind == "forward" else "back"
    amount = "" if by is None else f" by {_rough(by)}"
    message = (
        f"The clock went {direction}{amount}, to {now.wall:%Y-%m-%d %H:%M} UTC. Nothing is changed until it has kept its time "
        f"for {CYCLES[suspicion.kind]} cycles ({suspicion.cycles} so far), or is right again."
    )
    reason = "ClockWentForward" if suspicion.kind == "forward" else "ClockWentBack"
    return Verdict(trusted=False, anchor=now, suspicion=suspicion, reason=reason, message=message)


def _rough(length: timedelta) -> str:
    if length >= timedelta(days=2):
        return f"{length.days} days"
    minutes = int(length.total_seconds()) // 60
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"  # noqa: PLR2004 - an hour

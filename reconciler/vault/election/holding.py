"""What a lease says, and what follows from it. Data and decisions.

Clocks of two machines are never compared. A holder counts from before it sent its last renewal, on its own clock; whoever
waits counts from after it first saw that renewal, on its own clock too, and takes the lease when nothing has changed for its
whole time. The renewal came to be in between, so the holder stops first, however wrong either clock is set.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import msgspec
from msgspec.structs import replace

from reconciler.vault.engines.kv import NoSecret, Secret

KIND: Final = "cluster-pki lease"
#: Seconds for which a lease may be given; whatever says otherwise is not ours.
SHORTEST: Final = 1.0
LONGEST: Final = 86_400.0
#: Shares of its time after which a lease is renewed, and after which a renewal that failed is tried again.
_RENEWED_AFTER: Final = 3
_TRIED_AFTER: Final = 12


class Content(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The data of the secret."""

    kind: Literal["cluster-pki lease"] = KIND
    view: str
    """What is acted on: ``demo``, or ``demo[cp-1]`` in a view of one node."""
    holder: str
    """A word that no other holder has; empty when it was given back."""
    host: str
    """This and the next two are for people."""
    pid: int
    since: str
    ttl: float
    """Seconds: what the holder promises to be silent for at most."""
    turn: int
    """Which holder this is: every one has a higher number than those before it."""
    renewed: int
    """How often this holder has renewed it."""

    @property
    def who(self) -> str:
        """The holder, for people."""
        return f"{self.host} (pid {self.pid})"


class Free(msgspec.Struct, frozen=True, kw_only=True):
    """Nobody holds it."""

    version: int
    """Of the secret, as the next write has to name it."""
    turn: int
    """Of the next holder."""


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody does, or did."""

    version: int
    content: Content


class Foreign(msgspec.Struct, frozen=True, kw_only=True):
    """The secret is something else; it is not ours to write."""

    problem: str


Found = Free | Held | Foreign


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """A holder's last sign of life."""

    held: Held
    since: float
    """When it was first seen, on the clock of whoever looks."""


class Mine(msgspec.Struct, frozen=True, kw_only=True):
    """A lease of our own."""

    version: int
    content: Content
    start: float
    """Just before the write was sent that brought it, on our clock."""
    pending: float | None = None
    """Just before the first write was sent of which nobody knows whether it was carried out."""


def read_lease(found: Secret | NoSecret, view: str) -> Found:
    """What a secret says about a view's lease.

    Whoever deletes the secret says that its holder is gone. The number of the next turn is that of the version that will
    name it, which grows whatever becomes of what the versions said.
    """
    if isinstance(found, NoSecret):
        return Free(version=found.version, turn=found.version + 1)
    try:
        content = msgspec.convert(dict(found.data), type=Content)
    except msgspec.ValidationError as error:
        return Foreign(problem=f"it is not a lease of this program: {error}")
    if content.view != view:
        return Foreign(problem=f"it is the lease of {content.view or 'nothing'}, not of {view}")
    if not SHORTEST <= content.ttl <= LONGEST:
        return Foreign(problem=f"it is held for {content.ttl:g} seconds at a time, which no lease is")
    if not content.holder:
        return Free(version=found.version, turn=max(content.turn, found.version) + 1)
    return Held(version=found.version, content=content)


def watch(before: Watched | None, held: Held, now: float) -> Watched:
    """Since when a holder shows no new sign of life.

    Args:
        before: what was seen before.
        held: what is seen now.
        now: after the answer was there, on our clock.
    """
    return before if before is not None and before.held == held else Watched(held=held, since=now)


def free_in(watched: Watched, now: float) -> float:
    """Seconds until a silent holder has lost it; not above 0 when it has."""
    return watched.since + watched.held.content.ttl - now


def after(watched: Watched) -> Free:
    """What a holder leaves behind that has lost it by its silence."""
    held = watched.held
    return Free(version=held.version, turn=max(held.content.turn, held.version) + 1)


def renewed(mine: Mine) -> Content:
    """The next sign of life."""
    return replace(mine.content, renewed=mine.content.renewed + 1)


def released(content: Content) -> Content:
    """What stands there once it was given back."""
    return replace(content, holder="", host="", pid=0, since="")


def margin_of(ttl: float, call: float) -> float:
    """How long before its end a holder stops to begin anything.

    Args:
        ttl: seconds of the lease.
        call: seconds that one call to a server may take, and what is begun just before the deadline with it.
    """
    return min(call, ttl / 2)


def deadline(mine: Mine, margin: float) -> float:
    """Until when, on our clock, something may be begun."""
    return mine.start + mine.content.ttl - margin


def due(mine: Mine) -> float:
    """When, on our clock, it is to be renewed."""
    return mine.start + mine.content.ttl / _RENEWED_AFTER


def next_try(content: Content, now: float) -> float:
    """When, on our clock, a renewal that failed is tried again."""
    return now + content.ttl / _TRIED_AFTER


def resolved(mine: Mine, found: Found) -> Mine | None:
    """Our lease after a write of which nobody knows whether it was carried out, by what is there now; None when it is lost.

    What landed counts from the first write that may have been it.

    Args:
        mine: as it was before, with the write pending.
        found: what was read afterwards.
    """
    if not isinstance(found, Held) or found.content.holder != mine.content.holder:
        return None
    if found.version == mine.version:
        return mine
    start = mine.start if mine.pending is None else mine.pending
    return Mine(version=found.version, content=found.content, start=start)


def as_data(content: Content) -> Mapping[str, object]:
    """The data of the secret, as it is written."""
    data: dict[str, object] = msgspec.to_builtins(content)
    return data

"""Processes that share a lease, played call by call in any order: each is run again from its beginning with the answers so far.

A call has two moments at which others may come in between: when the server carries it out, and when its answer is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Literal

from reconciler.vault.election.cluster_lease import ClusterLease, Leading, Where, Who
from reconciler.vault.election.leadership import LeaseLostError
from reconciler.vault.engines.kv import NoSecret, Secret
from reconciler.vault.errors import VaultError
from tests.vault.election.leases import NOON, PATH, Fate, MemoryKv

#: Seconds; small numbers make every order short.
TTL: Final = 6.0
CALL: Final = 2.0

Answer = Secret | NoSecret | int | VaultError


@dataclass(frozen=True, slots=True)
class Call:
    """What a process asks; of a nap, nothing."""

    kind: Literal["nap", "read", "write"]
    data: Mapping[str, object] = field(default_factory=dict)
    cas: int = 0


class Suspended(BaseException):
    """The process waits for an answer, or for its next turn."""

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        self.call: Final = call


class Script:
    """What a process has heard so far, and the point from which on it hears something new."""

    def __init__(self, heard: list[object], time: float) -> None:
        self._heard: Final = heard
        self._time: Final = time
        self._next = 0

    def reading(self, offset: float) -> float:
        """The time on a clock: as it was then, or now."""
        if self._next == len(self._heard):
            self._heard.append(self._time + offset)
        return float(str(self._known()))

    def call(self, call: Call) -> object:
        """The answer to a call; without one the process waits.

        Raises:
            Suspended: there is none yet.
            VaultError: that is the answer.
        """
        if self._next == len(self._heard):
            raise Suspended(call)
        answer = self._known()
        if isinstance(answer, VaultError):
            raise answer
        return answer

    def _known(self) -> object:
        self._next += 1
        return self._heard[self._next - 1]


class Remote:
    """The engine as a process sees it."""

    def __init__(self, script: Script) -> None:
        self._script: Final = script

    def read(self, path: str, version: int | None = None) -> Secret | NoSecret:
        """Asks."""
        assert (path, version) == (PATH, None)
        found = self._script.call(Call("read"))
        assert isinstance(found, Secret | NoSecret)
        return found

    def write(self, path: str, data: Mapping[str, object], *, cas: int) -> int:
        """Asks."""
        assert path == PATH
        version = self._script.call(Call("write", dict(data), cas))
        assert isinstance(version, int)
        return version


@dataclass(slots=True)
class Played:
    """One process, which tries again and again to act."""

    name: str
    offset: float
    """What its clock shows at the beginning."""
    heard: list[object] = field(default_factory=list)
    """Readings of its clock and answers, in their order."""
    waits_for: Call = field(default_factory=lambda: Call("nap"))
    answer: Answer | None = None
    """Of a call that was carried out and whose answer is under way."""
    lease: ClusterLease | None = None

    def run(self, time: float) -> None:
        """From the beginning up to the first thing that it has not heard yet."""
        script = Script(self.heard, time)
        self.lease = lease = ClusterLease(
            Remote(script),
            Where(connection="main", mount="secret", path=PATH, ttl=TTL, call=CALL),
            Who(id=self.name, host=self.name, pid=1, view="demo"),
            clock=lambda: script.reading(self.offset),
            now=lambda: NOON,
        )
        try:
            while True:
                script.call(Call("nap"))
                with suppress(VaultError, LeaseLostError):
                    if isinstance(lease.attempt(), Leading):
                        script.call(Call("nap"))
                        lease.ensure()
        except Suspended as suspended:
            self.waits_for = suspended.call

    def holds_until(self) -> float:
        """Until when, in the time of the play, it takes the lease for its own; it stops to write some seconds before that."""
        mine = self.lease._mine if self.lease is not None else None
        return float("-inf") if mine is None else mine.start + mine.content.ttl - self.offset


@dataclass(slots=True)
class Play:
    """A server and some processes."""

    kv: MemoryKv = field(default_factory=MemoryKv)
    time: float = 0.0
    actors: list[Played] = field(default_factory=list)

    def copy(self) -> Play:
        """As it stands."""
        kv = MemoryKv(versions=list(self.kv.versions), state=self.kv.state)
        actors = [Played(a.name, a.offset, list(a.heard), a.waits_for, a.answer, a.lease) for a in self.actors]
        return Play(kv, self.time, actors)

    def advance(self, actor: Played, fate: Fate = "answered") -> None:
        """The next moment of a process: its call is carried out, or its answer arrives."""
        call = actor.waits_for
        if call.kind == "nap":
            self._deliver(actor, 0)
        elif actor.answer is not None:
            self._deliver(actor, actor.answer)
        else:
            self.kv.fates = [fate]
            try:
                actor.answer = self.kv.read(PATH) if call.kind == "read" else self.kv.write(PATH, call.data, cas=call.cas)
            except VaultError as error:
                actor.answer = error

    def _deliver(self, actor: Played, answer: Answer) -> None:
        actor.answer = None
        actor.heard.append(answer)
        actor.run(self.time)

    def holders(self) -> list[str]:
        """Who takes it for its own now."""
        return [actor.name for actor in self.actors if self.time < actor.holds_until()]

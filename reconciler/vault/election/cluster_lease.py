"""The lease by which one of several reconcilers acts: taken, renewed and given back by check-and-set in KV version 2."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, Protocol

import msgspec

from reconciler.vault.election.holding import (
    Content,
    Foreign,
    Found,
    Free,
    Held,
    Mine,
    Watched,
    after,
    as_data,
    deadline,
    due,
    free_in,
    margin_of,
    next_try,
    read_lease,
    released,
    renewed,
    resolved,
    watch,
)
from reconciler.vault.election.leadership import LeaseLostError
from reconciler.vault.engines.kv import NoSecret, Secret
from reconciler.vault.errors import Kind, VaultError

_log: Final = logging.getLogger(__name__)

#: Seconds between two looks at a lease that somebody else holds: it may be given back before its time.
_LOOK_AGAIN: Final = 2.0


class Secrets(Protocol):
    """What is needed of a KV engine."""

    def read(self, path: str, version: int | None = None) -> Secret | NoSecret:
        """The latest version."""
        ...

    def write(self, path: str, data: Mapping[str, object], *, cas: int) -> int:
        """A new version in the place of `cas`."""
        ...


class Who(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks for a lease."""

    id: str
    """A word that nobody has but those who exclude each other in another way: they share the lease."""
    host: str
    pid: int
    view: str
    """What it acts on: the cluster's name, in a view of one node followed by the node's in brackets."""


class Where(msgspec.Struct, frozen=True, kw_only=True):
    """Where a lease is, and for how long it is given."""

    connection: str
    mount: str
    path: str
    ttl: float
    """Seconds."""
    call: float
    """Seconds that one call to the server may take."""

    @property
    def shown(self) -> str:
        """For people."""
        return f"connection {self.connection}, {self.mount}/{self.path}"


class ForeignLeaseError(Exception):
    """The secret holds something else than our lease: it is never written."""

    retryable: Final = False

    def __init__(self, where: Where, problem: str) -> None:
        super().__init__(
            f"{where.shown}: {problem}. It was left as it is; name another secret under `lock`, "
            "or delete this one if nobody needs it."
        )


class LeaseHeldError(Exception):
    """Somebody else acts, and did not end in time."""

    def __init__(self, where: Where, content: Content) -> None:
        self.content: Final = content
        lines = [
            f"  Lease: {where.shown}",
            f"  Acts:  for {content.view}",
            f"  Who:   {content.who}",
            f"  Since: {content.since}",
        ]
        super().__init__(
            "Another cluster-pki is at work with the same files, perhaps on another machine.\n\nLease Info:\n"
            + "\n".join(lines)
            + f"\n\nIt gives the lease back when it ends, and has lost it once it is silent for {content.ttl:g} seconds."
            f" Wait for that with --lock-timeout {2 * content.ttl:.0f}s."
        )


class Leading(msgspec.Struct, frozen=True, kw_only=True):
    """We act."""

    content: Content


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody else acts."""

    content: Content
    free_in: float
    """Seconds, if they stay silent."""


class ClusterLease:
    """One lease, as one process sees it. `attempt` and `release` are of the thread that works; `keep` may be of another."""

    def __init__(
        self, secrets: Secrets, where: Where, who: Who, *, clock: Callable[[], float], now: Callable[[], datetime]
    ) -> None:
        """Asks for nothing yet.

        Args:
            secrets: the engine.
            where: the secret.
            who: we.
            clock: seconds that only grow, also while the machine sleeps (CLOCK_BOOTTIME).
            now: the time, for people.
        """
        self._secrets: Final = secrets
        self._where: Final = where
        self._who: Final = who
        self._clock: Final = clock
        self._now: Final = now
        self._margin: Final = margin_of(where.ttl, where.call)
        self._writing: Final = threading.Lock()
        self._mine: Mine | None = None
        self._watched: Watched | None = None
        self._retry_at = 0.0
        self._shared = False
        self._why = "it was never held"

    @property
    def ttl(self) -> float:
        """Seconds for which it is given."""
        return self._where.ttl

    @property
    def shared(self) -> bool:
        """Whether another process under our name held it when it was taken: then it is not ours to give back."""
        return self._shared

    @property
    def leads(self) -> bool:
        """Whether something may be begun now."""
        mine = self._mine
        return mine is not None and self._clock() < deadline(mine, self._margin)

    def attempt(self) -> Leading | Waiting:
        """One try to hold it: renews what is ours, takes what nobody holds any more, and otherwise says who does.

        Raises:
            VaultError: the server could not be asked, and what was ours is not any more.
            ForeignLeaseError: the secret holds something else.
        """
        self.keep()
        with self._writing:
            if self._mine is not None and self.leads:
                return Leading(content=self._mine.content)
            self._mine = None
            try:
                return self._contend()
            except VaultError as error:
                if error.kind not in {Kind.CONFLICT, Kind.UNKNOWN}:
                    raise
            # Somebody was faster, or the answer was lost: what is there now says which.
            return self._contend()

    def acquire(self, *, timeout: float, wait: Callable[[float], object], stop: Callable[[], bool]) -> None:
        """Waits until it is ours.

        Args:
            timeout: how long, in seconds.
            wait: sleeps so many seconds.
            stop: whether to give up before the time is over.

        Raises:
            LeaseHeldError: somebody else held it all the time.
            VaultError: the server could not be asked.
            ForeignLeaseError: the secret holds something else.
        """
        until = self._clock() + timeout
        while True:
            pause = _LOOK_AGAIN
            try:
                standing = self.attempt()
            except VaultError as error:
                if not error.retryable or self._clock() >= until or stop():
                    raise
            else:
                if isinstance(standing, Leading):
                    return
                if self._clock() >= until or stop():
                    raise LeaseHeldError(self._where, standing.content)
                pause = min(pause, standing.free_in)
            wait(max(min(pause, until - self._clock()), 0.0))

    def keep(self) -> None:
        """Renews it when it is due. That it fails, or that it is lost, is noticed by `ensure`."""
        if self._is_idle():
            return
        # While another thread renews it there is nothing to wait for, until it would be too late.
        if not self._writing.acquire(blocking=not self.leads):
            return
        try:
            if not self._is_idle():
                self._renew()
        finally:
            self._writing.release()

    def ensure(self) -> None:
        """Returns while nobody else may act; renews when that is due.

        Raises:
            LeaseLostError: somebody else may: it was taken, or could not be renewed in time.
        """
        self.keep()
        if not self.leads:
            msg = f"The lease was lost ({self._where.shown}): {self._why}. Nothing more is written."
            raise LeaseLostError(msg)

    def release(self) -> None:
        """Gives it back, so that nobody has to wait; of a server that cannot be asked just now, time takes it."""
        free = self._writing.acquire(timeout=_LOOK_AGAIN)
        try:
            mine, self._mine = self._mine, None
            self._why = "it was given back"
            if free and mine is not None and mine.pending is None:
                self._secrets.write(self._where.path, as_data(released(mine.content)), cas=mine.version)
        except VaultError as error:
            _log.info("the lease was not given back and ends by itself: %s", error.advice)
        finally:
            if free:
                self._writing.release()

    def _is_idle(self) -> bool:
        """Whether there is nothing to renew, or not yet, or not again yet."""
        mine = self._mine
        if mine is None:
            return True
        now = self._clock()
        return now < due(mine) or (now < self._retry_at and now < deadline(mine, self._margin))

    def _renew(self) -> None:
        """1. read, so that a secret that was erased and made anew is not taken for ours by its number, 2. check-and-set."""
        mine = self._mine
        if mine is None:
            return
        try:
            there = self._resolve(mine)
            if there is not None:
                self._write(there)
        except VaultError as error:
            self._why = f"it could not be renewed in time: {error.advice}"
            self._retry_at = next_try(mine.content, self._clock())

    def _resolve(self, mine: Mine) -> Mine | None:
        """What is ours by what is there now."""
        found = read_lease(self._secrets.read(self._where.path), self._who.view)
        there = resolved(mine, found)
        if there is None:
            self._why = _lost_to(found)
        self._become(mine, there)
        return there

    def _write(self, mine: Mine) -> None:
        content, start = renewed(mine), self._clock()
        try:
            version = self._secrets.write(self._where.path, as_data(content), cas=mine.version)
        except VaultError as error:
            doubtful = msgspec.structs.replace(mine, pending=start if mine.pending is None else mine.pending)
            self._become(mine, doubtful)
            if error.kind in {Kind.CONFLICT, Kind.UNKNOWN}:
                self._resolve(doubtful)
            raise
        self._become(mine, Mine(version=version, content=content, start=start))

    def _become(self, before: Mine, mine: Mine | None) -> None:
        if self._mine is before:  # and was not given back meanwhile
            self._mine = mine

    def _contend(self) -> Leading | Waiting:
        found = read_lease(self._secrets.read(self._where.path), self._who.view)
        now = self._clock()
        if isinstance(found, Foreign):
            raise ForeignLeaseError(self._where, found.problem)
        if isinstance(found, Free):
            self._shared = False
            return self._take(found)
        self._watched = watch(self._watched, found, now)
        left = free_in(self._watched, now)
        if found.content.holder != self._who.id:
            return Waiting(content=found.content, free_in=left) if left > 0 else self._take(after(self._watched))
        # A claim without an answer was heard all the same, or it was ours before the server went away, and nothing of ours goes
        # on; or a process has it that waits for us now.
        self._shared = found.content.pid != self._who.pid
        return self._take(after(self._watched))

    def _take(self, free: Free) -> Leading:
        content = Content(
            view=self._who.view,
            holder=self._who.id,
            host=self._who.host,
            pid=self._who.pid,
            since=f"{self._now():%Y-%m-%d %H:%M:%S} UTC",
            ttl=self._where.ttl,
            turn=free.turn,
            renewed=0,
        )
        start = self._clock()
        version = self._secrets.write(self._where.path, as_data(content), cas=free.version)
        self._mine = Mine(version=version, content=content, start=start)
        self._watched = None
        self._why = "its time was over"
        return Leading(content=content)


def _lost_to(found: Found) -> str:
    match found:
        case Free():
            return "somebody deleted its secret, or has held it since and given it back"
        case Foreign():
            return found.problem
        case Held():
            return f"{found.content.who} has taken it"

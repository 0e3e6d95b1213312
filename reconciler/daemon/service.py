"""The running reconciler, put together: one per state directory, from the first look at its source to its end."""

from __future__ import annotations

import logging
import random
import select
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Final

from reconciler.apply.lock import Held, LockHeldError, hold
from reconciler.apply.progress import Listener
from reconciler.daemon.candidacy import Candidacy
from reconciler.daemon.following import Following
from reconciler.daemon.loop import TICK, Loop, Teller
from reconciler.daemon.managed import ManagedFiles
from reconciler.daemon.passing import Tools
from reconciler.daemon.reconciler import Reconciler, Step
from reconciler.daemon.settings import Settings
from reconciler.daemon.wakeups import Wakeups
from reconciler.passes.leading import boot
from reconciler.passes.session import Session
from reconciler.source.follow import FollowedSource
from reconciler.source.watch import Watcher

_log: Final = logging.getLogger(__name__)

#: A look at the lock by `status` holds it for an instant: that is no other reconciler.
_GLANCE: Final = 1.0
#: Seconds from the first sign of a change to a look: a ref moves by one rename, files are written one after the other.
_SETTLE: Final = {"git": 0.05, "directory": 0.2}


def clock() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


def log_ended_thread(ended: threading.ExceptHookArgs) -> None:
    """For `threading.excepthook`: a thread that watches or serves may end, and stops nothing: the loop looks for itself."""
    name = ended.thread.name if ended.thread is not None else "a thread"
    _log.warning("%s ended: %s: %s", name, ended.exc_type.__name__, ended.exc_value)


class Service:
    """A reconciler at work."""

    def __init__(
        self,
        source: FollowedSource,
        following: Following,
        settings: Settings,
        *,
        wakeups: Wakeups,
        stop: Callable[[], bool],
        listen: Listener,
        teller: Teller,
        observe_pass: Callable[[str, float], None],
        candidacy: Candidacy | None = None,
    ) -> None:
        """Nothing happens yet.

        Args:
            source: what is followed; closed at the end.
            following: the desired state in force.
            settings: how to run.
            wakeups: where reasons to wake come from.
            stop: whether to end.
            listen: hears of every step of an apply.
            teller: hears of every waking.
            observe_pass: hears of the result of each pass and how many seconds it took.
            candidacy: asks whether it is this one of several reconcilers that acts; ended at the end.
        """
        self._candidacy: Final = candidacy
        self._source: Final = source
        self._following: Final = following
        self._settings: Final = settings
        self._wakeups: Final = wakeups
        self._stop: Final = stop
        self._listen: Final = listen
        self._teller: Final = teller
        self._observe_pass: Final = observe_pass
        self._held: Held | None = None

    def run(self) -> Step | None:
        """Runs until it is stopped, or once.

        Returns:
            The last step; None when it was stopped before there was anything to do.

        Raises:
            LockHeldError: another reconciler runs with this state directory.
            StoreError: the state directory cannot be used.
        """
        with ExitStack() as resources:
            resources.callback(self._source.close)
            resources.callback(self._following.close)
            if self._candidacy is not None:
                resources.callback(self._candidacy.close)
            if not self._settings.once:
                settle = _SETTLE[self._following.describe().kind]
                watcher = Watcher(self._source.watched, lambda: self._wakeups.wake("source"), settle=settle)
                resources.callback(watcher.close)
            session = self._first_session()
            if session is None:
                return None
            files = ManagedFiles(lambda: self._wakeups.wake("files"))
            resources.callback(files.close)
            return self._alone(session, self._loop(files))

    def _alone(self, session: Session, loop: Loop) -> Step | None:
        """Runs the loop while no other reconciler does; takes a lock anew whose file somebody removed."""
        step, lost = None, True
        while lost and not self._stop():
            session.state.create()
            try:
                with self._hold(session) as held:
                    if self._held is None:
                        self._teller.known(session)
                    self._held = held
                    step = loop.once() if self._settings.once else loop.run()
                    lost = held.is_lost() and not self._settings.once
            except LockHeldError:
                if not self._stop():
                    raise
                break
            if lost and not self._stop():
                _log.warning("the lock file of the reconciler was removed; it is taken anew")
        return step

    @contextmanager
    def _hold(self, session: Session) -> Iterator[Held]:
        """The lock for life: at once, or when whoever has it ends in time."""
        path, patience = session.state.instance_path, self._settings.lock_timeout
        try:
            with hold(path, operation="run", exclusive=True, timeout=_GLANCE) as held:
                yield held
                return
        except LockHeldError as error:
            if patience <= _GLANCE:
                raise
            _log.info("waiting for another reconciler to end: %s", error.info.who if error.info else path)
        with hold(path, operation="run", exclusive=True, timeout=patience, wait=self._wait_for_lock, stop=self._stop) as held:
            yield held

    def _wait_for_lock(self, seconds: float) -> None:
        self._teller.beat()
        self._wait(seconds)

    def _ends(self) -> bool:
        """Whether the loop is to end: it was told to, or is no longer alone."""
        return self._stop() or (self._held is not None and self._held.is_lost())

    def _loop(self, files: ManagedFiles) -> Loop:
        reconciler = Reconciler(
            self._following,
            self._settings,
            tools=Tools(clock=clock, listen=self._listen, stop=self._stop, wait=self._wait, beat=self._teller.beat),
            boot=boot,
            observe_pass=self._observe_pass,
            candidacy=self._candidacy,
        )
        return Loop(
            reconciler,
            self._settings,
            wakeups=self._wakeups,
            stop=self._ends,
            source_moved=self._following.moved,
            files=files if not self._settings.once else None,
            clock=clock,
            boot=boot,
            random=random.random,
            teller=self._teller,
            lease_moved=self._candidacy.moved if self._candidacy is not None else lambda: False,
        )

    def _first_session(self) -> Session | None:
        """The first desired state that may be acted on; without one there is no cluster to speak of, and it is waited for."""
        while not self._stop():
            refused = self._following.refresh(whole=True)
            if self._following.session is not None:
                return self._following.session
            self._teller.refused(refused)
            if self._settings.once:
                return None
            self._teller.beat()
            self._wakeups.wait(min(TICK, self._settings.interval.total_seconds()))
        return None

    def _wait(self, seconds: float) -> None:
        """Waits within a pass; a reason that comes meanwhile is kept for the loop, and a stop ends it."""
        deadline = boot() + seconds
        while not self._stop() and (left := deadline - boot()) > 0:
            select.select((), (), (), min(left, 0.1))

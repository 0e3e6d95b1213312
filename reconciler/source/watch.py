"""Waking up when something on disk changes. A hint and no more: what counts is what polling finds.

Events of our own reading are not asked for, so that a look wakes nobody. Names that nobody waits for are left out, so that
our own state files in the same directory wake nobody either.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver, ObservedWatch

from reconciler.source.links import follow
from reconciler.source.revision import SourceError
from reconciler.source.watch_paths import Places, matters, merged, places_of, with_name

MAX_DIRECTORIES: Final = 64
"""Each costs a thread. What lies in others is found by polling."""
_ROUNDS: Final = 5
_JOIN: Final = 5.0
#: What opens, reads, closes without writing, or changes only modes and times, is left out.
_EVENTS: Final[list[type[FileSystemEvent]]] = [
    *(FileCreatedEvent, FileModifiedEvent, FileClosedEvent, FileDeletedEvent, FileMovedEvent),
    *(DirCreatedEvent, DirDeletedEvent, DirMovedEvent),
]
_log: Final = logging.getLogger(__name__)


class _Armed(NamedTuple):
    watch: ObservedWatch
    device: int
    inode: int


class Watcher(FileSystemEventHandler):
    """Calls back soon after one of some paths changed, from its own thread."""

    def __init__(self, paths: Callable[[], Sequence[str]], wake: Callable[[], None], *, settle: float = 0.2) -> None:
        """Watches from now on.

        Args:
            paths: gives the paths, absolute; asked again after each change. The last component may be a glob.
            wake: called after a change; must be quick, and may be called from another thread.
            settle: seconds from the first event to the call, in which more of them may come.
        """
        super().__init__()
        self.degraded = ""
        """Why only polling is left; empty while watching works."""
        self._paths: Final = paths
        self._wake: Final = wake
        self._settle: Final = settle
        self._changed: Final = threading.Event()
        self._closing: Final = threading.Event()
        self._armed: Final[dict[str, _Armed]] = {}
        # A directory that is made anew may get the inode of the one that went away, and its watch is gone all the same.
        self._gone: set[str] = set()
        self._names: Places = {}
        self._observer: BaseObserver | None = None
        # It tells at the level of errors what is none here, such as a directory that went away.
        logging.getLogger("watchdog").setLevel(logging.CRITICAL)
        try:
            self._observer = Observer()
            self._observer.start()
        except (OSError, RuntimeError) as error:
            self._degrade(error)
        self._arm()
        self._thread: Final = threading.Thread(target=self._run, name="source-watcher", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stops watching; nobody is called afterwards."""
        self._closing.set()
        self._changed.set()
        self._thread.join(_JOIN)
        self._stop_observer()

    def dispatch(self, event: FileSystemEvent) -> None:
        """Takes an event from watchdog's thread."""
        for path in (event.src_path, event.dest_path):
            text = os.fsdecode(path)
            directory, name = os.path.split(text)
            # A watched directory that goes away itself is an event, too.
            if isinstance(event, DirDeletedEvent) and text in self._armed:
                self._gone.add(text)
            if text and (matters(name, self._names.get(directory, frozenset())) or text in self._names):
                self._changed.set()

    def _run(self) -> None:
        while True:
            self._changed.wait()
            self._closing.wait(self._settle)
            if self._closing.is_set():
                return
            # In this order: what changes after the clearing sets it again, what changed before is seen by who is woken.
            self._changed.clear()
            self._arm()
            self._wake()

    def _arm(self) -> None:
        """Watches what the paths lead to now; again while links move in the meantime."""
        for _ in range(_ROUNDS):
            wanted = self._wanted()
            if self._observer is None or self._is_armed(wanted):
                return
            self._names = wanted
            try:
                self._schedule(wanted)
            except (OSError, RuntimeError) as error:
                self._degrade(error)

    def _wanted(self) -> Places:
        try:
            paths = self._paths()
        except (SourceError, OSError, ValueError):  # A source that is gone for now is watched where it was.
            _log.debug("the paths to watch are not known", exc_info=True)
            return self._names
        split = (os.path.split(path.rstrip("/")) for path in dict.fromkeys(paths))
        places = merged(place for directory, name in split for place in _both(directory, name))
        return dict(sorted(places.items())[:MAX_DIRECTORIES])

    def _is_armed(self, wanted: Places) -> bool:
        standing = {directory: (armed.device, armed.inode) for directory, armed in self._armed.items()}
        if not self._gone.isdisjoint(standing):
            return False
        return self._names == wanted and standing == {directory: _identity(directory) for directory in wanted}

    def _schedule(self, wanted: Places) -> None:
        observer = self._observer
        if observer is None:
            return
        gone, self._gone = self._gone, set()
        for directory, armed in list(self._armed.items()):
            if directory in gone or directory not in wanted or _identity(directory) != (armed.device, armed.inode):
                del self._armed[directory]
                observer.unschedule(armed.watch)
        for directory in wanted.keys() - self._armed.keys():
            identity = _identity(directory)
            try:
                watch = observer.schedule(self, directory, recursive=False, event_filter=_EVENTS)
            except (FileNotFoundError, NotADirectoryError, PermissionError):
                continue  # Gone again, or not ours to watch: polling sees it.
            self._armed[directory] = _Armed(watch, *identity)

    def _degrade(self, error: Exception) -> None:
        # ENOSPC and EMFILE: fs.inotify.max_user_watches and max_user_instances are used up, perhaps by others (inotify(7)).
        self.degraded = f"watching files does not work here ({error}); changes are found by polling"
        _log.warning("%s; raise fs.inotify.max_user_watches and fs.inotify.max_user_instances to be quicker", self.degraded)
        self._stop_observer()

    def _stop_observer(self) -> None:
        observer, self._observer = self._observer, None
        self._armed.clear()
        if observer is not None and observer.is_alive():
            observer.stop()
            observer.join(_JOIN)


def _both(directory: str, name: str) -> tuple[Places, ...]:
    """A name as it stands, followed through links, and as a glob in its directory."""
    followed = places_of(follow(os.path.join(directory, name)))
    return (followed, places_of(with_name(follow(directory), name)))


def _identity(directory: str) -> tuple[int, int]:
    try:
        status = os.stat(directory)
    except OSError:
        return (0, 0)
    return (status.st_dev, status.st_ino)

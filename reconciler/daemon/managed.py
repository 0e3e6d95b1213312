"""The files that are managed: whether they are what they were, and a watch that hints when they are not."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import islice
from typing import Final

from watchdog.events import EVENT_TYPE_CLOSED_NO_WRITE, EVENT_TYPE_OPENED, FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from reconciler.desired.external import asked_outside, waiting_of
from reconciler.desired.model import DesiredState
from reconciler.plan.options import desired_addresses
from reconciler.plan.published import paths_of

_log: Final = logging.getLogger(__name__)

#: Each watched directory costs an inotify instance, of which a user has 128; beyond, the interval finds what changed.
MOST_DIRECTORIES: Final = 16
#: A directory with more below it is watched by itself only.
MOST_BELOW: Final = 256
#: Our own reads, which must not wake us.
_READS: Final = frozenset({EVENT_TYPE_OPENED, EVENT_TYPE_CLOSED_NO_WRITE})


def managed_paths(desired: DesiredState) -> tuple[str, ...]:
    """Every file that the desired state publishes, absolute, by the name that readers use; and where external CAs answer."""
    published = (path for address in desired_addresses(desired) for path in paths_of(address, desired))
    answers = (waiting_of(component, desired).answer for component in asked_outside(desired))
    return (*published, *answers)


def signature(paths: Iterable[str]) -> str:
    """A digest of what the system says about files, links followed: it changes whenever one of them may have changed."""
    digest = hashlib.blake2b(digest_size=16)
    for path in paths:
        try:
            status = os.stat(path)  # noqa: PTH116 - tens of thousands of them
        except OSError as error:
            digest.update(f"{path}\0{error.errno}\n".encode())
        else:
            fields = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_mode)
            digest.update(f"{path}\0{fields}\n".encode())
    return digest.hexdigest()


def directories(paths: Iterable[str]) -> tuple[str, ...]:
    """The directories that hold the files, without those inside another of them; sorted."""
    tops: list[str] = []
    for directory in sorted({path.rpartition("/")[0] or "/" for path in paths}):
        if not tops or not f"{directory}/".startswith(f"{tops[-1].rstrip('/')}/"):
            tops.append(directory)
    return tuple(tops)


class ManagedFiles:
    """Watches the managed files of a desired state. Events only hint: what counts is the signature."""

    def __init__(self, wake: Callable[[], None]) -> None:
        """Watches nothing yet.

        Args:
            wake: called, from another thread, when something may have changed.
        """
        self._wake: Final = wake
        self._observer: BaseObserver | None = None
        self._watched: tuple[str, ...] = ()
        self._paths: tuple[str, ...] = ()
        self._signature = ""
        self._warned = False

    def settle(self, desired: DesiredState) -> None:
        """Takes what is on disk now as seen, and watches what this desired state publishes."""
        self._paths = managed_paths(desired)
        self._signature = signature(self._paths)
        self._watch(tuple(directory for directory in directories(self._paths) if os.path.isdir(directory)))  # noqa: PTH112

    def moved(self) -> bool:
        """Whether any managed file may be something else than when it was settled."""
        return bool(self._paths) and signature(self._paths) != self._signature

    def close(self) -> None:
        """Stops watching."""
        if self._observer is not None:
            self._observer.stop()
            self._observer.join()
            self._observer = None
        self._watched = ()

    def _watch(self, wanted: Sequence[str]) -> None:
        if tuple(wanted) == self._watched:
            return
        self.close()
        if not wanted or len(wanted) > MOST_DIRECTORIES:
            return
        observer = Observer()
        handler = _Handler(self._wake)
        try:
            for directory in wanted:
                observer.schedule(handler, directory, recursive=_is_small(directory))
            observer.start()
        except OSError as error:
            # No inotify instance or watch is left: the interval finds what changed.
            with suppress(Exception):
                observer.stop()
            if not self._warned:
                _log.warning("managed files cannot be watched (%s); they are looked at every interval", error.strerror)
                self._warned = True
            return
        self._observer, self._watched = observer, tuple(wanted)


class _Handler(FileSystemEventHandler):
    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Hints at everything but reads."""
        if event.event_type not in _READS:
            self._wake()


def _is_small(directory: str) -> bool:
    """Whether it has few directories below it: looking for them is bounded."""
    return len(list(islice(os.walk(directory), MOST_BELOW + 1))) <= MOST_BELOW

"""The desired state as its files stand: a plain directory, a checkout, a ConfigMap mount, a link that git-sync moves.

What is read at different moments need not belong together. So everything is read below one resolution of the links, and
read once more: only what stayed the same counts.
"""

from __future__ import annotations

import contextlib
import glob
import hashlib
import os
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from reconciler.desired.files import read_file
from reconciler.desired.includes import read_included
from reconciler.desired.request_files import read_requests
from reconciler.desired.source import UnusableFileError
from reconciler.source.directory import DirectorySource
from reconciler.source.follow import Opened
from reconciler.source.git_layout import UNFINISHED, Repository, enclosing, unfinished
from reconciler.source.links import commit_in_links
from reconciler.source.patterns import has_magic
from reconciler.source.revision import Revision, SourceError
from reconciler.source.snapshot import Snapshot, digest_of, recording

_ATTEMPTS: Final = 3
#: Kubernetes publishes a mounted ConfigMap or Secret by moving this link (its AtomicWriter).
_DATA: Final = "..data"


class _Place(NamedTuple):
    """Where the links of a directory lead: changes when one of them moves, or the directory is made anew."""

    directory: str
    device: int
    inode: int


class WorktreeSource:
    """A main file and what it includes, as they stand."""

    def __init__(self, path: str) -> None:
        """Takes the path of the main file; nothing is read yet."""
        self._shown: Final = path
        self.location, self._name = os.path.split(os.path.abspath(path))
        self._last: Snapshot | None = None

    def poll(self) -> str:
        """A digest over where the links lead, which files there are, and their sizes and times."""
        place = self._place()
        known = self._last.files.keys() | self._last.refusals.keys() if self._last else {self._name}
        parts: list[object] = [place, commit_in_links(self.location)]
        parts += [(name, _identity(os.path.join(place.directory, name))) for name in sorted(known)]
        source = DirectorySource(self._shown, below=place.directory)
        parts += [(pattern, source.expand(pattern)) for pattern in sorted(self._last.expansions if self._last else ())]
        repository = _repository(place.directory)
        parts.append(unfinished(repository) if repository else ())
        return hashlib.sha256(repr(parts).encode("utf-8", "surrogateescape")).hexdigest()

    def open(self, last: Revision | None, *, allow_rollback: bool) -> Opened:  # noqa: ARG002 - files have no history
        """What stands there now, read until two readings agree. A main file that is missing is told by the loader.

        Raises:
            SourceError: it does not stay the same, or waits in the middle of a merge.
        """
        for _ in range(_ATTEMPTS):
            place = self._place()
            self._refuse_unfinished(place.directory)
            named = commit_in_links(self.location)
            first = self._read(place)
            if first == self._ask(place, first) and (self._place(), commit_in_links(self.location)) == (place, named):
                self._last = msgspec.structs.replace(first, revision=self._revision(first, named))
                return Opened(revision=self._last.revision, source=self._last)
        raise SourceError(
            reason="SourceUnstable",
            message=f"{self._shown} and what it includes changed each of {_ATTEMPTS} times they were read",
            hint="write files elsewhere and rename them into place, all of them at once",
        )

    def watched(self) -> tuple[str, ...]:
        """The files, the places where an include may find more, and what git leaves in the middle of a merge."""
        names = self._last.files.keys() | self._last.refusals.keys() if self._last else set()
        paths = [os.path.join(self.location, name) for name in sorted({self._name, *names})]
        paths.append(os.path.join(self.location, _DATA))
        for pattern in self._last.expansions if self._last else ():
            paths += watched_by(self.location, pattern)
        repository = _repository(self._place().directory)
        if repository is not None:
            paths += [os.path.join(repository.git_dir, name) for name in UNFINISHED]
        return tuple(dict.fromkeys(paths))

    def release(self) -> None:
        """Nothing runs."""

    def close(self) -> None:
        """Nothing was written."""

    def _place(self) -> _Place:
        """Resolves the directory once; where Kubernetes mounts, the directory that ``..data`` leads to."""
        data = os.path.join(self.location, _DATA)
        mounted = os.path.islink(data) and os.path.lexists(os.path.join(data, self._name))
        directory = os.path.realpath(data if mounted else self.location)
        try:
            status = os.stat(directory)
        except OSError:
            return _Place(directory, 0, 0)
        return _Place(directory, status.st_dev, status.st_ino)

    def _read(self, place: _Place) -> Snapshot:
        """Reads what the loader would read, by the loader's own rules."""
        if self._last is not None:
            again = self._ask(place, self._last)
            if msgspec.structs.replace(self._last, revision=again.revision) == again:
                return again  # Nothing changed, so nothing has to be understood anew.
        recorder = recording(DirectorySource(self._shown, below=place.directory))
        # A file that cannot be read is recorded as such: the loader tells it.
        with contextlib.suppress(UnusableFileError):
            main = read_file(recorder, self._name)
            included, _ = read_included(recorder, main)
            read_requests(recorder, (main, *included))
        return recorder.snapshot(self._revision(None, ""))

    def _ask(self, place: _Place, asked: Snapshot) -> Snapshot:
        """Reads the same files and expands the same patterns as an earlier reading."""
        recorder = recording(DirectorySource(self._shown, below=place.directory))
        for name in (*asked.files, *asked.refusals):
            with contextlib.suppress(UnusableFileError):
                recorder.read(name)
        for pattern in asked.expansions:
            recorder.expand(pattern)
        return recorder.snapshot(self._revision(None, ""))

    def _revision(self, read: Snapshot | None, named: str) -> Revision:
        digest = digest_of(self._name, read.files) if read else ""
        return Revision(kind="directory", id=named or f"sha256:{digest}", location=self.location, path=self._name, digest=digest)

    def _refuse_unfinished(self, directory: str) -> None:
        repository = _repository(directory)
        waiting = unfinished(repository) if repository else ()
        if waiting:
            raise SourceError(
                reason="UnfinishedMerge",
                message=f"{self.location} waits in the middle of a merge, rebase, cherry-pick or revert ({', '.join(waiting)})",
                hint="finish it or abort it; --git reads the commit and does not mind",
            )


def watched_by(location: str, pattern: str) -> Iterator[str]:
    """Paths where a file could come to match a pattern; the last component of each may be a glob.

    Args:
        location: the directory that the pattern is relative to.
        pattern: as `include` has it.
    """
    directories = [location]
    *parents, last = pattern.split("/")
    for name in parents:
        if has_magic(name):
            yield from (os.path.join(directory, name) for directory in directories)
            found = (glob.glob(name, root_dir=directory) for directory in directories)
            pairs = zip(directories, found, strict=True)
            directories = [os.path.join(directory, match) for directory, matches in pairs for match in sorted(matches)]
        else:
            directories = [os.path.join(directory, name) for directory in directories]
    yield from (os.path.join(directory, last) for directory in directories)


def _repository(directory: str) -> Repository | None:
    """The repository around a directory; None when there is none, or it is somewhere else (git-sync, other mounts)."""
    try:
        return enclosing(directory)
    except SourceError:
        return None


def _identity(path: str) -> tuple[int, ...]:
    """What changes when a file does, as git's index has it; empty when it cannot be looked at."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return ()
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_mode)

"""The files of a node below a directory of this machine, with its symbolic links resolved inside it.

A link of a snapshot means what it meant on its node: ``/etc/ssl/ca.crt`` begins at the snapshot's root, and ``..`` ends there,
as with openat2(2) and ``RESOLVE_IN_ROOT``. Nothing is written, and nothing but regular files is opened.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from reconciler.cluster.mounts import normal
from reconciler.observed.model import Absent, Unusable
from reconciler.stores.read import LIMIT, ReadFile, read_file

#: As in Linux (path_resolution(7)).
_MAX_LINKS: Final = 40
#: More entries than a directory of certificates has.
MAX_ENTRIES: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The names in a directory."""

    names: tuple[str, ...] = ()
    """Sorted."""
    problem: str = ""
    """Why it is not complete; empty when it is. A directory that is not there is empty."""


class Root:
    """A node's files."""

    def __init__(self, base: str, elsewhere: Sequence[str] = ()) -> None:
        """Takes the directory, and paths that are this machine's although they do not lie in it."""
        self._base = os.path.abspath(base).rstrip("/")
        self._elsewhere = tuple(elsewhere)

    def read(self, path: str, *, limit: int = LIMIT) -> ReadFile | Absent | Unusable:
        """A regular file; see `stores.read.read_file`."""
        real = self._real(path)
        return read_file(real, limit=limit) if isinstance(real, str) else real

    def link(self, path: str) -> str:
        """Where a path that is itself a symbolic link points, as it is written; empty for anything else."""
        directory, _, name = normal(path).rpartition("/")
        real = self._real(directory or "/")
        try:
            return os.readlink(f"{real}/{name}") if isinstance(real, str) and name else ""
        except (OSError, ValueError):
            return ""

    def names(self, path: str) -> Listing:
        """What is in a directory."""
        real = self._real(path)
        if isinstance(real, Unusable):
            return Listing(problem=real.detail)
        try:
            found = os.listdir(real or "/")
        except (FileNotFoundError, NotADirectoryError):
            return Listing()
        except OSError as error:
            return Listing(problem=f"it cannot be listed: {error.strerror or 'input/output error'}")
        names = sorted(filter(is_text, found))
        problem = "names in it that are not UTF-8 were left out" if len(names) < len(found) else ""
        if len(names) > MAX_ENTRIES:
            problem = f"only {MAX_ENTRIES} of its {len(names)} entries were looked at"
        return Listing(names=tuple(names[:MAX_ENTRIES]), problem=problem)

    def is_directory(self, path: str) -> bool:
        """Whether a path leads to a directory."""
        return stat.S_ISDIR(self._mode(path))

    def is_file(self, path: str) -> bool:
        """Whether a path leads to a regular file."""
        return stat.S_ISREG(self._mode(path))

    def exists(self, path: str) -> bool:
        """Whether a path leads to anything."""
        return self._mode(path) != 0

    def same(self, path: str) -> str:
        """The place that a path leads to: equal for two paths to one file or directory; empty when it leads nowhere."""
        real = self._real(path)
        return real if isinstance(real, str) else ""

    def moved(self, directory: str) -> str:
        """What the node calls a directory without links, where this machine does not find it by following them.

        That is so of a snapshot alone: an absolute link in it leads to another place here. Empty where it is not so.
        """
        real = self._real(directory or "/")
        if not isinstance(real, str) or not self._base or not real.startswith(f"{self._base}/"):
            return ""
        followed = os.path.realpath(f"{self._base}{normal(directory)}")
        return "" if followed == os.path.realpath(real) else real.removeprefix(self._base)

    def _mode(self, path: str) -> int:
        real = self._real(path)
        try:
            return os.lstat(real or "/").st_mode if isinstance(real, str) else 0
        except (OSError, ValueError):
            return 0

    def _real(self, path: str) -> str | Unusable:
        """The path on this machine, free of links."""
        if not is_text(path):
            return Unusable(problem="not-a-file", detail="its name is no file name")
        absolute = normal(path)
        base = "" if any(absolute == each or absolute.startswith(f"{each}/") for each in self._elsewhere) else self._base
        done: list[str] = []
        pending = absolute.split("/")[::-1]
        links = 0
        while pending:
            name = pending.pop()
            if name in {"", "."}:
                continue
            if name == "..":
                del done[-1:]
                continue
            target = _readlink(f"{base}/{'/'.join((*done, name))}")
            if not target:
                done.append(name)
                continue
            links += 1
            if links > _MAX_LINKS:
                return Unusable(problem="not-a-file", detail="its symbolic links form a loop")
            if target.startswith("/"):
                done.clear()
            pending.extend(target.split("/")[::-1])
        return f"{base}/{'/'.join(done)}"


def is_text(path: str) -> bool:
    """Whether it can be a path and stand in an output."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in path


def _readlink(path: str) -> str:
    """The target; empty for what is no link, or cannot be looked at: opening it will tell why."""
    try:
        return os.readlink(path)
    except OSError:
        return ""

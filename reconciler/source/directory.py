"""Desired-state files in a directory: a checkout, a ConfigMap mount, a folder on a laptop."""

from __future__ import annotations

import glob
import os
import stat
from pathlib import Path
from typing import Final

from reconciler.desired.source import MAX_FILE, UnusableFileError

#: What else a path can lead to, by ``stat.S_IFMT``.
_KINDS: Final = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a character device",
    stat.S_IFBLK: "a block device",
}


class DirectorySource:
    """A main file and the files beside and below it.

    Symbolic links are followed, because Kubernetes mounts a ConfigMap as links into ``..data``; an included file must
    still lie in the directory, so that a link in a repository cannot show a file of the machine.
    """

    def __init__(self, path: str, *, below: str | None = None) -> None:
        """Takes the path of the main file; nothing is read yet.

        Args:
            path: the main file, as messages call it.
            below: the directory that is really read, when links were followed to it before; None for the path's own.
        """
        self._directory = Path(path).parent
        self._real = self._directory if below is None else Path(below)
        self.name = Path(path).name

    def shown(self, name: str) -> str:
        """The path that leads to a file from where the user stands."""
        return str(self._directory / name)

    def read(self, name: str) -> bytes:
        """The bytes of a regular file.

        Raises:
            UnusableFileError: there is none, it may not be read, is too large, or is something else.
        """
        path, real = self.shown(name), self._real / name
        try:
            if name != self.name:
                self._stay_inside(path, real)
            # O_NONBLOCK: opening a FIFO that nobody writes to would wait for ever.
            descriptor = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise UnusableFileError(
                code="CPK001", message=f"{path}: there is no such file", hint=_where_else(Path(path), real)
            ) from None
        except (OSError, ValueError) as error:
            raise _unreadable(path, error) from None
        try:
            return _read_regular(descriptor, path)
        except OSError as error:
            raise _unreadable(path, error) from None
        finally:
            os.close(descriptor)

    def expand(self, pattern: str) -> tuple[str, ...]:
        """The files that match a glob, sorted; hidden ones only when the pattern names the dot."""
        if not glob.has_magic(pattern):
            return (pattern,) if os.path.lexists(self._real / pattern) else ()
        # Not Path.glob, which matches hidden files too.
        matches = glob.glob(pattern, root_dir=self._real)
        return tuple(sorted(match for match in matches if not (self._real / match).is_dir()))

    def _stay_inside(self, path: str, real: Path) -> None:
        if not real.resolve().is_relative_to(self._real.resolve()):
            raise UnusableFileError(
                code="CPK002",
                message=f"{path} is a link that leaves the directory of the main file",
                hint="put the file itself there, or link to a file inside the directory",
            )


def _read_regular(descriptor: int, path: str) -> bytes:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "no regular file")
        raise UnusableFileError(code="CPK002", message=f"{path} is {kind}, not a regular file", hint="name the file itself")
    too_large = UnusableFileError(
        code="CPK003",
        message=f"{path} is larger than {MAX_FILE // 1024} KiB",
        hint="split it with `include`, if it is the right file",
    )
    if status.st_size > MAX_FILE:
        raise too_large
    # The size may be a lie (/proc) or out of date: the cap counts what is read.
    with os.fdopen(descriptor, "rb", closefd=False) as file:
        data = file.read(MAX_FILE + 1)
    if len(data) > MAX_FILE:
        raise too_large
    return data


def _unreadable(path: str, error: OSError | ValueError) -> UnusableFileError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    hint = "check its mode and owner, and those of the directories above it" if isinstance(error, PermissionError) else ""
    return UnusableFileError(code="CPK002", message=f"{path} cannot be read: {reason}", hint=hint)


def _where_else(path: Path, real: Path) -> str:
    other = {".yaml": ".yml", ".yml": ".yaml"}.get(path.suffix)
    if other and real.with_suffix(other).exists():
        return f'did you mean "{path.with_suffix(other)}"?'
    return "name another with --file, or begin with `apiVersion: cluster-pki/v1` and `cluster: NAME`"

"""Reading the objects of a repository that is not ours, through a bare repository that is.

The own repository lies in a private directory and borrows the other's object store (``GIT_ALTERNATE_OBJECT_DIRECTORIES``,
git(1)). So git reads no configuration, hook or attribute of the other, does not mind who owns it, and has nothing to write.
"""

from __future__ import annotations

import os
import subprocess
import time
from typing import Final, NamedTuple

from reconciler.source.git_format import HEX, name_of
from reconciler.source.programs import TIMEOUT, ProgramError, Workshop, read_some
from reconciler.source.revision import SourceError, shortened

#: commitGraph and multiPackIndex: files of the other's store that would be believed about parents and places.
#: bigFileThreshold: larger files are streamed, not held in memory, before we refuse them.
_CONFIG: Final = """\
[core]
\trepositoryformatversion = {version}
\tbare = true
\tcommitGraph = false
\tmultiPackIndex = false
\tbigFileThreshold = 2m
{extensions}"""
_HEADER_LIMIT: Final = 256


class Object(NamedTuple):
    """An object whose name was checked; `data` is None when it is larger than asked for."""

    kind: str
    size: int
    data: bytes | None


class Objects:
    """The objects of one store, read by one ``git cat-file --batch`` that is started when it is needed."""

    def __init__(self, *, store: str, digits: int, workshop: Workshop) -> None:
        """Takes what is needed; nothing is started yet.

        Args:
            store: the object store of the other repository.
            digits: 40 or 64, by the format of its objects.
            workshop: where the own repository goes.

        Raises:
            SourceError: there is no git.
        """
        self.store: Final = store
        self.digits: Final = digits
        self._git: Final = workshop.find("git")
        if self._git is None:
            raise SourceError(
                reason="GitMissing",
                message="reading a commit needs git, and there is none on the PATH",
                hint="install git; --worktree reads the files without it",
            )
        self._workshop: Final = workshop
        self._process: subprocess.Popen[bytes] | None = None
        self._ahead = b""

    def read(self, name: str, *, limit: int) -> Object | None:
        """Reads an object and checks it against its name; None when the store does not hold it.

        Args:
            name: 40 or 64 hex digits.
            limit: how many bytes of content are taken; of a larger object there is only the size.

        Raises:
            SourceError: it is damaged, or git does not answer.
        """
        deadline = time.monotonic() + TIMEOUT
        try:
            found = self._ask(name, limit=limit, deadline=deadline)
        except (ProgramError, OSError, ValueError):
            self.release()
            raise _unreadable(name, "is damaged in the repository, or takes too long to read") from None
        if found and found.data is not None and name_of(found.kind, found.data, digits=len(name)) != name:
            raise _unreadable(name, "is not what its name says: the repository is damaged, or somebody changed it")
        return found

    def must_read(self, name: str, kind: str, *, limit: int) -> bytes:
        """The content of an object that the commit needs.

        Raises:
            SourceError: it is missing, damaged, larger, or of another kind.
        """
        found = self.read(name, limit=limit)
        if found is None:
            raise _unreadable(name, "is missing in the repository, or damaged there")
        if found.kind != kind or found.data is None:
            raise _unreadable(name, f"is no {kind}, or far too large")
        return found.data

    def release(self) -> None:
        """Ends the process."""
        process, self._process, self._ahead = self._process, None, b""
        if process is not None:
            process.kill()
            with process:
                pass

    def _ask(self, name: str, *, limit: int, deadline: float) -> Object | None:
        process = self._process or self._start()
        assert process.stdin is not None  # noqa: S101 - it was asked for
        process.stdin.write(f"{name}\n".encode())
        # <name> SP <kind> SP <size> LF <content> LF, or <name> SP "missing" LF (git-cat-file(1), "BATCH OUTPUT").
        words = self._until_newline(process, deadline).split()
        if words[1:] == [b"missing"]:
            return None
        told, kind, size = words[0].decode(), words[1].decode(), int(words[2])
        if told != name:
            raise ProgramError
        if size > limit:
            self.release()  # What would follow is not wanted.
            return Object(kind, size, None)
        return Object(kind, size, self._exactly(process, size + 1, deadline)[:-1])

    def _start(self) -> subprocess.Popen[bytes]:
        # Made again each time: what tidies /tmp may have taken a part of it.
        own = _own_repository(self._workshop.directory, self.digits)
        command = (str(self._git), f"--git-dir={own}", "cat-file", "--batch")
        self._process = subprocess.Popen(
            command,
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=self._workshop.directory,
            env=self._workshop.environ | git_environment(self.store),
        )
        return self._process

    def _until_newline(self, process: subprocess.Popen[bytes], deadline: float) -> bytes:
        while b"\n" not in self._ahead:
            if len(self._ahead) > _HEADER_LIMIT:
                raise ProgramError
            self._ahead += _more(process, deadline)
        line, _, self._ahead = self._ahead.partition(b"\n")
        return line

    def _exactly(self, process: subprocess.Popen[bytes], size: int, deadline: float) -> bytes:
        parts, have = [self._ahead], len(self._ahead)
        while have < size:
            parts.append(_more(process, deadline))
            have += len(parts[-1])
        joined = b"".join(parts)
        self._ahead = joined[size:]
        return joined[:size]


def git_environment(store: str) -> dict[str, str]:
    """What git is told beside the workshop's environment: to read nothing else, and to reach out nowhere."""
    return {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": quoted(store),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_ALLOW_PROTOCOL": "none",
    }


def quoted(path: str) -> str:
    """A path for ``GIT_ALTERNATE_OBJECT_DIRECTORIES``, whose separator is a colon: in quotes as in C where it needs them."""
    if not any(character in path for character in ':"\\\n'):
        return path
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _more(process: subprocess.Popen[bytes], deadline: float) -> bytes:
    assert process.stdout is not None  # noqa: S101 - it was asked for
    part = read_some(process.stdout.fileno(), deadline=deadline)
    if not part:
        raise ProgramError
    return part


def _own_repository(directory: str, digits: int) -> str:
    """A bare repository without anything in it: what ``git init --bare --template=`` makes, without running it."""
    path = os.path.join(directory, f"objects-{digits}.git")
    modern = digits == HEX["sha256"]
    extensions = "[extensions]\n\tobjectFormat = sha256\n" if modern else ""
    for name in ("objects", "refs"):
        os.makedirs(os.path.join(path, name), mode=0o700, exist_ok=True)
    for name, text in (
        ("HEAD", "ref: refs/heads/none\n"),
        ("config", _CONFIG.format(version=int(modern), extensions=extensions)),
    ):
        with open(os.path.join(path, name), "wb") as file:
            file.write(text.encode())
    return path


def _unreadable(name: str, what: str) -> SourceError:
    return SourceError(
        reason="CommitUnreadable",
        message=f"object {shortened(name)} {what}",
        hint="fetch again (a partial clone does not hold everything); `git fsck` in the repository says more",
    )

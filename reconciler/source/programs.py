"""Running git, ssh-keygen and gpg: in a private directory, with an environment made from nothing.

Whoever can write into a repository must not get a program run: so no configuration of the repository, the user or the
machine is read, and nothing of our own environment is passed on but where programs are found and the time zone.
"""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import time
import weakref
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from reconciler.source.scratch import private_directory

TIMEOUT: Final = 10.0
"""Seconds for one program, or for one object; all of them take milliseconds on a disk that works."""
OUTPUT_LIMIT: Final = 1 << 20
_DEFAULT_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_CHUNK: Final = 1 << 16


class Ran(NamedTuple):
    """What a program left behind."""

    code: int
    output: str


class ProgramError(Exception):
    """A program that could not be run to its end: it hung, or said far too much."""


class Workshop:
    """A private directory, and an environment in which nobody else has a say."""

    def __init__(self, *, environ: Mapping[str, str], avoid: Sequence[str] = ()) -> None:
        """Makes the directory, mode 0700, in the first place that takes it.

        Args:
            environ: for ``PATH``, ``TZ``, ``TMPDIR`` and systemd's ``RUNTIME_DIRECTORY``.
            avoid: directories that nothing is written into: the repository.

        Raises:
            SourceError: no place takes it.
        """
        self.directory, held = private_directory(environ, avoid)
        # Also when nobody closes it: at the latest when the interpreter ends.
        self._remove: Final = weakref.finalize(self, _remove, self.directory, held)
        self.environ: Final = {
            "PATH": environ.get("PATH") or _DEFAULT_PATH,
            "HOME": "/nonexistent",
            "LC_ALL": "C",
            # valid-before in a signers file without a Z means local time (ssh-keygen(1)).
            **({"TZ": environ["TZ"]} if "TZ" in environ else {}),
        }

    def find(self, program: str) -> str | None:
        """The path of a program."""
        return shutil.which(program, path=self.environ["PATH"])

    def write(self, name: str, data: bytes) -> str:
        """Puts a file into the directory, in place of one of that name; returns its path."""
        path = os.path.join(self.directory, name)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        return path

    def run(self, command: Sequence[str], *, stdin: str = os.devnull, errors: bool = True) -> Ran:
        """Runs a program to its end.

        Args:
            command: the program's path and its arguments.
            stdin: path of a file to read from.
            errors: whether standard error belongs to the output.

        Raises:
            ProgramError: it did not end in time, said too much, or could not be started.
        """
        try:
            with open(stdin, "rb") as given:
                process = subprocess.Popen(
                    command,
                    stdin=given,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT if errors else subprocess.DEVNULL,
                    cwd=self.directory,
                    env=self.environ,
                )
        except OSError as error:
            message = f"{command[0]} cannot be run: {error.strerror}"
            raise ProgramError(message) from None
        with process:
            try:
                output = _all_output(process, deadline=time.monotonic() + TIMEOUT)
                code = process.wait(TIMEOUT)
            except (ProgramError, subprocess.TimeoutExpired):
                message = f"{command[0]} did not end within {TIMEOUT:.0f} s, or said too much"
                raise ProgramError(message) from None
            finally:
                process.kill()
        return Ran(code, output.decode("utf-8", "replace"))

    def close(self) -> None:
        """Removes the directory and what is in it."""
        self._remove()


def read_some(descriptor: int, *, deadline: float) -> bytes:
    """The next bytes of a pipe, empty at its end.

    Raises:
        ProgramError: none came until the deadline (of ``time.monotonic``).
    """
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
        raise ProgramError
    return os.read(descriptor, _CHUNK)


def _all_output(process: subprocess.Popen[bytes], *, deadline: float) -> bytes:
    assert process.stdout is not None  # noqa: S101 - it was asked for
    parts: list[bytes] = []
    while part := read_some(process.stdout.fileno(), deadline=deadline):
        parts.append(part)
        if sum(map(len, parts)) > OUTPUT_LIMIT:
            raise ProgramError
    return b"".join(parts)


def _remove(directory: str, held: int) -> None:
    """Removes a directory, and lets go of its lock."""
    shutil.rmtree(directory, ignore_errors=True)
    os.close(held)

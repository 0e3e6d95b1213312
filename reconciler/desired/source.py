"""What the loader asks of a place that holds desired-state files, and how such a place refuses a file."""

from __future__ import annotations

from typing import Final, Protocol

MAX_FILE: Final = 1024 * 1024
"""Bytes. A desired state of 10,000 components is half of that; more is a mistake or an attack."""


class UnusableFileError(Exception):
    """A file that cannot be read: the rule's code, one sentence, and the way out."""

    def __init__(self, *, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code: Final = code
        self.message: Final = message
        self.hint: Final = hint


class Source(Protocol):
    """A directory, a commit, an archive: a main file and what lies beside it."""

    @property
    def name(self) -> str:
        """The main file, relative to its directory."""
        ...

    def shown(self, name: str) -> str:
        """How messages call a file of this source."""
        ...

    def read(self, name: str) -> bytes:
        """The bytes of a file beside the main file, at most `MAX_FILE` of them.

        Raises:
            UnusableFileError: there is no such file, or it cannot be used.
        """
        ...

    def expand(self, pattern: str) -> tuple[str, ...]:
        """The files that match a glob relative to the main file, sorted; a name without wildcards stands for itself."""
        ...

"""One file of the desired state: its text, its values, and where they stand."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from reconciler.desired.diagnostics import Diagnostic, Path, Span
from reconciler.desired.source import Source, UnusableFileError
from reconciler.desired.spans import Place, index
from reconciler.desired.text import decode, split_lines
from reconciler.desired.yaml import compose


@dataclass(frozen=True, kw_only=True)
class File:
    """A file that was read. Not slotted: its places and lines are found when they are first asked for."""

    name: str
    """Relative to the main file's directory."""
    shown: str
    """As messages call it."""
    sha256: str
    text: str
    value: dict[str, Any] | None
    """None when it is no mapping, or not to be understood to its end."""
    problems: tuple[Diagnostic, ...]

    @cached_property
    def places(self) -> Place:
        """Where each value stands."""
        return index(self.text, self.shown)

    @cached_property
    def lines(self) -> list[str]:
        """The text's lines."""
        return split_lines(self.text)

    def locate(self, path: Path, *, key: bool = False) -> Span | None:
        """The range of a value or of its key; None when the path is not in the file."""
        place = self.places.find(path)
        if place is None:
            return None
        return (place.key or place.value) if key else place.value


def read_file(source: Source, name: str) -> File:
    """Reads and composes a file; what is wrong with it is in its `problems`.

    Raises:
        UnusableFileError: it cannot be read at all.
    """
    data = source.read(name)
    shown = source.shown(name)
    text, problems = decode(data, shown)
    value = None
    if not problems:
        composed = compose(text, shown)
        value, problems = composed.value, composed.problems
    sha256 = hashlib.sha256(data).hexdigest()
    return File(name=name, shown=shown, sha256=sha256, text=text, value=value, problems=problems)


def unusable(error: UnusableFileError, span: Span | None) -> Diagnostic:
    """A file that cannot be read, as a diagnostic at the place that asks for it."""
    return Diagnostic(code=error.code, message=error.message, hint=error.hint, span=span)

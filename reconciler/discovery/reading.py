"""Reading configuration as text, and keeping a note of everything that could not be understood."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from reconciler.cluster.documents import parse_documents
from reconciler.cluster.model import Unread
from reconciler.discovery.root import Root
from reconciler.observed.model import Absent, Unusable
from reconciler.x509.errors import UnreadableError
from reconciler.x509.yaml_tree import Tree

_Parsed = TypeVar("_Parsed")


class Reading:
    """The configuration of one node, as far as it can be read."""

    def __init__(self, root: Root) -> None:
        self.root = root
        self._notes: dict[tuple[str, str], Unread] = {}

    @property
    def unread(self) -> tuple[Unread, ...]:
        """What could not be understood; sorted."""
        return tuple(self._notes[key] for key in sorted(self._notes))

    def note(self, unread: Unread) -> None:
        """Keeps it, once."""
        self._notes.setdefault((unread.path, unread.problem), unread)

    def text(self, path: str, *, needed: bool = False) -> str | None:
        """A file as text; None where there is none that can be used, which is noted.

        Args:
            path: as the node sees it.
            needed: whether its absence is worth a note, too.
        """
        found = self.root.read(path)
        if isinstance(found, Absent):
            if needed:
                self.note(Unread(path=path, problem="the file is missing"))
            return None
        if isinstance(found, Unusable):
            self.note(Unread(path=path, problem=found.detail))
            return None
        try:
            return found.data.decode()
        except UnicodeDecodeError:
            self.note(Unread(path=path, problem="the file is not UTF-8"))
            return None

    def parsed(self, path: str, parse: Callable[[str], _Parsed], *, needed: bool = False) -> _Parsed | None:
        """What a parser makes of a file; None, with a note, where it cannot."""
        text = self.text(path, needed=needed)
        if text is None:
            return None
        try:
            return parse(text)
        except UnreadableError as error:
            self.note(Unread(path=path, problem=error.detail))
            return None

    def tree(self, path: str, what: str, *, needed: bool = True) -> Tree:
        """The first document of a YAML or JSON file; None where there is none."""
        documents = self.parsed(path, lambda text: parse_documents(text, what=what), needed=needed)
        return documents[0] if documents else None

    def names(self, path: str) -> tuple[str, ...]:
        """What is in a directory; a listing that is not complete is noted."""
        listing = self.root.names(path)
        if listing.problem:
            self.note(Unread(path=path, problem=listing.problem))
        return listing.names

    def files(self, path: str, *suffixes: str) -> Iterator[str]:
        """The paths of a directory's entries with one of the suffixes, hidden ones left out."""
        for name in self.names(path):
            if not name.startswith(".") and (not suffixes or name.endswith(suffixes)):
                yield f"{path.rstrip('/')}/{name}"

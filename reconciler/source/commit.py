"""The files of one commit, read from its objects: nothing that lies in a work tree has a say."""

from __future__ import annotations

import os
import posixpath
from typing import Final

from reconciler.desired.source import MAX_FILE, UnusableFileError
from reconciler.source.git_format import Entry, MalformedObjectError, parse_tree
from reconciler.source.git_objects import Objects
from reconciler.source.patterns import has_magic, matching
from reconciler.source.revision import SourceError, shortened

_TREE_LIMIT: Final = 8 << 20


class CommitSource:
    """A main file in a commit, and the files beside and below it.

    Symbolic links and submodules are refused, not followed: their target is a path of some machine, or another repository,
    and no signature covers it.
    """

    def __init__(self, objects: Objects, *, commit: str, tree: str, path: str) -> None:
        """Takes the objects; nothing is read yet.

        Args:
            objects: of the repository.
            commit: its name, for messages.
            tree: the name of its tree.
            path: the main file inside the repository, normalised.
        """
        self._objects: Final = objects
        self._commit: Final = commit
        self._tree: Final = tree
        self._directory, self.name = posixpath.split(path)
        self._trees: Final[dict[str, dict[str, Entry]]] = {}

    def shown(self, name: str) -> str:
        """The path inside the repository."""
        return posixpath.join(self._directory, name)

    def read(self, name: str) -> bytes:
        """The bytes of a file, as they were committed: no filter and no line-ending rule changes them.

        Raises:
            UnusableFileError: there is none, it is too large, or a directory.
            SourceError: it is a link or a submodule, or the repository is damaged.
        """
        shown = self.shown(name)
        entry = self._find(shown)
        if entry is None:
            raise UnusableFileError(
                code="CPK001",
                message=f"{shown}: there is no such file in commit {shortened(self._commit)}",
                hint=self._where_else(shown),
            )
        if entry.kind == "directory":
            raise UnusableFileError(
                code="CPK002", message=f"{shown} is a directory, not a regular file", hint="name the file itself"
            )
        self._refuse_unsafe(entry, shown)
        found = self._objects.read(entry.id, limit=MAX_FILE)
        if found is not None and found.data is None:
            raise UnusableFileError(
                code="CPK003",
                message=f"{shown} is larger than {MAX_FILE // 1024} KiB",
                hint="split it with `include`, if it is the right file",
            )
        if found is None or found.data is None or found.kind != "blob":
            raise SourceError(
                reason="CommitUnreadable",
                message=f"{shown} of commit {shortened(self._commit)} is missing in the repository",
                hint="fetch again; a partial clone does not hold everything",
            )
        return found.data

    def expand(self, pattern: str) -> tuple[str, ...]:
        """The files that match a glob, sorted; hidden ones only when the pattern names the dot."""
        if not has_magic(pattern):
            return (pattern,) if self._find(self.shown(pattern)) is not None else ()
        here = self._descend(self._directory)
        return tuple(sorted(self._expand(here, self._directory, "", pattern.split("/")))) if here is not None else ()

    def _expand(self, tree: str, directory: str, prefix: str, components: list[str]) -> list[str]:
        entries = self._entries(tree)
        component, *rest = components
        found: list[str] = []
        for name in matching(entries, component):
            entry, shown = entries[name], posixpath.join(directory, name)
            if not rest and entry.kind != "directory":
                found.append(prefix + name)
            elif rest and entry.kind == "directory":
                found += self._expand(entry.id, shown, f"{prefix}{name}/", rest)
            elif rest:
                self._refuse_unsafe(entry, shown)
        return found

    def _find(self, path: str) -> Entry | None:
        directory, name = posixpath.split(path)
        tree = self._descend(directory)
        return self._entries(tree).get(name) if tree is not None else None

    def _descend(self, directory: str) -> str | None:
        """The tree of a directory; None when there is none.

        Raises:
            SourceError: a link or a submodule is on the way.
        """
        tree, walked = self._tree, ""
        for name in directory.split("/") if directory else ():
            walked = posixpath.join(walked, name)
            entry = self._entries(tree).get(name)
            if entry is None or entry.kind == "file":
                return None
            self._refuse_unsafe(entry, walked)
            tree = entry.id
        return tree

    def _entries(self, tree: str) -> dict[str, Entry]:
        if tree not in self._trees:
            data = self._objects.must_read(tree, "tree", limit=_TREE_LIMIT)
            try:
                parsed = parse_tree(data, digits=len(tree))
            except MalformedObjectError:
                raise SourceError(reason="CommitUnreadable", message=f"tree {shortened(tree)} is malformed") from None
            self._trees[tree] = {os.fsdecode(name): entry for name, entry in parsed.items()}
        return self._trees[tree]

    def _refuse_unsafe(self, entry: Entry, shown: str) -> None:
        if entry.kind in {"link", "submodule"}:
            what = "a symbolic link" if entry.kind == "link" else "a submodule"
            raise SourceError(
                reason="UnsafeEntry",
                message=f"{shown} is {what} in commit {shortened(self._commit)}; only files of the commit itself are read",
                hint="commit the file itself in its place",
            )

    def _where_else(self, shown: str) -> str:
        stem, suffix = posixpath.splitext(shown)
        other = {".yaml": ".yml", ".yml": ".yaml"}.get(suffix)
        if other and self._find(stem + other) is not None:
            return f'did you mean "{stem + other}"?'
        return "name another with --path; it is relative to the directory of --git, and must be committed"

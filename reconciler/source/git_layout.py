"""Where a repository keeps things: found by looking at files, because git itself would read its configuration.

Knows work trees and directories below them, bare repositories, linked worktrees and submodules (``.git`` is a file that
names the directory, ``commondir`` names the shared one; gitrepository-layout(5)) and what git-sync publishes.
"""

from __future__ import annotations

import os
import posixpath
from typing import Final

import msgspec

from reconciler.source.reading import read_regular, why
from reconciler.source.revision import SourceError

UNFINISHED: Final = ("rebase-merge", "rebase-apply", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD")
"""What git leaves in its directory while a merge, rebase, cherry-pick or revert waits for somebody."""

_LIMIT: Final = 4096


class Repository(msgspec.Struct, frozen=True, kw_only=True):
    """Absolute paths, free of links."""

    git_dir: str
    """HEAD lies here; a linked worktree has its own."""
    common_dir: str
    """Refs and objects lie below."""
    work_tree: str
    """Empty when it is bare."""
    prefix: str
    """The directory that was named, relative to the work tree; empty for its root."""

    @property
    def objects(self) -> str:
        """The object store."""
        return os.path.join(self.common_dir, "objects")

    @property
    def roots(self) -> tuple[str, ...]:
        """Directories whose files come from whoever can push, or write into the repository."""
        home, name = os.path.split(self.common_dir)
        main = (home,) if name == ".git" else ()
        return tuple(dict.fromkeys(path for path in (self.work_tree, self.git_dir, self.common_dir, *main) if path))


def find_repository(directory: str) -> Repository:
    """The repository that a directory is, or lies in.

    Args:
        directory: absolute.

    Raises:
        SourceError: there is none, or its parts cannot be found.
    """
    real = os.path.realpath(directory)
    if not os.path.isdir(real):
        raise SourceError(
            reason="RepositoryNotFound",
            message=f"{directory}: there is no such directory",
            hint="check the mount, and that whoever clones or syncs it has done so",
        )
    found = enclosing(real)
    if found is None:
        raise SourceError(
            reason="RepositoryNotFound",
            message=f"{directory} is no git repository, and lies in none",
            hint="name a checkout or a bare repository; --worktree reads a plain directory",
        )
    return found


def enclosing(real: str) -> Repository | None:
    """The repository that a directory is or lies in; None when it is in none.

    Args:
        real: absolute, free of links.

    Raises:
        SourceError: a file names a repository that is not there.
    """
    here = real
    while True:
        found = _at(here)
        if found is not None:
            git_dir, work_tree = found
            # A repository somewhere above may be anybody's, such as /tmp/.git: only one of the same owner counts.
            if here != real and not _same_owner(here, real):
                return None
            prefix = posixpath.relpath(real, work_tree) if work_tree else "."
            return Repository(
                git_dir=git_dir,
                common_dir=_common_dir(git_dir),
                work_tree=work_tree,
                prefix="" if prefix == "." else prefix,
            )
        if here == "/":
            return None
        here = os.path.dirname(here)


def unfinished(repository: Repository) -> tuple[str, ...]:
    """Which of `UNFINISHED` are there."""
    return tuple(name for name in UNFINISHED if os.path.lexists(os.path.join(repository.git_dir, name)))


def _at(directory: str) -> tuple[str, str] | None:
    """Git directory and work tree of a repository that begins exactly here."""
    inner = os.path.join(directory, ".git")
    if _is_git_dir(inner):
        return os.path.realpath(inner), directory
    if os.path.isfile(inner):
        return _linked(inner), directory
    # A `.git` directory that was named itself is the repository, too.
    return (directory, "") if _is_git_dir(directory) else None


def _is_git_dir(path: str) -> bool:
    """As git judges (setup.c, is_git_directory): HEAD, and a place for objects and refs, here or in the common directory."""
    if not os.path.lexists(os.path.join(path, "HEAD")):
        return False
    if os.path.lexists(os.path.join(path, "commondir")):
        return True
    return all(os.path.isdir(os.path.join(path, name)) for name in ("objects", "refs"))


def _linked(file: str) -> str:
    text = _line(file)
    target = text.removeprefix("gitdir:").strip()
    path = os.path.realpath(os.path.join(os.path.dirname(file), target))
    if not text.startswith("gitdir:") or not _is_git_dir(path):
        raise SourceError(
            reason="RepositoryNotFound",
            message=f"{file} names {target or 'nothing'}, where there is no repository",
            hint="mount the repository at the same place as where the worktree was made, or mount the directory above both",
        )
    return path


def _common_dir(git_dir: str) -> str:
    file = os.path.join(git_dir, "commondir")
    if not os.path.lexists(file):
        return git_dir
    return os.path.realpath(os.path.join(git_dir, _line(file)))


def _line(file: str) -> str:
    try:
        return os.fsdecode(read_regular(file, limit=_LIMIT)).strip()
    except (OSError, ValueError) as error:
        raise SourceError(reason="RepositoryNotFound", message=f"{file} cannot be read: {why(error)}") from None


def _same_owner(above: str, named: str) -> bool:
    inner = os.path.join(above, ".git")
    try:
        owner = os.stat(inner if os.path.lexists(inner) else above).st_uid
        return owner in {os.stat(named).st_uid, os.geteuid(), 0}
    except OSError:
        return False

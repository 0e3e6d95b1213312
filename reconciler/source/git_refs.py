"""What a ref points at, read from the files that git keeps them in (gitrepository-layout(5), git-pack-refs(1)).

No git process, so that looking once a second costs nothing, and nothing that a repository configures can have a say.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Final

from reconciler.source.git_format import is_object_name
from reconciler.source.git_layout import Repository
from reconciler.source.reading import read_regular, why
from reconciler.source.revision import SourceError

#: As git (SYMREF_MAXDEPTH).
_MAX_DEPTH: Final = 5
_REF_LIMIT: Final = 4096
_PACKED_LIMIT: Final = 64 << 20
#: What git-check-ref-format(1) refuses.
_FORBIDDEN: Final = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(/|\Z)|\.\Z|/\Z|\A[/.-]|\A@\Z")
#: Where a short name is looked for, once it is no file beside HEAD (gitrevisions(7)).
_PLACES: Final = ("refs/heads/", "refs/tags/", "refs/remotes/")
#: Refs that each worktree has for itself (git-worktree(1), "REFS").
_OWN: Final = ("refs/bisect/", "refs/worktree/", "refs/rewritten/")


def resolve(repository: Repository, ref: str) -> str:
    """The object that a ref points at.

    Args:
        repository: where to look.
        ref: ``HEAD``, a branch, a tag, a full ref name, or all digits of a commit.

    Returns:
        40 or 64 hex digits: a commit, or an annotated tag.

    Raises:
        SourceError: there is no such ref, or more than one.
    """
    if is_object_name(ref):
        return ref
    _refuse_reftable(repository)
    if _FORBIDDEN.search(ref) or not ref:
        raise SourceError(
            reason="RefNotFound",
            message=f"{ref!r} can be no ref",
            hint="name a branch, a tag, or all digits of a commit",
            retryable=False,
        )
    found = {name: value for name in candidates(ref) if (value := _read(repository, name)) is not None}
    if len(found) > 1:
        raise SourceError(
            reason="RefAmbiguous",
            message=f"{ref} is more than one thing: {' and '.join(found)}",
            hint=f"say which: --ref {next(iter(found))}",
        )
    for name, value in found.items():
        return _follow(repository, name, value)
    raise SourceError(
        reason="RefNotFound",
        message=f"there is no {ref} in {repository.work_tree or repository.git_dir}",
        hint="check its name; a branch that was only fetched is origin/NAME",
    )


def candidates(ref: str) -> tuple[str, ...]:
    """The full names that a ref can stand for."""
    if ref.startswith("refs/") or ref == "HEAD":
        return (ref,)
    return tuple(place + ref for place in _PLACES)


def ref_files(repository: Repository, ref: str) -> tuple[str, ...]:
    """The files that change when a ref does; they need not be there."""
    names: list[str] = [] if is_object_name(ref) or _FORBIDDEN.search(ref) else list(candidates(ref))
    for name in names:
        value = _quietly(repository, name)
        if value.startswith("ref:") and len(names) < _MAX_DEPTH + len(_PLACES):
            names.append(value.removeprefix("ref:").strip())
    files = [_file(repository, name) for name in names if not _FORBIDDEN.search(name)]
    return (*files, os.path.join(repository.common_dir, "packed-refs"))


def _follow(repository: Repository, name: str, value: str) -> str:
    for _ in range(_MAX_DEPTH):
        if is_object_name(value):
            return value
        target = value.removeprefix("ref:").strip()
        if not value.startswith("ref:") or not target.startswith("refs/") or _FORBIDDEN.search(target):
            raise SourceError(
                reason="CommitUnreadable",
                message=f"{name} does not hold a commit",
                hint="its file was cut off, perhaps by a crash; fetch or check out again",
            )
        following = _read(repository, target)
        if following is None:
            raise SourceError(reason="RefNotFound", message=f"{name} points at {target}, which has no commit yet")
        name, value = target, following
    raise SourceError(reason="RefNotFound", message=f"{name} leads from ref to ref without end")


def _read(repository: Repository, name: str) -> str | None:
    """What a ref holds: digits, or ``ref: NAME``. The loose file first: a ref is packed before that is removed."""
    file = _file(repository, name)
    try:
        return os.fsdecode(read_regular(file, limit=_REF_LIMIT)).strip()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        pass
    except (OSError, ValueError) as error:
        # `refs/heads/a` is a directory while `refs/heads/a/b` is a branch, or was one.
        if not os.path.isdir(file):
            raise SourceError(reason="RefNotFound", message=f"{file} cannot be read: {why(error)}") from None
    return next((value for packed, value in _packed(repository) if packed == name), None)


def _packed(repository: Repository) -> Iterator[tuple[str, str]]:
    file = os.path.join(repository.common_dir, "packed-refs")
    try:
        data = read_regular(file, limit=_PACKED_LIMIT)
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        raise SourceError(reason="RefNotFound", message=f"{file} cannot be read: {why(error)}") from None
    for line in data.splitlines():
        value, _, name = line.partition(b" ")
        # Others are comments, and ^lines: what the tag before them stands for.
        if name and is_object_name(value.decode("ascii", "replace")):
            yield os.fsdecode(name), value.decode("ascii")


def _file(repository: Repository, name: str) -> str:
    own = not name.startswith("refs/") or name.startswith(_OWN)
    return os.path.join(repository.git_dir if own else repository.common_dir, name)


def _quietly(repository: Repository, name: str) -> str:
    try:
        return _read(repository, name) or ""
    except SourceError:
        return ""


def _refuse_reftable(repository: Repository) -> None:
    if os.path.isdir(os.path.join(repository.common_dir, "reftable")):
        raise SourceError(
            reason="RepositoryUnsupported",
            message=f"{repository.common_dir} keeps its refs in a reftable, which cannot be read yet",
            hint="git refs migrate --ref-format=files, or name all digits of a commit with --ref",
            retryable=False,
        )

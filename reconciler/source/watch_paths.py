"""Which directories have to be watched so that no change of a path is missed. Decisions: steps in, places out.

inotify follows inodes. A watch on a file, or on a directory that was reached through a link, sees nothing once the link
leads elsewhere or the file was replaced by a rename. What sees it is the directory that holds the name.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping

from reconciler.source.links import Step

Places = Mapping[str, frozenset[str]]
"""Directory, free of links, to the names in it that matter; a name may be a glob."""


def places_of(steps: tuple[Step, ...]) -> Places:
    """Where a change shows of what a path leads to.

    Args:
        steps: of `links.follow`.

    Returns:
        The directory of each link on the way and of the last name, which may be missing; and of each of these
        directories the one above, because a directory can be replaced by a rename, too.
    """
    found: dict[str, set[str]] = {}
    for number, step in enumerate(steps):
        if step.kind == "entry" and number < len(steps) - 1:
            continue
        found.setdefault(step.directory, set()).add(step.name)
        above, _, name = step.directory.rpartition("/")
        if name:
            found.setdefault(above or "/", set()).add(name)
    return {directory: frozenset(names) for directory, names in found.items()}


def with_name(steps: tuple[Step, ...], name: str) -> tuple[Step, ...]:
    """The steps to a directory, and from there one to a name or a glob in it; unchanged when there is no such directory."""
    if steps and steps[-1].kind != "entry":
        return steps
    directory = f"{steps[-1].directory.rstrip('/')}/{steps[-1].name}" if steps else "/"
    return (*steps, Step(directory, name, "entry"))


def merged(places: Iterable[Places]) -> Places:
    """Several of them as one."""
    found: dict[str, frozenset[str]] = {}
    for one in places:
        for directory, names in one.items():
            found[directory] = found.get(directory, frozenset()) | names
    return found


def matters(name: str, names: frozenset[str]) -> bool:
    """Whether a name of a directory is one that is waited for."""
    return name in names or any(fnmatch.fnmatchcase(name, pattern) for pattern in names)

"""A path followed hop by hop: each name on the way, each link and where it leads."""

from __future__ import annotations

import os
import re
import stat
from collections import deque
from typing import Final, Literal, NamedTuple

#: As the kernel counts (path_resolution(7)).
MAX_LINKS: Final = 40
_COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")


class Step(NamedTuple):
    """One name on the way."""

    directory: str
    """Where the name was looked up, free of links."""
    name: str
    kind: Literal["entry", "link", "missing"]
    target: str = ""
    """Where a link leads, as it is written."""


def follow(path: str) -> tuple[Step, ...]:
    """Every step from the root to what a path leads to; the last is ``missing`` when it leads nowhere.

    Args:
        path: absolute. ``..`` is taken as the kernel takes it: after the links before it.
    """
    steps: list[Step] = []
    here, ahead, links = "/", deque(_names(path)), 0
    while ahead:
        name = ahead.popleft()
        if name == "..":
            here = os.path.dirname(here)
            continue
        step = _look(here, name)
        steps.append(step)
        links += step.kind == "link"
        if step.kind == "missing" or links > MAX_LINKS:
            break
        if step.kind == "link":
            ahead.extendleft(reversed(_names(step.target)))
            here = "/" if step.target.startswith("/") else here
        else:
            here = os.path.join(here, name)
    return tuple(steps)


def commit_in_links(path: str) -> str:
    """The commit that a link on the way is named after, the last one; empty when there is none.

    git-sync publishes a commit by a link whose target's last component is the commit (its README, "Contract").
    """
    named = [step.target.rstrip("/").rpartition("/")[2] for step in follow(path) if step.kind == "link"]
    return next((name for name in reversed(named) if _COMMIT.match(name)), "")


def _names(path: str) -> list[str]:
    return [name for name in path.split("/") if name not in {"", "."}]


def _look(directory: str, name: str) -> Step:
    path = os.path.join(directory, name)
    try:
        if stat.S_ISLNK(os.lstat(path).st_mode):
            return Step(directory, name, "link", os.readlink(path))
    except (OSError, ValueError):
        return Step(directory, name, "missing")
    return Step(directory, name, "entry")

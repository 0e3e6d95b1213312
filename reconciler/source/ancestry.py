"""Whether one commit follows from another, proved commit by commit. Pure: commits come from a function.

``git merge-base`` would be shorter, and would believe what an object store says of an old commit's parents. Here every
commit on the way is one whose name was checked.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Final, Literal

from reconciler.source.git_format import Commit

MAX_COMMITS: Final = 100_000
"""Beyond that many a history counts as one that cannot be checked; this takes a few seconds."""

Relation = Literal["same", "descendant", "ancestor", "diverged", "unknown"]
"""What the new commit is to the last one."""
Find = Callable[[str], Commit | None]
"""Gives a commit, or None when the repository does not hold it."""


def relation(last: str, new: str, find: Find, *, limit: int = MAX_COMMITS) -> Relation:
    """How a commit stands to the last good one.

    Args:
        last: the last good commit.
        new: the one that the ref points at now.
        find: looks a commit up.
        limit: how many commits are looked at, at most, for each direction.

    Returns:
        ``unknown`` when commits are missing (a shallow clone, a store that was cleaned up) and neither answer is proved.
    """
    if last == new:
        return "same"
    forward = descends(new, last, find, limit=limit)
    if forward:
        return "descendant"
    if descends(last, new, find, limit=limit):
        return "ancestor"
    return "unknown" if forward is None else "diverged"


def descends(commit: str, ancestor: str, find: Find, *, limit: int) -> bool | None:
    """Whether an ancestor is reached from a commit; None when it was not, and not every commit could be looked at."""
    seen = {commit}
    # The youngest first, as git walks: an ancestor is usually found after a few commits.
    queue: list[tuple[int, str]] = [(0, commit)]
    complete = True
    while queue:
        _, name = heapq.heappop(queue)
        if name == ancestor:
            return True
        found = find(name)
        complete = complete and found is not None
        for parent in found.parents if found else ():
            if parent == ancestor:
                return True
            if parent not in seen:
                seen.add(parent)
                heapq.heappush(queue, (-found.committed_at if found else 0, parent))
        if len(seen) > limit:
            return None
    return False if complete else None

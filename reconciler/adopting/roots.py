"""Which directory each node was read from: the one that has its files. Asks the file system, reads nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from reconciler.cluster.model import Cluster, Node
from reconciler.discovery.walk import Place
from reconciler.observed.model import Absent


def roots_of(cluster: Cluster, places: Sequence[Place]) -> Mapping[str, Place]:
    """The place of each node, with an absolute root, by the node's name; each place is one node's.

    Names alone do not tell: a node is called as its own files say, whatever its directory is called.
    """
    free = [replace(place, root=os.path.abspath(place.root)) for place in places]  # noqa: PTH100 - no link is followed
    found: dict[str, Place] = {}
    for node in sorted(cluster.nodes, key=lambda node: (-len(_present(node)), node.name)):
        best = _best(node, free)
        found[node.name] = best
        if len(free) > 1:
            free.remove(best)
    return found


def _best(node: Node, free: Sequence[Place]) -> Place:
    """The place that is called like the node, when all of its files are there; else the one that has most of them."""
    paths = _present(node)
    called = [place for place in free if node.name in (place.name, place.root.rstrip("/").rpartition("/")[2])]
    complete = next((place for place in called if _there(place, paths) == len(paths)), None)
    return complete or max(free, key=lambda place: (_there(place, paths), place in called))


def _present(node: Node) -> list[str]:
    return [path for path, file in node.files.items() if not isinstance(file.content, Absent)]


def _there(place: Place, paths: Sequence[str]) -> int:
    root = place.root.rstrip("/")
    return sum(os.path.lexists(f"{root}{path}") for path in paths)

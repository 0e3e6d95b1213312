"""A cluster that is judged by a copy without private keys. Decisions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from reconciler.cluster.model import Cluster, File, Role
from reconciler.health.model import HealthFinding
from reconciler.observed.model import Absent, Unusable

_KEYS: Final[frozenset[Role]] = frozenset({"key", "signing-key", "token-key"})


def without_missing_keys(cluster: Cluster, findings: Sequence[HealthFinding]) -> tuple[Cluster, tuple[HealthFinding, ...]]:
    """The same without the private keys that nobody took along, and without the findings that they are not there.

    Args:
        cluster: the copy, as it was judged: whoever is told to use a key is known to have one.
        findings: about it.
    """
    gone = {(node.name, file.path) for node in cluster.nodes for file in node.files.values() if _is_left_behind(file)}
    nodes = (
        replace(node, files={path: file for path, file in node.files.items() if (node.name, path) not in gone})
        for node in cluster.nodes
    )
    return replace(cluster, nodes=tuple(nodes)), tuple(each for each in findings if (each.node, each.path) not in gone)


def _is_left_behind(file: File) -> bool:
    """Whether it is a private key, by everything that names it, and its file is missing or was emptied."""
    gone = isinstance(file.content, Absent) or (isinstance(file.content, Unusable) and file.content.problem == "empty")
    return gone and bool(file.uses) and all(use.role in _KEYS for use in file.uses)

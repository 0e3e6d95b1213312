"""Files that a snapshot has elsewhere than its node says, where its absolute links lead nowhere: by where they lie. Decisions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec.structs import replace

from reconciler.cluster.model import Cluster, Node
from reconciler.health.model import HealthFinding

_IN_KUBECONFIG: Final = "#"


def relocated(cluster: Cluster, findings: Iterable[HealthFinding]) -> tuple[Cluster, tuple[HealthFinding, ...]]:
    """A cluster, and what was found in it, with paths that a store finds below the root of a snapshot."""
    moves = {
        (node.name, path): file.moved
        for node in cluster.nodes
        for path, file in node.files.items()
        if file.moved and file.moved not in node.files
    }
    if not moves:
        return cluster, tuple(findings)
    nodes = tuple(_relocated(node, moves) for node in cluster.nodes)
    return replace(cluster, nodes=nodes), tuple(_found(finding, moves) for finding in findings)


def _relocated(node: Node, moves: dict[tuple[str, str], str]) -> Node:
    files = (replace(file, path=moves.get((node.name, path), path)) for path, file in node.files.items())
    return replace(node, files={file.path: file for file in sorted(files, key=lambda file: file.path)})


def _found(finding: HealthFinding, moves: dict[tuple[str, str], str]) -> HealthFinding:
    path, mark, user = finding.path.partition(_IN_KUBECONFIG)
    return replace(finding, path=f"{moves.get((finding.node, path), path)}{mark}{user}")

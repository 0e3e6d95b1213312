"""Where the nodes' files are, and what the document calls the nodes. Decisions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

from reconciler.adopting.model import Ground, Machine
from reconciler.cluster.model import Cluster, Node
from reconciler.discovery.walk import Place

_ROOT: Final = "/"


def ground_of(cluster: Cluster, roots: Mapping[str, Place]) -> Ground:
    """The nodes as the document has them.

    Args:
        cluster: what was read.
        roots: the directory of each node, by its name; absolute.
    """
    nodeless = _nodeless(cluster)
    central = not nodeless and [place.root for place in roots.values()] != [_ROOT]
    machines = tuple(_machine(node, roots[node.name], central=central) for node in cluster.nodes)
    return Ground(machines=machines, nodeless=nodeless, central=central, owner=_owner(cluster))


def _nodeless(cluster: Cluster) -> bool:
    """Files of one directory that no process of Kubernetes reads."""
    return len(cluster.nodes) == 1 and cluster.nodes[0].layout == "files"


def _machine(node: Node, place: Place, *, central: bool) -> Machine:
    root = place.root.rstrip("/") or _ROOT
    runs = {process.name for process in node.processes}
    roles = ["control-plane"] * node.is_control_plane + ["etcd"] * ("etcd" in runs and not node.is_control_plane)
    return Machine(
        name=node.name,
        label=_last(root) if central else node.name,
        root=root,
        roles=tuple(roles) or ("worker",),
        addresses=node.addresses,
    )


def _last(root: str) -> str:
    return root.rstrip("/").rpartition("/")[2]


def _owner(cluster: Cluster) -> tuple[int, int]:
    """The account that has most of the files: root on a node, whoever took the snapshot in a copy."""
    metas = [meta for node in cluster.nodes for file in node.files.values() if (meta := getattr(file.content, "meta", None))]
    counted = Counter((meta.uid, meta.gid) for meta in metas)
    return min(counted, key=lambda account: (-counted[account], account)) if counted else (0, 0)

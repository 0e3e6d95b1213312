"""Which directories ``discover`` reads, and whether there is anything in them."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconciler.cluster.model import Cluster
    from reconciler.discovery.walk import Place


def places_of(roots: Sequence[str]) -> tuple[Place, ...]:
    """The nodes below all roots, each once; those of this machine when none is given."""
    from reconciler.discovery.walk import places  # noqa: PLC0415 - --help needs nothing of it

    found = {os.path.realpath(place.root): place for root in reversed(roots or ["/"]) for place in reversed(places(root))}
    return tuple(reversed(found.values()))


def refuse_missing(arguments: argparse.Namespace) -> None:
    """What is named has to be there: a typo must not look like a cluster in which nothing is wrong.

    Raises:
        OSError: names the option.
    """
    for option, paths in (("--root", arguments.root), ("--manifests", arguments.manifests), ("--directory", arguments.directory)):
        for path in paths:
            _refuse(option, path, is_right=os.path.isdir(path), wanted="directory")
            if not os.access(path, os.R_OK | os.X_OK):
                msg = f"{option} {path}: it may not be read"
                raise PermissionError(msg)
    for path in arguments.kubeconfig:
        _refuse("--kubeconfig", path, is_right=os.path.isfile(path), wanted="file")


def _refuse(option: str, path: str, *, is_right: bool, wanted: str) -> None:
    if is_right:
        return
    msg = f"{option} {path}: it is no {wanted}" if os.path.lexists(path) else f"{option} {path}: there is no such {wanted}"
    raise FileNotFoundError(msg)


def refuse_nothing(cluster: Cluster, arguments: argparse.Namespace) -> None:
    """A report about nothing would read as a clean one.

    Raises:
        OSError: nothing was found anywhere.
    """
    if any(node.files for node in cluster.nodes):
        return
    looked = ", ".join([*(arguments.root or ["/"]), *arguments.manifests, *arguments.directory])
    msg = (
        f"nothing was found below {looked}: no certificate, no key, no kubeconfig\n\n"
        "To mend it: give the directory that holds etc/kubernetes of a node, or one directory a node, with --root, "
        "or certificates as they lie with --directory. As another user than root, files of the cluster may be hidden."
    )
    raise FileNotFoundError(msg)


def node_roots(cluster: Cluster, places: Sequence[Place]) -> Mapping[str, str]:
    """The directory that each node was read from, by its name; relative where it is below the current directory.

    A node is called as its files have it, which is nearly always its directory's name too; of one that is left, so is the other.
    """
    named = {place.name or os.path.basename(place.root): _shown(place.root) for place in places}
    roots = {node.name: named.pop(node.name) for node in cluster.nodes if node.name in named}
    rest = [node.name for node in cluster.nodes if node.name not in roots]
    if len(rest) == 1 and len(named) == 1:
        roots[rest[0]] = next(iter(named.values()))
    return roots


def _shown(root: str) -> str:
    relative = os.path.relpath(root)
    return root if relative.startswith("..") else relative

"""From directories that hold the files of machines to a cluster. Reads only, and never fails for what it finds."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from typing import Final, NamedTuple

import msgspec

from reconciler.cluster.model import Cluster, Node
from reconciler.discovery.contents import KNOWN, labels_of
from reconciler.discovery.node import Asked, read_node
from reconciler.discovery.root import Root, is_text
from reconciler.discovery.seen import Seen
from reconciler.stores.read import ReadFile

#: A directory with one of these is the root of a node's files.
_ROOT_SIGNS: Final = ("/etc", "/var")
#: What a part of a node's files may begin with: a copy of /etc/kubernetes, or of a directory of certificates.
_PART_SIGNS: Final = ("/pki", "/manifests", "/kubelet.conf", "/admin.conf", "/server/tls")
_NODES: Final = "nodes"


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where the files of one node are on this machine."""

    root: str
    """Directory that holds the node's files: ``/`` or ``./snapshot/cp-1``."""
    name: str = ""
    """Empty to find it in the files, else in the directory's name."""


def places(root: str) -> tuple[Place, ...]:
    """The nodes whose files a directory holds: itself, or each of its subdirectories that is one, also below ``nodes/``."""
    top = os.path.abspath(root)
    if _is_whole(top):
        return (Place(root=top),)
    below = [*_subdirectories(top), *_subdirectories(os.path.join(top, _NODES))]
    found = [path for path in below if _is_whole(path)]
    if not found and not _is_part(top):
        found = [path for path in below if _is_part(path)]
    return tuple(Place(root=path) for path in found) or (Place(root=top),)


def read_cluster(
    places: Sequence[Place],
    *,
    manifests: Sequence[str] = (),
    kubeconfigs: Sequence[str] = (),
    directories: Sequence[str] = (),
) -> Cluster:
    """Every machine, as its files describe it.

    Args:
        places: at least one.
        manifests: directories of static pod manifests, beside those that the first place's kubelet names.
        kubeconfigs: files.
        directories: of PEM files, looked through with all that is below them. All three are paths of this machine, added to the
            first place; relative ones begin at the current directory.
    """
    seen = Seen()
    nodes: list[Node] = []
    for index, place in enumerate(places):
        given = _Given(tuple(manifests), tuple(kubeconfigs), tuple(directories)) if index == 0 else _Given()
        node = _read(place, given, seen)
        name = _unique(node.name, os.path.basename(os.path.abspath(place.root)), {each.name for each in nodes})
        nodes.append(msgspec.structs.replace(node, name=name))
    return seen.cluster(tuple(sorted(nodes, key=lambda node: node.name)))


class _Given(NamedTuple):
    """Paths of this machine, as the user wrote them."""

    manifests: tuple[str, ...] = ()
    kubeconfigs: tuple[str, ...] = ()
    directories: tuple[str, ...] = ()


def _read(place: Place, given: _Given, seen: Seen) -> Node:
    base = os.path.abspath(place.root)
    asked = Asked(*(tuple(_on_node(base, path) for path in paths) for paths in given))
    if not _is_whole(base):
        asked = asked._replace(directories=(*asked.directories, "/"))
    absolute = [os.path.abspath(path) for paths in given for path in paths]
    root = Root(base, elsewhere=[path for path in absolute if not _inside(base, path)])
    directory = os.path.basename(base)
    fallback = directory if directory and is_text(directory) else "localhost"
    return read_node(root, seen, name=place.name, fallback=fallback, asked=asked)


def _on_node(base: str, path: str) -> str:
    """What the node calls a path of this machine; the machine's own name for one that does not lie in the node's root."""
    absolute = os.path.abspath(path)
    return absolute.removeprefix(base.rstrip("/")) or "/" if _inside(base, absolute) else absolute


def _inside(base: str, path: str) -> bool:
    return base in {"/", path} or path.startswith(f"{base}/")


def _unique(name: str, directory: str, taken: Collection[str]) -> str:
    """Two directories that hold the same node are told apart by their own names, then by a number."""
    if name not in taken:
        return name
    if directory and is_text(directory) and directory not in taken:
        return directory
    return next(f"{name}-{number}" for number in range(2, len(taken) + 3) if f"{name}-{number}" not in taken)


def _is_whole(path: str) -> bool:
    return any(Root(path).is_directory(sign) for sign in _ROOT_SIGNS)


def _is_part(path: str) -> bool:
    root = Root(path)
    return any(root.exists(sign) for sign in _PART_SIGNS) or any(_has_pem(root, name) for name in root.names("/").names)


def _has_pem(root: Root, name: str) -> bool:
    found = root.read(f"/{name}")
    return isinstance(found, ReadFile) and bool(labels_of(found.data) & KNOWN)


def _subdirectories(path: str) -> Iterator[str]:
    root = Root(path)
    for name in root.names("/").names:
        if not name.startswith(".") and root.is_directory(f"/{name}"):
            yield f"{path.rstrip('/')}/{name}"

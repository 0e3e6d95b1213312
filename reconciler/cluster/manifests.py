"""Manifests of static pods: what their containers start, and where their files come from.

The kubelet reads every file of its staticPodPath whose name does not begin with a dot, as YAML or JSON, with one pod or a list
(pkg/kubelet/config/file.go); what is no pod it leaves alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from reconciler.cluster.documents import at, items, mapping, parse_documents, string
from reconciler.cluster.mounts import Mount, Mounts, normal
from reconciler.x509.yaml_tree import Tree

_VERSION: Final = re.compile(r"(?:^|[^0-9.])v?(\d+\.\d+\.\d+)(?![0-9.])")
_REFERENCE: Final = re.compile(r"\$(\$?)\(([A-Za-z_][A-Za-z0-9_.-]*)\)")


class Container(msgspec.Struct, frozen=True, kw_only=True):
    """A container of a pod."""

    name: str
    words: tuple[str, ...]
    """Command and arguments, with ``$(NAME)`` replaced by what the manifest sets."""
    environment: Mapping[str, str]
    mounts: Mounts
    version: str


def parse_manifest(text: str) -> tuple[Container, ...]:
    """The containers of all pods of a manifest, init containers left out.

    Raises:
        UnreadableError: it is neither YAML nor JSON.
    """
    return tuple(container for tree in parse_documents(text, what="manifest") for container in _containers(tree))


def image_version(image: str) -> str:
    """``1.31.2`` for ``registry.k8s.io/kube-apiserver:v1.31.2``; empty when the tag is no version."""
    tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
    match = _VERSION.search(tag)
    return match[1] if match is not None else ""


def _containers(tree: Tree) -> Iterator[Container]:
    if string(at(tree, "kind")) in {"List", "PodList"}:
        for item in items(at(tree, "items")):
            yield from _containers(item)
        return
    if string(at(tree, "kind")) != "Pod":
        return
    volumes = {
        string(at(volume, "name")): string(at(volume, "hostPath", "path")) for volume in items(at(tree, "spec", "volumes"))
    }
    for container in items(at(tree, "spec", "containers")):
        environment = _environment(container)
        yield Container(
            name=string(at(container, "name")),
            words=tuple(
                _replaced(word, environment)
                for part in ("command", "args")
                for word in items(at(container, part))
                if isinstance(word, str)
            ),
            environment=environment,
            mounts=Mounts(
                mounts=tuple(_mounts(container, volumes, environment)),
                container=True,
                working_directory=string(at(container, "workingDir")) or "/",
            ),
            version=image_version(string(at(container, "image"))),
        )


def _environment(container: Tree) -> dict[str, str]:
    """What is set by value; what the node's kubelet fills in is not known."""
    found: dict[str, str] = {}
    for entry in items(at(container, "env")):
        name, value = string(at(entry, "name")), at(entry, "value")
        if name and "valueFrom" not in mapping(entry):
            found[name] = _replaced(string(value), found)
    return found


def _mounts(container: Tree, volumes: Mapping[str, str], environment: Mapping[str, str]) -> Iterator[Mount]:
    for entry in items(at(container, "volumeMounts")):
        inside, source = string(at(entry, "mountPath")), volumes.get(string(at(entry, "name")), "")
        below = string(at(entry, "subPath")) or _replaced(string(at(entry, "subPathExpr")), environment)
        if inside:
            yield Mount(inside=normal(inside), on_node=normal(f"{source}/{below}") if source else "")


def _replaced(text: str, environment: Mapping[str, str]) -> str:
    """``$(NAME)`` by its value; one that is not set stays, and ``$$(NAME)`` is a literal."""

    def value(match: re.Match[str]) -> str:
        return f"$({match[2]})" if match[1] else environment.get(match[2], match[0])

    return _REFERENCE.sub(value, text)

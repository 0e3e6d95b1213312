"""Findings about settings: one for all nodes that have the same one in the same file. Decisions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from reconciler.cluster.model import Node, Process
from reconciler.health.context import Context
from reconciler.health.words import listed


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """A file of configuration on the nodes for which something is said about it."""

    path: str
    nodes: tuple[str, ...]

    @property
    def node(self) -> str:
        """The one node; empty for several."""
        return self.nodes[0] if len(self.nodes) == 1 else ""

    @property
    def on(self) -> str:
        """`` on cp-1 and cp-2``."""
        return f" on {listed(self.nodes)}"


def processes(context: Context, name: str) -> Iterator[tuple[Node, Process]]:
    """The processes of that name, with their nodes."""
    for node in context.cluster.nodes:
        process = node.process(name)
        if process is not None:
            yield node, process


def per_source(found: Iterable[tuple[Node, Process]]) -> Iterator[Setting]:
    """By the file that the processes are configured in."""
    nodes: dict[str, list[str]] = {}
    for node, process in found:
        nodes.setdefault(process.source, []).append(node.name)
    for path, names in nodes.items():
        yield Setting(path=path, nodes=tuple(names))

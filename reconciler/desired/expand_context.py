"""What every part of the expansion shares: the nodes, the stores, the view, and where mistakes go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import UNSET, UnsetType

from reconciler.desired.diagnostics import Path
from reconciler.desired.names import InvalidNameError, canonical_dns, canonical_ip
from reconciler.desired.presets.settings import CONTROL_PLANE
from reconciler.desired.report import Report, did_you_mean
from reconciler.desired.spec import Document, NodeSpec
from reconciler.desired.spec_parts import ForEach
from reconciler.desired.store import Store
from reconciler.desired.templates import Node, Template, TemplateError, parse_template, parse_words

Nodes = tuple[Node | None, ...]


class SharedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A place that several nodes of one entry would share."""

    first: str
    second: str
    path: str
    at: Path


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """The cluster as one run sees it."""

    document: Document
    """What the user wrote, to tell where a value stands."""
    nodes: tuple[Node, ...]
    """All nodes, in the order of the list."""
    stores: Mapping[str, Store]
    report: Report
    node: str | None
    """The node that this run is restricted to."""
    spread: bool = False
    """Whether one reconciler makes things for all nodes, and nodes fetch copies of them."""
    shared: dict[str, list[SharedFile]] = msgspec.field(default_factory=dict)
    """By store: what cannot be told apart by node."""
    _selected: dict[tuple[object, object], tuple[Node, ...]] = msgspec.field(default_factory=dict)

    @property
    def home(self) -> str | None:
        """Where things without a node of their own live when each node runs this by itself.

        The first control-plane node, as kubeadm makes them in ``init``; without one, the first node. None where one
        reconciler makes them for all nodes.
        """
        if self.spread:
            return None
        control_plane = (node.name for node in self.nodes if CONTROL_PLANE in node.roles)
        return next(control_plane, self.nodes[0].name if self.nodes else None)

    @property
    def central(self) -> bool:
        """Whether one machine holds the files of all nodes: a store's root then says which node's they are.

        What is in KV says nothing about it: it looks the same from every machine.
        """
        return any(store.per_node and not store.in_kv for store in self.stores.values())

    def instances(self, selector: ForEach | UnsetType) -> Nodes:
        """The nodes of this view that get an instance; None stands for an instance without a node.

        What has no ``forEach`` has one instance, which belongs to the home node. So does ``forEach: {}`` without any nodes.
        """
        if selector is UNSET or (not self.nodes and selector.roles is UNSET and selector.nodes is UNSET):
            return (None,) if self.node in (None, self.home) else ()
        return tuple(node for node in self.select(selector) if self.node in (None, node.name))

    def select(self, selector: ForEach) -> tuple[Node, ...]:
        """All nodes that match, whatever the view."""
        roles = None if selector.roles is UNSET else frozenset(selector.roles)
        names = None if selector.nodes is UNSET else frozenset(selector.nodes)
        if (roles, names) not in self._selected:
            self._selected[roles, names] = tuple(
                node
                for node in self.nodes
                if (roles is None or not roles.isdisjoint(node.roles)) and (names is None or node.name in names)
            )
        return self._selected[roles, names]

    def origin(self, section: str, name: str) -> Path:
        """Where an entry stands; empty for what a preset added."""
        written = getattr(self.document, section)
        return (section, name) if written is not UNSET and name in written else ()

    def where(self, section: str, name: str, *fields: str) -> Path:
        """Where the value of a field was written: in its entry, else under ``defaults``."""
        written = getattr(self.document, section)
        entry = None if written is UNSET else written.get(name)
        snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in fields[0])
        defaults = self.document.defaults
        if (entry is None or getattr(entry, snake) is UNSET) and defaults is not UNSET:
            if section == "components" and getattr(defaults, snake, UNSET) is not UNSET:
                return ("defaults", *fields)
            if snake == "store" and defaults.store is not UNSET:
                return ("defaults", "store")
        return (section, name, *fields)

    def template(self, at: Path, text: str, nodes: Nodes, *, in_list: bool = False, words: bool = False) -> Template | None:
        """A text as a template that can be rendered on each of the nodes; None after a mistake, which is reported.

        Args:
            at: its place in the document.
            text: as written.
            nodes: the instances of its entry.
            in_list: whether it is an item of a list, and may stand for several.
            words: whether it is an argument of a program, in which braces may mean something else.
        """
        try:
            template = parse_words(text) if words else parse_template(text, in_list=in_list)
        except TemplateError as problem:
            self.report.add("CPK210", problem.message, at=at, hint=problem.hint)
            return None
        if template.uses and None in nodes:
            message = f'"{text}" in something that belongs to no node stands for nothing'
            self.report.add("CPK211", message, at=at, hint="add forEach: one instance per matching node")
            return None
        return template

    def names_groups(self, component: str) -> bool:
        """Whether somebody wrote down the organizations of a component, rather than a preset."""
        written = self.document.components
        spec = None if written is UNSET else written.get(component)
        return spec is not None and spec.subject is not UNSET and spec.subject.organizations is not UNSET

    def lacks_address(self, node: Node, address: str) -> None:
        """Reports, once a node, that its address is needed."""
        position = next((index for index, other in enumerate(self.nodes) if other is node), 0)
        self.report.add_once(
            "CPK217",
            f'node "{node.name}" has no address, and {address} needs one',
            at=("nodes", position),
            hint="addresses: [192.0.2.11]",
            address=address,
        )


def read_nodes(specs: Sequence[NodeSpec], report: Report) -> tuple[Node, ...]:
    """The nodes with canonical names and addresses; the second of two with one name is left out (an error elsewhere)."""
    nodes: dict[str, Node] = {}
    for index, spec in enumerate(specs):
        if spec.name in nodes:
            continue
        try:
            canonical_dns(spec.name, wildcard=False)
        except InvalidNameError as problem:
            report.add("CPK227", problem.message, at=("nodes", index, "name"), hint=problem.hint)
        addresses = []
        for number, text in enumerate(() if spec.addresses is UNSET else spec.addresses):
            try:
                addresses.append(canonical_ip(text))
            except InvalidNameError as problem:
                report.add("CPK227", problem.message, at=("nodes", index, "addresses", number), hint=problem.hint)
        nodes[spec.name] = Node(
            name=spec.name,
            roles=frozenset(spec.roles),
            addresses=tuple(addresses),
            sans=tuple(f"ip:{address}" for address in addresses),
            dns=f"dns:{spec.name}",
        )
    return tuple(nodes.values())


def check_view(node: str | None, nodes: Sequence[Node], report: Report) -> None:
    """Reports a ``--node`` that does not exist."""
    names = [known.name for known in nodes]
    if node is not None and node not in names:
        hint = did_you_mean(node, names) or "declare it under `nodes`"
        report.add("CPK205", f'--node: there is no node "{node}"', hint=hint)

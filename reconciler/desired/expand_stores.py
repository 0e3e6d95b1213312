"""Stores, and the places in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, Literal

import msgspec
from msgspec import UNSET

from reconciler.desired.diagnostics import Path
from reconciler.desired.model import Access, Place
from reconciler.desired.names import InvalidNameError, relative_path
from reconciler.desired.report import Report
from reconciler.desired.spec import CaSpec, ComponentSpec, KeypairSpec, KubeconfigSpec, StoreSpec
from reconciler.desired.templates import NAME, MissingAddressError, Node, Template, TemplateError, parse_template

if TYPE_CHECKING:
    from reconciler.desired.expand_context import Context, Nodes

PlaceOf = Callable[[Node | None], Place]

_ROOT: Final = re.compile(r"/|(/[^/\x00-\x1f\x7f]+)+")


class Store(msgspec.Struct, frozen=True, kw_only=True):
    """A directory tree."""

    name: str
    root: Template
    """Absolute, ``--root`` applied, no trailing slash unless it is ``/``."""
    layout: Literal["generations", "plain"]
    node_root: str
    """The root as the node itself sees it: what comes after the directory that stands for the node."""

    @property
    def per_node(self) -> bool:
        """Whether the root says which node the files belong to."""
        return bool(self.root.uses)


class SharedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A place that several nodes of one entry would share."""

    first: str
    second: str
    path: str
    at: Path


def under(root: str, path: str) -> str:
    """An absolute path below ``--root``."""
    return f"{root.rstrip('/')}{path}" or "/"


def read_stores(specs: Mapping[str, StoreSpec], root: str, report: Report) -> dict[str, Store]:
    """The stores; one with an unusable root is reported and stands with root ``/``."""
    return {name: _store(name, spec, root, report) for name, spec in specs.items()}


def _store(name: str, spec: StoreSpec, root: str, report: Report) -> Store:
    text = str(spec.root)
    plain = "/" + "/".join(part for part in text.split("/") if part not in ("", ".", ".."))
    at: Path = ("stores", name, "root")
    try:
        template = parse_template(text)
        if template.uses - {NAME}:
            report.add("CPK401", f'"{text}": a root can hold only {NAME}', at=at, hint='such as "/nodes/{node}"')
        elif text != plain or not _ROOT.fullmatch(text):
            report.add("CPK401", f'"{text}" is not a plain absolute directory', at=at, hint=f'write "{plain}"')
    except TemplateError as problem:
        report.add("CPK210", problem.message, at=at, hint=problem.hint)
        template = Template(text="/", uses=frozenset())
    parts = template.text.strip("/").split("/")
    staging = next((index for index, part in enumerate(parts) if NAME in part), -1)
    return Store(
        name=name,
        root=Template(text=under(root, template.text), uses=template.uses & {NAME}),
        layout="plain" if spec.layout == "plain" else "generations",
        node_root="/" + "/".join(parts[staging + 1 :]),
    )


def places(context: Context, here: Path, nodes: Nodes, *, kind: str, store_name: str, path: str) -> PlaceOf | None:
    """Where the files of an entry go.

    Args:
        context: the cluster.
        here: the entry in the document.
        nodes: the instances.
        kind: its word in addresses.
        store_name: the store, which exists.
        path: relative, may hold placeholders.

    Returns:
        A function from node to place, or None when there is a mistake, which is reported.
    """
    store = context.stores[store_name]
    template = _path_template(context, here, path, nodes)
    if template is None:
        return None
    name = f"{kind}.{here[1]}"
    unresolved = [text for text, uses in ((str(store.root.text), store.per_node), (path, template.uses)) if uses]
    if None in nodes and unresolved:
        context.report.add(
            "CPK211",
            f'{name} belongs to no node, so {NAME} in "{unresolved[0]}" stands for nothing',
            at=(*here, "path") if template.uses else context.where(str(here[0]), str(here[1]), "store"),
            hint=_node_hint(kind),
            address=name,
        )
        return None
    if len(nodes) > 1 and not (store.per_node or template.uses):
        _remember_shared(context, here, store, template.text, [f"{name}[{node.name}]" for node in nodes[:2] if node])
    root, layout, text = store.root, store.layout, template.text
    seen = store.node_root
    if template.uses:
        return lambda node: Place(
            store=store_name, root=root.render(node), path=relative_path(template.render(node)), layout=layout, node_root=seen
        )
    return lambda node: Place(store=store_name, root=root.render(node), path=text, layout=layout, node_root=seen)


def access_of(spec: CaSpec | ComponentSpec | KubeconfigSpec | KeypairSpec) -> Access:
    """Mode, owner and group."""
    return Access(
        mode=int(str(spec.mode), 8),
        owner=spec.owner if isinstance(spec.owner, str | int) else None,
        group=spec.group if isinstance(spec.group, str | int) else None,
    )


def report_shared(context: Context) -> None:
    """Reports, once a store, the files that several nodes would share."""
    for store, files in sorted(context.shared.items()):
        first = files[0]
        more = f' (and {len(files) - 1} more like it in store "{store}")' if len(files) > 1 else ""
        context.report.add(
            "CPK212",
            f"{first.first} and {first.second} would both be {first.path}{more}",
            at=first.at,
            hint=f'work on one node with --node NAME, or put {NAME} into the root of store "{store}": "/nodes/{NAME}"',
            address=first.second,
        )


def _path_template(context: Context, here: Path, path: str, nodes: Nodes) -> Template | None:
    """The path, checked with the first node: a node's name cannot spoil what is sound for another."""
    at = (*here, "path")
    try:
        template = parse_template(path)
        if not (template.uses and nodes[:1] == (None,)) and nodes:
            relative_path(template.render(nodes[0]))
    except TemplateError as problem:
        context.report.add("CPK210", problem.message, at=at, hint=problem.hint)
        return None
    except InvalidNameError as problem:
        context.report.add("CPK225", problem.message, at=at, hint=problem.hint)
        return None
    except MissingAddressError:
        return template
    return template


def _node_hint(kind: str) -> str:
    if kind == "ca":
        return "give it a store of its own, such as authority: {type: file, root: /authority}"
    return "add forEach, or name a store whose root has no {node}"


def _remember_shared(context: Context, here: Path, store: Store, path: str, addresses: list[str]) -> None:
    """Notes two instances of an entry that would be one file; they are told together, a store at a time."""
    written = context.document.stores
    at = ("stores", store.name, "root") if written is not UNSET and store.name in written else here
    first, second = addresses
    context.shared.setdefault(store.name, []).append(
        SharedFile(first=first, second=second, path=under(store.root.text, f"/{path}"), at=at)
    )

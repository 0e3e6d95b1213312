"""Stores, and the places in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Final

from msgspec import UNSET, UnsetType

from reconciler.desired.diagnostics import Path
from reconciler.desired.expand_context import Context, Nodes, SharedFile
from reconciler.desired.expand_kv import check_fields, kv_store
from reconciler.desired.model import Access
from reconciler.desired.names import InvalidNameError, relative_path
from reconciler.desired.place import Naming, Place
from reconciler.desired.report import Report
from reconciler.desired.spec import CaSpec, ComponentSpec, KeypairSpec, KubeconfigSpec, StoreSpec
from reconciler.desired.spec_parts import ForEach, NamingSpec
from reconciler.desired.store import KV_LAYOUT, Store
from reconciler.desired.templates import NAME, MissingAddressError, Node, Template, TemplateError, parse_template

PlaceOf = Callable[[Node | None], Place]

#: How files end that stand beside those of a pair: what waits for an external CA, generations, and a bundle.
_TAKEN: Final = re.compile(r"\.next\.|\.g[0-9]+\.|-bundle\.")
_ROOT: Final = re.compile(r"/|(/[^/\x00-\x1f\x7f]+)+")


def under(root: str, path: str) -> str:
    """An absolute path below ``--root``."""
    return f"{root.rstrip('/')}{path}" or "/"


def read_stores(specs: Mapping[str, StoreSpec], root: str, connections: Collection[str], report: Report) -> dict[str, Store]:
    """The stores; one with an unusable root is reported and stands with another.

    Args:
        specs: with their defaults.
        root: ``--root``.
        connections: names of all connections.
        report: takes the mistakes.
    """
    found = {}
    for name, spec in specs.items():
        check_fields(name, spec, report)
        found[name] = kv_store(name, spec, connections, report) if spec.type == KV_LAYOUT else _store(name, spec, root, report)
    return found


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


def places(
    context: Context,
    here: Path,
    nodes: Nodes,
    *,
    kind: str,
    store_name: str,
    path: str,
    for_each: ForEach | UnsetType = UNSET,
    naming: NamingSpec | UnsetType = UNSET,
) -> PlaceOf | None:
    """Where the files of an entry go.

    Args:
        context: the cluster.
        here: the entry in the document.
        nodes: the instances.
        kind: its word in addresses.
        store_name: the store, which exists.
        path: relative, may hold placeholders.
        for_each: selects the nodes; in KV the nodes of other views count too, because it is the same for all of them.
        naming: of the files of a pair; a secret in KV has none.

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
    everywhere = context.select(for_each) if store.in_kv and for_each is not UNSET and nodes else nodes
    if len(everywhere) > 1 and not (store.per_node or template.uses):
        _remember_shared(context, here, store, template.text, [f"{name}[{node.name}]" for node in everywhere[:2] if node])

    names = Naming() if store.in_kv or naming is UNSET else _naming(context, here, naming, name)

    def place_of(node: Node | None) -> Place:
        root = store.root.render(node)
        path = relative_path(template.render(node)) if template.uses else template.text
        return Place(store=store_name, root=root, path=path, layout=store.layout, node_root=store.node_root or root, naming=names)

    return place_of


def _naming(context: Context, here: Path, spec: NamingSpec, name: str) -> Naming:
    """What a pair's files end with; what our other files beside it end with is reported."""
    written = {"certificate": spec.certificate, "key": spec.key}
    names = Naming(**{which: end for which, end in written.items() if end is not UNSET})
    if taken := next((end for end in (names.certificate, names.key) if _TAKEN.match(end)), ""):
        message = f"files of {name} would end with {taken}, as requests, generations and bundles beside it do"
        at = context.where(str(here[0]), str(here[1]), "naming")
        context.report.add_once("CPK221", message, at=at, hint="naming: {certificate: .pem, key: -key.pem}", address=name)
    return names


def access_of(spec: CaSpec | ComponentSpec | KubeconfigSpec | KeypairSpec) -> Access:
    """Mode, owner and group; KV, where there is no mode, keeps none."""
    if spec.mode is UNSET:
        return Access()
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
        hint = f'work on one node with --node NAME, or put {NAME} into the root of store "{store}": "/nodes/{NAME}"'
        if context.stores[store].in_kv:
            hint = f'put {NAME} into the prefix of store "{store}", or into the path: every node sees the same secrets'
        message = f"{first.first} and {first.second} would both be {first.path}{more}"
        context.report.add("CPK212", message, at=first.at, hint=hint, address=first.second)


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
    field = "prefix" if store.in_kv else "root"
    at = ("stores", store.name, field) if written is not UNSET and store.name in written else here
    first, second = addresses
    context.shared.setdefault(store.name, []).append(
        SharedFile(first=first, second=second, path=under(store.root.text, f"/{path}"), at=at)
    )

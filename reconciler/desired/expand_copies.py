"""Copies on nodes of what one reconciler makes and keeps in KV: which view has what, and where it comes from.

As soon as anything has such copies, there are two kinds of views. Without ``--node`` it is the one that makes everything, and
sees nothing of the nodes. With ``--node`` it is that of a node: it fetches, and makes only what is put together there from
certificates. What stays in KV is not its business, and nothing is signed in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import UNSET

from reconciler.desired.expand_context import Context, Nodes
from reconciler.desired.expand_stores import PlaceOf, places
from reconciler.desired.place import Place
from reconciler.desired.presets.fragments import KINDS, Fragments
from reconciler.desired.spec import BundleSpec, ComponentSpec, KubeconfigSpec
from reconciler.desired.templates import Node

Copied = ComponentSpec | BundleSpec | KubeconfigSpec

#: The sections whose entries may have copies that nodes fetch.
SECTIONS: Final = ("components", "bundles", "kubeconfigs")


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """Where an instance is in this view, and where it comes from when it is not made in it."""

    place: Place
    source: Place | None = None


def is_spread(fragments: Fragments) -> bool:
    """Whether nodes fetch copies of anything."""
    return any(spec.copies is not UNSET for section in SECTIONS for spec in getattr(fragments, section).values())


def instances(context: Context, spec: Copied, keeper: KubeconfigSpec | None = None) -> Nodes:
    """The nodes of this view that get an instance of an entry.

    Args:
        context: the cluster.
        spec: the entry.
        keeper: the kubeconfig that a component without a path lives in.
    """
    if not context.spread:
        return context.instances(spec.for_each)
    kept = keeper if keeper is not None else spec
    store = context.stores.get(str(kept.store))
    if store is None:  # a mistake of the kubeconfig's
        return context.instances(spec.for_each)
    if context.node is None:
        # What lies on the disk of each node is made there.
        there = spec.for_each is not UNSET and not store.in_kv and not store.per_node
        return () if there else context.instances(spec.for_each)
    if kept.copies is UNSET:
        return () if store.in_kv else context.instances(spec.for_each)
    if spec.for_each is not UNSET or kept.copies.for_each is UNSET:
        return context.instances(spec.for_each)
    return (None,) if context.node in {node.name for node in context.select(kept.copies.for_each)} else ()


def placed(context: Context, section: str, name: str, spec: Copied, nodes: Nodes) -> Mapping[str, PlaceOf] | None:
    """Where the instances of an entry are made, and where the nodes have their copies.

    Returns:
        Functions from node to place, by ``own`` and ``copy``; None after a mistake, which is reported.
    """
    kind, naming = KINDS[section], spec.naming if isinstance(spec, ComponentSpec) else UNSET
    own = places(
        context,
        (section, name),
        nodes,
        kind=kind,
        store_name=str(spec.store),
        path=str(spec.path),
        for_each=spec.for_each,
        naming=naming,
    )
    if spec.copies is UNSET:
        return None if own is None else {"own": own}
    if not _fits(context, section, name, spec):
        return None
    # Where nodes keep them says nothing to the view that makes them; what is wrong with it is told in every view.
    there = nodes if context.node is not None or spec.for_each is UNSET else nodes[:1]
    copy = places(
        context,
        (section, name, "copies"),
        there,
        kind=kind,
        store_name=str(spec.copies.store),
        path=str(spec.copies.path),
        naming=naming,
    )
    return None if own is None or copy is None else {"own": own, "copy": copy}


def placed_at(context: Context, places_of: Mapping[str, PlaceOf], node: Node | None) -> Placed:
    """The place of an instance in this view."""
    own = places_of["own"](node)
    if not follows(context):
        return Placed(place=own)
    if "copy" in places_of:
        return Placed(place=places_of["copy"](node), source=own)
    # Needed by something of this node, and made elsewhere all the same.
    return Placed(place=own, source=own if context.stores[own.store].in_kv else None)


def follows(context: Context) -> bool:
    """Whether this view fetches what another makes."""
    return context.spread and context.node is not None


def is_told_elsewhere(context: Context, spec: Copied, keeper: KubeconfigSpec | None = None) -> bool:
    """Whether the readers of an entry are on nodes that this view does not see: hooks and probes are theirs."""
    return context.node is None and (keeper if keeper is not None else spec).copies is not UNSET


def _fits(context: Context, section: str, name: str, spec: Copied) -> bool:
    """CPK407: copies are fetched from KV to a disk, one a node."""
    if spec.copies is UNSET:
        return True
    here, what = (section, name, "copies"), f"{KINDS[section]}.{name}"
    before = len(context.report.diagnostics)

    def wrong(message: str, hint: str, *field: str) -> None:
        context.report.add("CPK407", message, at=(*here, *field), hint=hint, address=what)

    if spec.path is UNSET:
        wrong(f"{what} has no files of its own to be copied", "give the copies to the kubeconfig that it lives in")
    elif not context.stores[str(spec.store)].in_kv:
        wrong(f"{what} is not in KV, so nodes cannot fetch copies of it", "give it a store of type vault-kv, or remove `copies`")
    if context.stores[str(spec.copies.store)].in_kv:
        wrong(f"the copies of {what} would be in KV, as it is itself", "name a store of type file, such as `files`", "store")
    if spec.for_each is not UNSET and spec.copies.for_each is not UNSET:
        wrong(f"{what} has one instance a node already, and each has one copy", "remove it", "forEach")
    if spec.for_each is UNSET and spec.copies.for_each is UNSET:
        wrong(f"{what} belongs to no node, so nothing says who has a copy", "add forEach: {roles: [worker]}")
    return len(context.report.diagnostics) == before

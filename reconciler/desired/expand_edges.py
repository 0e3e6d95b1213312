"""Declared edges: who connects to whom, instance by instance, for `verify`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import UNSET, UnsetType

from reconciler.desired.connected import Edge
from reconciler.desired.diagnostics import Path
from reconciler.desired.expand_context import Context
from reconciler.desired.model import Component
from reconciler.desired.names import InvalidNameError, canonical_dns, canonical_ip
from reconciler.desired.presets.fragments import Fragments
from reconciler.desired.report import did_you_mean
from reconciler.desired.spec_whole import EdgeSpec
from reconciler.desired.templates import MissingAddressError, Node, Template

_UNKNOWN: Final = {"component": "CPK202", "bundle": "CPK203"}


def expand_edges(
    context: Context, specs: Mapping[str, EdgeSpec], fragments: Fragments, components: Mapping[str, Component]
) -> dict[str, Edge]:
    """Every sound edge by name.

    Args:
        context: the cluster; takes the mistakes.
        specs: as written.
        fragments: all components and bundles by name, also those that this view does not hold.
        components: the instances of this view, by address.
    """
    servers: dict[str, list[Component]] = {}
    for component in components.values():
        servers.setdefault(component.name, []).append(component)
    found = ((name, _edge(context, name, spec, fragments, servers)) for name, spec in sorted(specs.items()))
    return {name: edge for name, edge in found if edge is not None}


def _edge(
    context: Context, name: str, spec: EdgeSpec, fragments: Fragments, servers: Mapping[str, list[Component]]
) -> Edge | None:
    here: Path = ("edges", name)
    known = [
        _known(context, (*here, "client"), spec.client, fragments.components, "component"),
        _known(context, (*here, "server"), spec.server, fragments.components, "component"),
        _known(context, (*here, "trust"), spec.trust, fragments.bundles, "bundle"),
        _known(context, (*here, "clientTrust"), spec.client_trust, fragments.bundles, "bundle"),
    ]
    if spec.client is UNSET and spec.client_trust is not UNSET:
        message = f'edge "{name}" has a server that asks for a certificate, and a client that has none'
        context.report.add("CPK240", message, at=(*here, "clientTrust"), hint="name the `client`, or remove `clientTrust`")
        return None
    hosts = _hosts(context, here, spec, fragments, servers.get(spec.server, ()) if all(known) else ())
    if hosts is None or not all(known):
        return None
    return Edge(
        name=name,
        server=spec.server,
        hosts=hosts,
        trust=spec.trust,
        trust_cas=_cas(fragments, spec.trust),
        client="" if spec.client is UNSET else spec.client,
        client_trust="" if spec.client_trust is UNSET else spec.client_trust,
        client_trust_cas=() if spec.client_trust is UNSET else _cas(fragments, spec.client_trust),
        same_node=spec.pairs == "same-node",
        origin=here,
    )


def _known(context: Context, at: Path, name: str | UnsetType, known: Mapping[str, object], kind: str) -> bool:
    if name is UNSET or name in known:
        return True
    hint = did_you_mean(name, known) or f"declare it under `{kind}s`"
    context.report.add(_UNKNOWN[kind], f'there is no {kind} "{name}"', at=at, hint=hint, address=f"edge {at[1]}")
    return False


def _cas(fragments: Fragments, bundle: str) -> tuple[str, ...]:
    cas = fragments.bundles[bundle].cas
    return () if cas is UNSET else tuple(dict.fromkeys(cas))


def _hosts(
    context: Context, here: Path, spec: EdgeSpec, fragments: Fragments, servers: list[Component] | tuple[()]
) -> dict[str, tuple[str, ...]] | None:
    """By server; None after a mistake."""
    server = fragments.components.get(spec.server)
    nodes = context.instances(server.for_each) if server is not None else ()
    templates: list[Template] = []
    for index, text in enumerate(spec.hosts):
        at = (*here, "hosts", index)
        template = context.template(at, text, nodes, in_list=True)
        if template is None or (not template.uses and not _is_host(context, at, text)):
            return None
        templates.append(template)
    by_name: dict[str | None, Node] = {node.name: node for node in context.nodes}
    found: dict[str, tuple[str, ...]] = {}
    for component in servers:
        node = by_name.get(component.node)
        try:
            rendered = [host for template in templates for host in _render(template, node)]
        except MissingAddressError:
            if node is not None:
                context.lacks_address(node, component.address)
            return None
        found[component.address] = tuple(dict.fromkeys(rendered))
    return found


def _render(template: Template, node: Node | None) -> tuple[str, ...]:
    if template.is_list and node is not None:
        if not node.addresses:
            raise MissingAddressError(node.name)
        return node.addresses
    return (template.render(node).strip("[]"),)


def _is_host(context: Context, at: Path, text: str) -> bool:
    """Whether a client could use it: a DNS name or an IP address, no wildcard and no port."""
    try:
        if ":" in text or text.replace(".", "").isdigit():
            canonical_ip(text)
        else:
            canonical_dns(text, wildcard=False)
    except InvalidNameError as problem:
        context.report.add("CPK240", problem.message, at=at, hint=problem.hint)
        return False
    return True

"""What kubeconfigs are put together from: anchors, servers, and components with their files."""

from __future__ import annotations

from urllib.parse import urlsplit

from msgspec import UNSET

from reconciler.desired.diagnostics import Path
from reconciler.desired.expand_context import Context, Nodes
from reconciler.desired.expand_stores import under
from reconciler.desired.model import OUTPUT_SUFFIX, Component, address_of
from reconciler.desired.presets.fragments import Fragments
from reconciler.desired.spec import BundleSpec
from reconciler.desired.templates import MissingAddressError, Template


def anchor_files(spec: BundleSpec, root: str) -> tuple[str, ...]:
    """The files with certificates of CAs made elsewhere, as this machine sees them."""
    return () if spec.files is UNSET else tuple(dict.fromkeys(under(root, path) for path in spec.files))


def server_of(context: Context, here: Path, text: str, nodes: Nodes) -> Template | None:
    """The URL of the API server."""
    at = (*here, "server")
    template = context.template(at, text, nodes)
    if template is None:
        return None
    try:
        sample = template.render(nodes[0]) if nodes else text if not template.uses else ""
    except MissingAddressError:
        return template
    if sample and not _is_https(sample):
        context.report.add(
            "CPK218", f'"{sample}" is not the URL of an API server', at=at, hint="such as https://api.example.com:6443"
        )
        return None
    return template


def _is_https(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme == "https" and bool(parts.hostname) and (parts.port is None or parts.port > 0) and url.isprintable()
    except ValueError:
        return False


def owners_of(context: Context, at: Path, component: str, specs: Fragments, nodes: Nodes, *, embed: bool) -> list[str] | None:
    """The address of the component in each instance; None after a mistake.

    Args:
        context: the cluster.
        at: where the component is named: beside the field ``embed``.
        component: its name.
        specs: the components.
        nodes: the instances of the kubeconfig.
        embed: whether certificate and key are held, rather than referred to.
    """
    owner = specs.components[component]
    address = f"kubeconfig.{at[1]}"
    if not embed and owner.path is UNSET:
        message = f'{address} refers to the files of component "{component}", which has none'
        context.report.add("CPK221", message, at=(*at, "embed"), hint="give it a path, or embed: true", address=address)
        return None
    if not embed and context.stores[str(owner.store)].in_kv:
        message = f'{address} would refer to the files of component "{component}", which is a secret in KV'
        hint = "embed: true, or a store of type file for the component"
        context.report.add("CPK405", message, at=(*at, "embed"), hint=hint, address=address)
        return None
    available: set[str | None] = {None} if owner.for_each is UNSET else {node.name for node in context.select(owner.for_each)}
    if not context.nodes:
        available.add(None)
    shared = owner.for_each is UNSET
    for node in nodes:
        wanted = None if node is None or shared else node.name
        if wanted not in available:
            where = f"[{node.name}]" if node else ""
            message = f'{address}{where} holds component "{component}", which '
            message += f"is not on node {node.name}" if node else "has one instance on each of its nodes"
            hint = "give both the same forEach" if node else "add the component's forEach to the kubeconfig"
            context.report.add("CPK213", message, at=(*at, "component"), hint=hint, address=f"{address}{where}")
            return None
    return [address_of("component", component, None if shared or node is None else node.name) for node in nodes]


def files_of(component: Component) -> tuple[str, str]:
    """Certificate and key as the node sees them; the kubelet keeps both in one file."""
    if component.place is None:
        return "", ""
    files = (OUTPUT_SUFFIX["combined"],) * 2 if "combined" in component.outputs else (".crt", ".key")
    certificate, key = map(component.place.file_on_node, files)
    return certificate, key

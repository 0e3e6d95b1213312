"""Bundles and kubeconfigs: the files that hold others' certificates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from msgspec import UNSET
from msgspec.structs import replace

from reconciler.desired.diagnostics import Path
from reconciler.desired.expand_context import Context, Nodes
from reconciler.desired.expand_copies import instances, is_told_elsewhere, placed, placed_at
from reconciler.desired.expand_live import hooks
from reconciler.desired.expand_stores import access_of, under
from reconciler.desired.model import CA, Access, Bundle, Component, Kubeconfig, address_of
from reconciler.desired.presets.fragments import Fragments
from reconciler.desired.spec import BundleSpec, KubeconfigSpec
from reconciler.desired.store import KV_LAYOUT
from reconciler.desired.templates import MissingAddressError, Template

#: How the bundle beside a CA's certificate file is called: ``ca.crt`` and ``ca-bundle.crt``.
APART: Final = "-bundle.crt"


def expand_bundles(context: Context, specs: Mapping[str, BundleSpec], cas: Mapping[str, CA], root: str) -> dict[str, Bundle]:
    """Every bundle file by address.

    A bundle of one CA that would be exactly the certificate file of that CA, or of its copy, is left out: that file
    serves, as kubeadm has it (``ca.crt`` is both the signing certificate and what clients trust). From generation 2 on
    it cannot serve: a signing file holds exactly one certificate, and while a generation is phased in two are trusted.
    The bundle then stands beside it; from the beginning where a rotation begins by itself, when git's number lags.
    """
    bundles: dict[str, Bundle] = {}
    for name, spec in sorted(specs.items()):
        nodes = instances(context, spec)
        places_of = placed(context, "bundles", name, spec, nodes)
        if places_of is None or spec.cas is UNSET:
            continue
        names = tuple(dict.fromkeys(spec.cas))
        only = cas.get(names[0]) if len(names) == 1 else None
        certificate_files, apart = _certificate_files(only), only is not None and _rotates(only)
        access = Access(
            mode=0o644,
            owner=spec.owner if isinstance(spec.owner, str | int) else None,
            group=spec.group if isinstance(spec.group, str | int) else None,
        )
        origin = context.origin("bundles", name)
        hooks_of = hooks(context, ("bundles", name), spec.after, nodes, root)
        told_elsewhere = is_told_elsewhere(context, spec)
        for node in nodes:
            where = placed_at(context, places_of, node)
            place = where.place
            if place.absolute in certificate_files:
                if not apart:
                    continue
                place = replace(place, path=f"{place.path.removesuffix('.crt')}{APART}")
            node_name = node.name if node else None
            address = address_of("bundle", name, node_name)
            bundles[address] = Bundle(
                address=address,
                name=name,
                node=node_name,
                cas=names,
                files=_anchor_files(spec, root),
                place=place,
                source=where.source,
                access=access,
                after=() if told_elsewhere else hooks_of(node),
                origin=origin,
            )
    return bundles


def expand_kubeconfigs(
    context: Context, specs: Fragments, components: Mapping[str, Component], root: str
) -> dict[str, Kubeconfig]:
    """Every kubeconfig by address."""
    found: dict[str, Kubeconfig] = {}
    for name, spec in sorted(specs.kubeconfigs.items()):
        for kubeconfig in _kubeconfig(context, name, spec, specs, components, root=root):
            found[kubeconfig.address] = kubeconfig
    return found


def _anchor_files(spec: BundleSpec, root: str) -> tuple[str, ...]:
    return () if spec.files is UNSET else tuple(dict.fromkeys(under(root, path) for path in spec.files))


def _rotates(ca: CA) -> bool:
    """Whether two generations of a CA may have to be trusted, now or from some day on without a word from git."""
    return ca.generation > 1 or ca.rotation.strategy == "staged"


def _certificate_files(ca: CA | None) -> frozenset[str]:
    """The files that hold the certificate of a CA and nothing else; a secret in KV holds the key as well."""
    if ca is None:
        return frozenset()
    places = (ca.place, *(replica.place for replica in ca.replicas))
    return frozenset(f"{place.absolute}.crt" for place in places if place.layout != KV_LAYOUT)


def _kubeconfig(
    context: Context, name: str, spec: KubeconfigSpec, specs: Fragments, components: Mapping[str, Component], *, root: str
) -> list[Kubeconfig]:
    here: Path = ("kubeconfigs", name)
    nodes = instances(context, spec)
    places_of = placed(context, "kubeconfigs", name, spec, nodes)
    server = _server(context, here, str(spec.server), nodes)
    owners = _owners(context, name, spec, specs, nodes)
    bundle_cas = specs.bundles[str(spec.bundle)].cas
    if places_of is None or server is None or owners is None or bundle_cas is UNSET:
        return []
    access, origin = access_of(spec), context.origin("kubeconfigs", name)
    cas = tuple(dict.fromkeys(bundle_cas))
    hooks_of = hooks(context, here, spec.after, nodes, root)
    told_elsewhere = is_told_elsewhere(context, spec)
    found = []
    for node, owner in zip(nodes, owners, strict=True):
        component = components.get(owner)
        if component is None:
            continue  # the component has a mistake of its own
        node_name = node.name if node else None
        address = address_of("kubeconfig", name, node_name)
        try:
            url = server.render(node)
        except MissingAddressError:
            if node is not None:
                context.lacks_address(node, address)
            continue
        certificate, key = ("", "") if spec.embed is True else _files(component)
        where = placed_at(context, places_of, node)
        found.append(
            Kubeconfig(
                address=address,
                name=name,
                node=node_name,
                component=owner,
                cas=cas,
                files=_anchor_files(specs.bundles[str(spec.bundle)], root),
                server=url,
                cluster_name=str(spec.cluster_name),
                user_name=component.subject.common_name if spec.user_name is UNSET else spec.user_name,
                embed=spec.embed is True,
                client_certificate=certificate,
                client_key=key,
                place=where.place,
                source=where.source,
                access=access,
                after=() if told_elsewhere else hooks_of(node),
                origin=origin,
            )
        )
    return found


def _owners(context: Context, name: str, spec: KubeconfigSpec, specs: Fragments, nodes: Nodes) -> list[str] | None:
    """The address of the component in each instance; None after a mistake."""
    component = str(spec.component)
    owner = specs.components[component]
    at: Path = ("kubeconfigs", name, "component")
    address = f"kubeconfig.{name}"
    if spec.embed is not True and owner.path is UNSET:
        message = f'{address} refers to the files of component "{component}", which has none'
        context.report.add(
            "CPK221", message, at=("kubeconfigs", name, "embed"), hint="give it a path, or embed: true", address=address
        )
        return None
    if spec.embed is not True and context.stores[str(owner.store)].in_kv:
        message = f'{address} would refer to the files of component "{component}", which is a secret in KV'
        hint = "embed: true, or a store of type file for the component"
        context.report.add("CPK405", message, at=("kubeconfigs", name, "embed"), hint=hint, address=address)
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
            context.report.add("CPK213", message, at=at, hint=hint, address=f"{address}{where}")
            return None
    return [address_of("component", component, None if shared or node is None else node.name) for node in nodes]


def _server(context: Context, here: Path, text: str, nodes: Nodes) -> Template | None:
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


def _files(component: Component) -> tuple[str, str]:
    """Certificate and key as the node sees them; the kubelet keeps both in one file."""
    if component.place is None:
        return "", ""
    base = component.place.on_node
    if "combined" in component.outputs:
        return f"{base}.pem", f"{base}.pem"
    return f"{base}.crt", f"{base}.key"

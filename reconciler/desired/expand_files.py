"""Bundles and kubeconfigs: the files that hold others' certificates."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from typing import Final

from msgspec import UNSET
from msgspec.structs import replace

from reconciler.desired.diagnostics import Path
from reconciler.desired.expand_context import Context, Nodes
from reconciler.desired.expand_copies import instances, is_told_elsewhere, placed, placed_at
from reconciler.desired.expand_live import hooks
from reconciler.desired.expand_parts import anchor_files, files_of, owners_of, server_of
from reconciler.desired.expand_stores import access_of
from reconciler.desired.model import CA, Access, Bundle, Component, Kubeconfig, address_of
from reconciler.desired.presets.fragments import Fragments
from reconciler.desired.spec import BundleSpec, KubeconfigSpec
from reconciler.desired.store import KV_LAYOUT
from reconciler.desired.templates import MissingAddressError

#: What stands between name and ending of the bundle beside a CA's certificate file: ``ca.crt`` and ``ca-bundle.crt``.
APART: Final = "-bundle"
#: The fields of which any one makes a kubeconfig more than a certificate, a key and a server.
_ENTRY_FIELDS: Final = ("context_name", "namespace", "clusters", "users", "contexts", "current_context", "merge")


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
                place = replace(place, path=APART.join(posixpath.splitext(place.path)))
            node_name = node.name if node else None
            address = address_of("bundle", name, node_name)
            bundles[address] = Bundle(
                address=address,
                name=name,
                node=node_name,
                cas=names,
                files=anchor_files(spec, root),
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


def _rotates(ca: CA) -> bool:
    """Whether two generations of a CA may have to be trusted, now or from some day on without a word from git."""
    return ca.generation > 1 or ca.rotation.strategy == "staged"


def _certificate_files(ca: CA | None) -> frozenset[str]:
    """The files that hold the certificate of a CA and nothing else; a secret in KV holds the key as well."""
    if ca is None:
        return frozenset()
    places = (ca.place, *(replica.place for replica in ca.replicas))
    return frozenset(place.file(".crt") for place in places if place.layout != KV_LAYOUT)


def _kubeconfig(
    context: Context, name: str, spec: KubeconfigSpec, specs: Fragments, components: Mapping[str, Component], *, root: str
) -> list[Kubeconfig]:
    here: Path = ("kubeconfigs", name)
    nodes = instances(context, spec)
    places_of = placed(context, "kubeconfigs", name, spec, nodes)
    server = server_of(context, here, str(spec.server), nodes)
    owners = owners_of(context, here, str(spec.component), specs, nodes, embed=spec.embed is True)
    bundle_cas = specs.bundles[str(spec.bundle)].cas
    entries_of = _entries(context, name, spec, specs, components, nodes=nodes, root=root)
    if places_of is None or server is None or owners is None or bundle_cas is UNSET or entries_of is None:
        return []
    access, origin = access_of(spec), context.origin("kubeconfigs", name)
    cas = tuple(dict.fromkeys(bundle_cas))
    hooks_of = hooks(context, here, spec.after, nodes, root)
    told_elsewhere = is_told_elsewhere(context, spec)
    found = []
    for index, (node, owner) in enumerate(zip(nodes, owners, strict=True)):
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
        certificate, key = ("", "") if spec.embed is True else files_of(component)
        where = placed_at(context, places_of, node)
        made = Kubeconfig(
            address=address,
            name=name,
            node=node_name,
            component=owner,
            cas=cas,
            files=anchor_files(specs.bundles[str(spec.bundle)], root),
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
        found += entries_of(index, made)
    return found


def _entries(
    context: Context,
    name: str,
    spec: KubeconfigSpec,
    specs: Fragments,
    components: Mapping[str, Component],
    *,
    nodes: Nodes,
    root: str,
) -> Callable[[int, Kubeconfig], list[Kubeconfig]] | None:
    """What adds the entries to each instance, where there are any; none of it is left when they have a mistake."""
    if all(getattr(spec, field) is UNSET for field in _ENTRY_FIELDS):
        return lambda _index, made: [made]
    from reconciler.desired.expand_entries import expand_entries  # noqa: PLC0415 - only kubeconfigs for people have any

    return expand_entries(context, name, spec, specs, components, nodes=nodes, root=root)

"""The entries of a kubeconfig for a person: several clusters, users and contexts, and files that are shared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from msgspec import UNSET
from msgspec.structs import replace

from reconciler.desired.diagnostics import Path
from reconciler.desired.expand_context import Context, Nodes
from reconciler.desired.expand_parts import anchor_files, files_of, owners_of, server_of
from reconciler.desired.kubeconfig_entries import Entries, KubeCluster, KubeContext, KubeUser
from reconciler.desired.model import Component, Kubeconfig
from reconciler.desired.presets.fragments import Fragments
from reconciler.desired.report import did_you_mean
from reconciler.desired.spec import KubeconfigSpec
from reconciler.desired.spec_people import KubeContextSpec, KubeUserSpec
from reconciler.desired.templates import MissingAddressError, Node, Template

EntriesOf = Callable[[int, Kubeconfig], list[Kubeconfig]]


def expand_entries(
    context: Context,
    name: str,
    spec: KubeconfigSpec,
    specs: Fragments,
    components: Mapping[str, Component],
    *,
    nodes: Nodes,
    root: str,
) -> EntriesOf | None:
    """How the entries of each instance are made.

    Args:
        context: the cluster.
        name: of the kubeconfig.
        spec: what it says, sound.
        specs: the components and bundles.
        components: by address.
        nodes: the instances.
        root: ``--root``.

    Returns:
        A function from the number of an instance and the instance to one with its entries, or to nothing when a component
        has a mistake of its own; None after a mistake, which is reported.
    """
    clusters = _clusters(context, name, spec, specs, nodes=nodes, root=root)
    users = _users(context, name, spec, specs, components, nodes=nodes)
    if not _may_merge(context, name, spec) or clusters is None or users is None:
        return None

    def with_entries(index: int, made: Kubeconfig) -> list[Kubeconfig]:
        further = [make(index) for make in users]
        known = [each for each in further if each is not None]
        if len(known) < len(further):
            return []
        try:
            every_cluster = (*made.clusters, *(make(nodes[index]) for make in clusters))
        except MissingAddressError:
            if (node := nodes[index]) is not None:
                context.lacks_address(node, made.address)
            return []
        entries = _entries(context, name, spec, every_cluster, (_first_user(made), *known))
        return [] if entries is None else [replace(made, entries=entries)]

    return with_entries


def _first_user(made: Kubeconfig) -> KubeUser:
    return KubeUser(
        name=made.user_name,
        component=made.component,
        embed=made.embed,
        client_certificate=made.client_certificate,
        client_key=made.client_key,
    )


def _clusters(
    context: Context, name: str, spec: KubeconfigSpec, specs: Fragments, *, nodes: Nodes, root: str
) -> list[Callable[[Node | None], KubeCluster]] | None:
    written = {} if spec.clusters is UNSET else spec.clusters
    found = []
    for entry, each in written.items():
        here: Path = ("kubeconfigs", name, "clusters", entry)
        template = server_of(context, here, each.server, nodes)
        bundle = specs.bundles[each.bundle]
        if template is not None and bundle.cas is not UNSET:
            cas = tuple(dict.fromkeys(bundle.cas))
            found.append(_cluster_maker(entry, template, cas, anchor_files(bundle, root)))
    return found if len(found) == len(written) else None


def _cluster_maker(
    name: str, server: Template, cas: tuple[str, ...], files: tuple[str, ...]
) -> Callable[[Node | None], KubeCluster]:
    return lambda node: KubeCluster(name=name, server=server.render(node), cas=cas, files=files)


def _users(
    context: Context,
    name: str,
    spec: KubeconfigSpec,
    specs: Fragments,
    components: Mapping[str, Component],
    *,
    nodes: Nodes,
) -> list[Callable[[int], KubeUser | None]] | None:
    written = {} if spec.users is UNSET else spec.users
    found = []
    for entry, each in written.items():
        at: Path = ("kubeconfigs", name, "users", entry)
        if specs.components[each.component].path is UNSET and spec.copies is not UNSET:
            message = f'component "{each.component}" has no path, and nodes would have to tell it apart in a copy'
            context.report.add("CPK333", message, at=(*at, "component"), hint="give the component a path of its own")
            continue
        owners = owners_of(context, at, each.component, specs, nodes, embed=each.embed is not False)
        if owners is not None:
            found.append(_user_maker(entry, each, owners, components))
    return found if len(found) == len(written) else None


def _user_maker(
    name: str, spec: KubeUserSpec, owners: list[str], components: Mapping[str, Component]
) -> Callable[[int], KubeUser | None]:
    embed = spec.embed is not False

    def user(index: int) -> KubeUser | None:
        component = components.get(owners[index])
        if component is None:
            return None
        certificate, key = ("", "") if embed else files_of(component)
        return KubeUser(name=name, component=component.address, embed=embed, client_certificate=certificate, client_key=key)

    return user


def _entries(
    context: Context, name: str, spec: KubeconfigSpec, clusters: tuple[KubeCluster, ...], users: tuple[KubeUser, ...]
) -> Entries | None:
    first_cluster, first_user = clusters[0].name, users[0].name
    first = KubeContext(
        name=f"{first_user}@{first_cluster}" if spec.context_name is UNSET else spec.context_name,
        cluster=first_cluster,
        user=first_user,
        namespace="" if spec.namespace is UNSET else spec.namespace,
    )
    written: Mapping[str, KubeContextSpec] = {} if spec.contexts is UNSET else spec.contexts
    contexts = (first, *(_context(entry, each, first) for entry, each in written.items()))
    here: Path = ("kubeconfigs", name)
    fine = _each_once(context, here, "clusters", [each.name for each in clusters])
    fine &= _each_once(context, here, "users", [each.name for each in users])
    fine &= _each_once(context, here, "contexts", [each.name for each in contexts])
    for each in contexts[1:]:
        at = (*here, "contexts", each.name)
        fine &= _is_known(context, (*at, "cluster"), "cluster", each.cluster, [known.name for known in clusters])
        fine &= _is_known(context, (*at, "user"), "user", each.user, [known.name for known in users])
    merge = spec.merge is True
    current = ("" if merge else first.name) if spec.current_context is UNSET else spec.current_context
    if current:
        fine &= _is_known(context, (*here, "currentContext"), "context", current, [known.name for known in contexts])
    return Entries(clusters=clusters, users=users, contexts=contexts, current=current, merge=merge) if fine else None


def _context(name: str, spec: KubeContextSpec, first: KubeContext) -> KubeContext:
    return KubeContext(
        name=name,
        cluster=first.cluster if spec.cluster is UNSET else spec.cluster,
        user=first.user if spec.user is UNSET else spec.user,
        namespace="" if spec.namespace is UNSET else spec.namespace,
    )


def _each_once(context: Context, here: Path, section: str, names: list[str]) -> bool:
    """CPK331: the first entry has its name from other fields than the rest."""
    first, rest = names[0], names[1:]
    if first in rest:
        field = {"clusters": "clusterName", "users": "userName", "contexts": "contextName"}[section]
        message = f'kubeconfig.{here[1]} has two {section} "{first}": this one, and that of its own component and server'
        context.report.add_once("CPK331", message, at=(*here, section, first), hint=f"rename it, or set {field}")
    return first not in rest


def _is_known(context: Context, at: Path, kind: str, name: str, known: Iterable[str]) -> bool:
    """CPK330: a context leads to entries of this very kubeconfig."""
    names = list(known)
    if name not in names:
        context.report.add_once("CPK330", f'kubeconfig.{at[1]} has no {kind} "{name}"', at=at, hint=did_you_mean(name, names))
    return name in names


def _may_merge(context: Context, name: str, spec: KubeconfigSpec) -> bool:
    """CPK332: only a file on disk has something in it that is not ours."""
    if spec.merge is not True:
        return True
    at: Path = ("kubeconfigs", name, "merge")
    if context.stores[str(spec.store)].in_kv:
        message = f"kubeconfig.{name} is a secret in KV, which nobody else writes to"
        context.report.add("CPK332", message, at=at, hint="remove merge, or name a store of type file")
        return False
    return True

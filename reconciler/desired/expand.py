"""From named specs to everything that should exist: one instance for each node, every value typed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET

from reconciler.desired.clashes import check_clashes
from reconciler.desired.connected import Edge, KubernetesFacts
from reconciler.desired.expand_authorities import expand_cas, expand_keypairs, needed_here
from reconciler.desired.expand_components import expand_components
from reconciler.desired.expand_context import Context
from reconciler.desired.expand_copies import follows
from reconciler.desired.expand_files import expand_bundles, expand_kubeconfigs
from reconciler.desired.expand_groups import expand_groups
from reconciler.desired.expand_kept import as_kept
from reconciler.desired.expand_moves import expand_moves
from reconciler.desired.expand_stores import report_shared
from reconciler.desired.files import File
from reconciler.desired.limits import Guards
from reconciler.desired.model import CA, Component, DesiredState, Kubeconfig
from reconciler.desired.presets.fragments import Fragments
from reconciler.desired.requested import Requested
from reconciler.desired.spec import Document
from reconciler.desired.spec_whole import GuardsSpec
from reconciler.desired.vault import Connection, Lock


class Expansion(msgspec.Struct, frozen=True, kw_only=True):
    """What came of the specs."""

    state: DesiredState
    all_cas: dict[str, CA]
    """Also those that this view does not need: policy looks at the whole hierarchy."""


def expand(
    context: Context,
    fragments: Fragments,
    document: Document,
    root: str,
    *,
    kubernetes: KubernetesFacts | None,
    connections: Mapping[str, Connection],
    lock: Lock | None,
    files: Mapping[str, File],
) -> Expansion:
    """Makes the instances of this view.

    With ``--node`` the view holds what that node has: the instances of its ``forEach``, the CAs it needs or makes, and,
    on the home node, what belongs to no node (elsewhere only what a kubeconfig of the node holds).

    Args:
        context: the cluster.
        fragments: sound entries with their defaults.
        document: the rest of what the user wrote.
        root: ``--root``.
        kubernetes: the cluster that the preset was made for.
        connections: the servers, by name.
        lock: of this view.
        files: of signing requests, by their paths.
    """
    all_cas = expand_cas(context, fragments.cas)
    keypairs = expand_keypairs(context, fragments.keypairs)
    components = expand_components(context, fragments.components, fragments.kubeconfigs, root)
    requests, granted = _requests(context, document, all_cas, files)
    components |= granted
    bundles = expand_bundles(context, fragments.bundles, all_cas, root)
    kubeconfigs = expand_kubeconfigs(context, fragments, components, root)
    if not context.report.failed:
        _check_kept(context, components, kubeconfigs)
    used = {component.ca for component in components.values()}
    used.update(name for bundle in bundles.values() for name in bundle.cas)
    used.update(name for kubeconfig in kubeconfigs.values() for each in kubeconfig.clusters for name in each.cas)
    cas = needed_here(context, all_cas, used)
    state = DesiredState(
        cluster=document.cluster,
        cas=cas,
        keypairs=keypairs,
        components=components,
        bundles=bundles,
        kubeconfigs=kubeconfigs,
        **_revocation(context, fragments, document, cas),
        requests=requests,
        groups={}
        if document.groups is UNSET
        else expand_groups(
            context,
            document.groups,
            {"component": fragments.components, "bundle": fragments.bundles},
            [*components.values(), *bundles.values()],
        ),
        edges=_edges(context, fragments, document, components),
        kubernetes=kubernetes,
        connections=connections,
        lock=None if follows(context) else lock,  # nothing is written there: a token that only reads is enough
        node_addresses={node.name: node.addresses for node in context.nodes},
        suspended=document.suspend is True,
        guards=guards(document.guards if document.guards is not UNSET else GuardsSpec()),
        prune=document.prune is True,
        node=context.node,
        spread=context.spread and context.node is None,
    )
    state = as_kept(state)
    report_shared(context)
    shared = frozenset(file.first.partition("[")[0] for files in context.shared.values() for file in files)
    check_clashes(state, shared, context.report)
    return Expansion(state=expand_moves(context, fragments, document, state, root), all_cas=all_cas)


def _check_kept(context: Context, components: Mapping[str, Component], kubeconfigs: Mapping[str, Kubeconfig]) -> None:
    """What lives inside a kubeconfig needs one on each of its nodes."""
    for component in components.values():
        if component.place is None and component.kubeconfig not in kubeconfigs:
            message = f"{component.address} lives in {component.kubeconfig}, which there is not"
            hint = "give both the same forEach, or the component a path"
            at = ("components", component.name)
            context.report.add_once("CPK214", message, at=at, hint=hint, address=component.address)


def guards(spec: GuardsSpec) -> Guards:
    """The limits of one plan; 30 % and one destroyed resource unless said otherwise."""
    built_in = Guards()
    limit, share = None, built_in.max_changes_share
    if isinstance(spec.max_changes, int):
        limit = spec.max_changes
    elif isinstance(spec.max_changes, str):
        share = int(spec.max_changes.removesuffix("%")) / 100
    destroy = built_in.max_destroy if spec.max_destroy is UNSET else spec.max_destroy
    return Guards(max_changes=limit, max_changes_share=share, max_destroy=destroy)


def _revocation(context: Context, fragments: Fragments, document: Document, cas: Mapping[str, CA]) -> dict[str, Any]:
    """Lists and revocations, by the field of the state; most clusters have neither."""
    if document.revocations is UNSET and all(spec.crl is UNSET for spec in fragments.cas.values()):
        return {}
    from reconciler.desired.expand_revocation import expand_crls, expand_revocations  # noqa: PLC0415 - see above

    return {
        "crls": expand_crls(context, fragments, document, cas),
        "revocations": expand_revocations(context, fragments, document, cas),
    }


def _requests(
    context: Context, document: Document, cas: Mapping[str, CA], files: Mapping[str, File]
) -> tuple[dict[str, Requested], dict[str, Component]]:
    """Signing requests, and what is granted of them in this view; most clusters have none."""
    if document.requests is UNSET:
        if document.policy is not UNSET and document.policy.requests is not UNSET:
            from reconciler.desired.request_policy import read_policy  # noqa: PLC0415 - see above

            read_policy(document, context.report)
        return {}, {}
    from reconciler.desired.expand_granted import granted  # noqa: PLC0415
    from reconciler.desired.expand_requests import read_all  # noqa: PLC0415
    from reconciler.desired.request_policy import read_policy  # noqa: PLC0415
    from reconciler.desired.request_reader import Reader  # noqa: PLC0415

    reader = Reader(context=context, files=files, cas=cas, policy=read_policy(document, context.report))
    requests = read_all(reader, document.requests)
    return requests, granted(reader, document.requests, requests)


def _edges(context: Context, fragments: Fragments, document: Document, components: Mapping[str, Component]) -> dict[str, Edge]:
    """Declared connections; most clusters have those of the preset alone."""
    if document.edges is UNSET:
        return {}
    from reconciler.desired.expand_edges import expand_edges  # noqa: PLC0415 - see above

    return expand_edges(context, document.edges, fragments, components)

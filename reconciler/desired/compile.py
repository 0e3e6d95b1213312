"""From a loaded document to the desired state: preset, merge, defaults, references, expansion, policy."""

from __future__ import annotations

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from reconciler.desired.diagnostics import Diagnostic, InvalidDesiredStateError, Severity, in_order
from reconciler.desired.expand import expand
from reconciler.desired.expand_components import expand_components
from reconciler.desired.expand_context import Context, check_view, read_nodes
from reconciler.desired.expand_copies import is_spread
from reconciler.desired.expand_defaults import stores_of, with_defaults
from reconciler.desired.expand_external import check_external
from reconciler.desired.expand_stores import read_stores
from reconciler.desired.expand_vault import complete, expand_connections, expand_lock
from reconciler.desired.load import Loaded
from reconciler.desired.merge import merge
from reconciler.desired.model import DesiredState
from reconciler.desired.policy import check_policy, check_rules
from reconciler.desired.policy_names import check_names
from reconciler.desired.policy_vault import check_vault
from reconciler.desired.presets.fragments import KINDS, Fragments
from reconciler.desired.presets.kubeadm import preset
from reconciler.desired.presets.settings import facts_of, read_settings
from reconciler.desired.references import check_nodes, check_references
from reconciler.desired.report import Report
from reconciler.desired.spec import Document, StoreSpec


class Compiled(msgspec.Struct, frozen=True, kw_only=True):
    """A desired state that holds together."""

    state: DesiredState
    expanded: Document
    """The document with the preset merged in and every default written out; it compiles to the same state, but for what
    only the preset knows (`DesiredState.kubernetes`)."""
    diagnostics: tuple[Diagnostic, ...]
    """Warnings, those of the loader included."""


def compile_state(loaded: Loaded, *, node: str | None, root: str) -> Compiled:
    """Resolves everything that a document leaves open.

    Args:
        loaded: a document of the right form.
        node: restricts the state to what lives on this node, and the CAs it needs. What belongs to no node lives on the
            first control-plane node, else on the first node.
        root: put before every absolute path; ``/`` or an empty string changes nothing.

    Raises:
        InvalidDesiredStateError: with all mistakes of reference and policy.
    """
    document = complete(loaded.document)
    rules = UNSET if document.policy is UNSET else document.policy.rules
    report = Report(loaded.locate, {} if rules is UNSET else rules)
    node_specs = () if document.nodes is UNSET else tuple(document.nodes)

    # 1. What the preset and the user ask for together.
    check_nodes(node_specs, report)
    nodes = read_nodes(node_specs, report)
    check_view(node, nodes, report)
    settings = None if document.kubernetes is UNSET else read_settings(document.kubernetes, node_specs, report)
    base = Fragments() if settings is None else preset(settings)
    stores = stores_of(document)
    merged = with_defaults(merge(base, document, report), document)
    if not any(getattr(merged, section) for section in KINDS) and document.requests is UNSET:
        report.add("CPK216", "the desired state is empty", hint="declare a CA under `cas`, or a cluster under `kubernetes`")

    # 2. What hangs together.
    sound, without_ca = check_references(merged, document, base, stores, report)
    servers = {} if document.connections is UNSET else document.connections
    read = read_stores(stores, root, servers, report)
    context = Context(document=document, nodes=nodes, stores=read, report=report, node=node, spread=is_spread(merged))
    expansion = expand(
        context,
        sound,
        document,
        root,
        kubernetes=None if settings is None else facts_of(settings),
        connections=expand_connections(servers, root, report),
        lock=None if document.lock is UNSET else expand_lock(document.lock, servers, node, report),
        files=loaded.requests,
    )
    expand_components(context, without_ca, merged.kubeconfigs, root)  # for what it reports: nothing comes of them

    # 3. What is wise.
    check_rules(document, context)
    ours = {address: each for address, each in expansion.state.components.items() if each.request is None}
    policed = check_policy(context, sound, document, expansion.all_cas, ours)
    check_names(policed, ours.values())
    if servers:
        check_vault(context, sound, expansion.all_cas, expansion.state)
        check_external(context, expansion.all_cas, expansion.state)

    diagnostics = in_order([*loaded.diagnostics, *report.diagnostics])
    if report.failed or any(each.severity == Severity.ERROR for each in loaded.diagnostics):
        raise InvalidDesiredStateError(diagnostics, loaded)
    return Compiled(state=expansion.state, expanded=_expanded(document, merged, stores, expansion.state), diagnostics=diagnostics)


def _expanded(document: Document, merged: Fragments, stores: dict[str, StoreSpec], state: DesiredState) -> Document:
    """The document as if everything had been written by hand."""
    if document.requests is not UNSET:
        from reconciler.desired.expand_granted import written_out  # noqa: PLC0415 - most clusters have none

        document = replace(document, requests=written_out(document, state.requests))
    return replace(
        document,
        include=UNSET,
        kubernetes=UNSET,
        defaults=UNSET,
        stores=stores,
        **{section: dict(getattr(merged, section)) or UNSET for section in KINDS},
    )

"""Kubeconfigs: a component's certificate and key, its CAs, and a server, put together in one file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Final

from msgspec.structs import replace

from reconciler.observed.model import Absent
from reconciler.plan.context import Decision, Situation
from reconciler.plan.fetched_files import decide_fetched_kubeconfig
from reconciler.plan.foreign import blocks, foreign, settle
from reconciler.plan.kubeconfig_checks import (
    FILE_ONLY,
    KubeconfigContext,
    awaits,
    extras,
    file_drift,
    follows_component,
    held_by,
    identity_differs,
    is_foreign,
    missing,
    names_changed,
    reissue_requested,
    server_differs,
    trust_differs,
    unreadable,
    unusable_anchors,
)
from reconciler.plan.kubeconfig_names import is_merged
from reconciler.plan.reasons import Action, Finding
from reconciler.plan.rotation.lifecycle import Lifecycle
from reconciler.plan.trust import Anchors, anchors

KUBECONFIG_CHAIN: Final[tuple[Callable[[KubeconfigContext], Iterator[Finding]], ...]] = (
    missing,  # Missing: no file -> create
    unreadable,  # Unreadable: no kubeconfig -> repair
    follows_component,  # OutputStale: its component is issued anew -> repair
    server_differs,  # OutputStale: another server -> repair
    unusable_anchors,  # Unreadable: a file with further anchors -> held back
    trust_differs,  # OutputStale: other CAs -> repair
    identity_differs,  # OutputStale: not its component's certificate and key -> repair
    extras,  # OutputStale: more in it than there should be -> repair
    names_changed,  # OutputStale: other names asked for -> repair
    reissue_requested,  # ReissueRequested: --replace -> repair
    file_drift,  # ModeDrift, OwnerDrift -> repair
)


def decide_kubeconfigs(
    situation: Situation, lives: Mapping[str, Lifecycle], components: Mapping[str, Decision]
) -> Iterator[Decision]:
    """Decides about every kubeconfig that the plan covers, after its component."""
    known: dict[tuple[tuple[str, ...], tuple[str, ...]], Anchors] = {}
    for address, kubeconfig in situation.desired.kubeconfigs.items():
        if not situation.covers(address):
            continue
        if kubeconfig.source is not None:
            fetched = decide_fetched_kubeconfig(kubeconfig, lives, situation)
            if fetched is not None:
                yield fetched
            continue
        sources = (kubeconfig.cas, kubeconfig.files)
        if sources not in known:
            known[sources] = anchors(kubeconfig, lives, situation)
        component = situation.desired.components[kubeconfig.component]
        context = KubeconfigContext(
            desired=kubeconfig,
            component=component,
            authority=lives[component.ca].behind(component, situation.pair(component.address)),
            pair=situation.pair(component.address),
            decision=components.get(component.address),
            found=situation.observed.kubeconfigs.get(address, Absent()),
            wanted=known[sources],
            record=situation.records.get(address),
            observed=situation.observed,
            replace=address in situation.replaced,
        )
        decision = _decide(context, situation, lives, components)
        if decision is not None:
            yield decision


def hold_residents(situation: Situation, components: list[Decision], kubeconfigs: Iterable[Decision]) -> Iterator[Decision]:
    """Holds back components that live in a kubeconfig that may not be written: issuing them would write it."""
    barred = {decision.address for decision in kubeconfigs if decision.blocked and not decision.held_by}
    for decision in components:
        component = situation.desired.components.get(decision.address)
        lives_there = component is not None and component.place is None and component.kubeconfig in barred
        if lives_there and decision.brings and component is not None:
            yield replace(decision, action=Action.NONE, blocked=True, held_by=component.kubeconfig)
        else:
            yield decision


def _decide(
    context: KubeconfigContext, situation: Situation, lives: Mapping[str, Lifecycle], components: Mapping[str, Decision]
) -> Decision | None:
    if context.desired.entries is not None:
        from reconciler.plan.kubeconfig_entries import decide_entries  # noqa: PLC0415 - only kubeconfigs for people have any

        return decide_entries(context, context.desired.entries, situation, lives, components)
    findings = tuple(chain.from_iterable(check(context) for check in KUBECONFIG_CHAIN))
    return _settle(situation, context, findings) if findings else None


def _settle(situation: Situation, context: KubeconfigContext, findings: tuple[Finding, ...]) -> Decision:
    address = context.desired.address
    ours = context.record is not None and not is_merged(context.record.requested)
    if not ours and not situation.may_overwrite(address) and is_foreign(context):
        path = context.desired.place.absolute
        findings = (*findings, foreign(path, "it was not written here and holds something of its own"))
    writes = any(finding.reason not in FILE_ONLY for finding in findings)
    if writes and awaits(context) and not any(blocks(finding) for finding in findings):
        return Decision(address=address, kind="kubeconfig", action=Action.NONE, findings=findings, waits=True)
    return settle(address, "kubeconfig", findings, held_by=held_by(context) if writes else "")

"""The plan: what was found against what is desired, put together in the order in which one decision needs another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

import msgspec
from msgspec.structs import replace

from reconciler.desired.model import DesiredState, parse_address
from reconciler.observed.model import Absent, ObservedState, Served
from reconciler.plan.assemble import resource_change, summarize, valid_until
from reconciler.plan.authorities import Authorities, decide_authorities
from reconciler.plan.bundles import decide_bundles
from reconciler.plan.components import decide_components
from reconciler.plan.context import Decision, Situation
from reconciler.plan.copies import decide_copies
from reconciler.plan.describing import ground_of
from reconciler.plan.digest import digests
from reconciler.plan.document import FORMAT_VERSION, DiagnosticEntry, PlanDocument, RotationEntry, Source
from reconciler.plan.drift import find_drift
from reconciler.plan.guards import hold_mass_change
from reconciler.plan.inventory import Inventory
from reconciler.plan.keypairs import Keypairs, decide_keypairs, tell_keypairs
from reconciler.plan.kubeconfigs import decide_kubeconfigs, hold_residents
from reconciler.plan.leaving import decide_leaving, left_behind
from reconciler.plan.moves import moved
from reconciler.plan.options import Options, desired_addresses, replaced, selected
from reconciler.plan.order import in_order
from reconciler.plan.reasons import Action, Finding
from reconciler.plan.requests import tell_requests
from reconciler.plan.revocation.data import ListPlan
from reconciler.plan.rotation.entry import is_quiet, rotation_entry
from reconciler.plan.rotation.keypair_life import KeypairLife
from reconciler.plan.rotation.lifecycle import Lifecycle
from reconciler.plan.schedule import next_renewal
from reconciler.plan.served import current, tell_served
from reconciler.plan.suspension import hold_suspended, tell_suspended
from reconciler.plan.telling import blocked_authorities, in_reading_order, refused, tell


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What apply does at one address."""

    address: str
    kind: str
    action: Action
    """NONE when only the inventory changes: something is taken over, or has another address."""
    findings: tuple[Finding, ...]
    task: str = ""
    """What is done about a CA or keypair: see `rotation.lifecycle.Task`."""
    importing: bool = False
    previous: str | None = None
    """The address under which our record still stands."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A plan for people and programs, and the same as work."""

    document: PlanDocument
    work: tuple[Work, ...]
    """In the order of work."""
    lives: Mapping[str, Lifecycle]
    """The CAs by name, with their generations."""
    keypairs: Mapping[str, KeypairLife]
    """The keypairs by name, likewise."""
    unsettled: frozenset[str]
    """Addresses whose records this plan says nothing about: they have findings, or the plan does not cover them."""
    lists: Mapping[str, ListPlan] = {}
    """What the revocation lists of each CA should be, by its name."""


def make_plan(
    desired: DesiredState,
    observed: ObservedState,
    inventory: Inventory,
    *,
    now: datetime,
    options: Options,
    source: Source,
    tool_version: str,
    served: Mapping[str, Served] | None = None,
    unready: Mapping[str, str] | None = None,
) -> Plan:
    """Compares and decides. Nothing is generated here: two plans of the same input are the same.

    Args:
        desired: what should be.
        observed: what was found.
        inventory: what we know of having made; may be empty at any time.
        now: the time, aware UTC.
        options: what a person asked of this plan.
        source: where the desired state came from.
        tool_version: version of this program.
        served: what endpoints presented when they were last asked, by address.
        unready: why the readers of an address may not have loaded what is on disk, as a clause: hooks that are owed.

    Raises:
        InvalidOptionError: a target or replacement that is no address.
    """
    records, previous = moved(desired, inventory.records)
    situation = Situation(
        desired=desired,
        observed=observed,
        records=records,
        previous=previous,
        now=now,
        options=options,
        selected=selected(options, desired, records),
        replaced=replaced(options, desired),
        served=current(served or {}, observed.pairs),
        unready=unready or {},
        revoked=inventory.revoked,
    )
    authorities = decide_authorities(situation)
    if _revokes(situation):
        from reconciler.plan.revocation.known import with_revocations  # noqa: PLC0415 - most clusters revoke nothing

        authorities = replace(authorities, lives=with_revocations(situation, authorities.lives))
    keypairs = decide_keypairs(situation)
    decisions, lists, notes = _decide(situation, authorities, keypairs)
    due = next_renewal(situation, authorities.lives, {decision.address: decision for decision in decisions})
    shown = (
        []
        if options.refresh_only
        else in_order([each for each in decisions if each.acts or each.blocked or each.waits], situation)
    )
    ground = ground_of(situation, authorities.lives, keypairs.lives, shown, lists)
    acting = [decision for decision in shown if decision.acts]
    document = PlanDocument(
        format_version=FORMAT_VERSION,
        tool_version=tool_version,
        cluster=desired.cluster,
        source=source,
        resource_changes=[resource_change(decision, ground) for decision in shown],
        resource_drift=find_drift(ground),
        diagnostics=[] if options.refresh_only else in_reading_order(notes),
        rotations=[] if options.refresh_only else _rotations(desired, authorities, keypairs, acting),
        summary=summarize(shown, situation, due),
        valid_until=valid_until(now),
        complete=situation.selected is None,
        options=options.in_effect,
        observed=digests(acting, situation),
    )
    return Plan(
        document=document,
        work=tuple(_work(decision) for decision in acting),
        lives=authorities.lives,
        keypairs=keypairs.lives,
        unsettled=frozenset(decision.address for decision in decisions if decision.findings) | _silent(situation, authorities),
        lists=lists,
    )


def _rotations(
    desired: DesiredState, authorities: Authorities, keypairs: Keypairs, acting: list[Decision]
) -> list[RotationEntry]:
    own = (life for life in authorities.lives.values() if not life.desired.followed)
    lives: tuple[Lifecycle | KeypairLife, ...] = (*own, *keypairs.lives.values())
    if all(is_quiet(life.standing) for life in lives):
        return []
    from reconciler.plan.rotation.kubernetes.step import lines  # noqa: PLC0415 - only while something rotates
    from reconciler.plan.rotation.kubernetes.steps import kubernetes_steps  # noqa: PLC0415

    addresses = {decision.address for decision in acting}
    # What concerns a keypair as a whole is done at its replicas.
    addresses |= {decision.address.partition("[")[0] for decision in acting if decision.kind == "keypair"}
    entries = (
        rotation_entry(
            life.desired.address,
            life.standing,
            acting=frozenset(addresses),
            steps=lines(kubernetes_steps(desired, life.desired.name, life.standing.phase)),
        )
        for life in lives
    )
    return [entry for entry in entries if entry is not None]


def _decide(
    situation: Situation, authorities: Authorities, keypairs: Keypairs
) -> tuple[list[Decision], dict[str, ListPlan], list[DiagnosticEntry]]:
    """All decisions, each after those it depends on; the content of revocation lists; and everything there is to tell."""
    lives = authorities.lives
    # 1. CAs, copies of them, and keypairs: nothing but their parents decides about them.
    decisions = [*authorities.decisions]
    for life in lives.values():
        decisions += decide_copies(situation, life)
    decisions += keypairs.decisions
    # 2. Components; what is suspended, or too much at once, stays as it is before anything follows it.
    components, tripped = hold_mass_change(list(hold_suspended(decide_components(situation, lives), situation)), situation)
    # 3. What is put together from CAs and components.
    kubeconfigs = list(decide_kubeconfigs(situation, lives, {decision.address: decision for decision in components}))
    components = list(hold_residents(situation, components, kubeconfigs))
    decisions += components
    decisions += decide_bundles(situation, lives)
    decisions += kubeconfigs
    # 4. What keeps its files and changes its name or its owner.
    decisions = list(_with_imports_and_moves(situation, decisions))
    # 5. What leaves; then the lists of what was replaced and what has left: reissue first, then revoke.
    leaving, left = decide_leaving(situation)
    leaving = list(hold_suspended(leaving, situation))
    crls, lists, told = _revocation(situation, lives, {decision.address: decision for decision in (*components, *leaving)})
    decisions += crls
    # 6. CAs that should sign and cannot.
    refusals = refused(lives, decisions)
    decisions += blocked_authorities(refusals, decisions)
    decisions = list(hold_suspended([*decisions, *leaving], situation))
    notes = [*authorities.told, *tell_keypairs(situation, keypairs), *tripped, *left, *tell(situation, refusals, decisions)]
    notes += tell_requests(situation)
    notes += [*tell_suspended(decisions, situation), *tell_served(situation)]
    notes += told
    changing = [decision.address for decision in decisions if decision.action is not Action.NONE]
    return decisions, lists, [*notes, *left_behind(situation, dict.fromkeys((*situation.previous, *changing)))]


def _revokes(situation: Situation) -> bool:
    """Whether anything is, was or may be revoked."""
    return bool(situation.desired.crls or situation.desired.revocations or situation.revoked)


def _revocation(
    situation: Situation, lives: Mapping[str, Lifecycle], decisions: Mapping[str, Decision]
) -> tuple[list[Decision], dict[str, ListPlan], list[DiagnosticEntry]]:
    """What becomes of revocation lists, what they should be, and who will notice."""
    if not _revokes(situation):
        return [], {}, []
    from reconciler.plan.revocation.crls import decide_crls  # noqa: PLC0415 - most clusters revoke nothing
    from reconciler.plan.revocation.effect import tell_effects  # noqa: PLC0415
    from reconciler.plan.revocation.known import tell_unusable  # noqa: PLC0415

    crls, lists = decide_crls(situation, lives, decisions)
    signing = {name: life.signing for name, life in lives.items()}
    return crls, lists, [*tell_unusable(situation), *tell_effects(situation, signing, lists)]


def _with_imports_and_moves(situation: Situation, decisions: list[Decision]) -> Iterator[Decision]:
    """Marks decisions with what is imported or moved, and adds one where nothing else happens."""
    decided: set[str] = set()
    importing = {address: path for address, path in situation.desired.imports.items() if _is_imported(situation, address)}
    for decision in decisions:
        decided.add(decision.address)
        yield replace(
            decision,
            importing=importing.get(decision.address, ""),
            previous=situation.previous.get(decision.address),
        )
    for address in {**importing, **situation.previous}:
        if address not in decided and situation.covers(address):
            yield Decision(
                address=address,
                kind=parse_address(address)[0],
                action=Action.NONE,
                findings=(),
                importing=importing.get(address, ""),
                previous=situation.previous.get(address),
            )


def _is_imported(situation: Situation, address: str) -> bool:
    """Whether an import still has something to do: files are there and we have no record of them."""
    if address in situation.records:
        return False
    observed = situation.observed
    pair, bundle, keypair = observed.pairs.get(address), observed.bundles.get(address), observed.keypairs.get(address)
    found = (
        pair.certificate if pair is not None else Absent(),
        bundle.certificates if bundle is not None else Absent(),
        keypair.key if keypair is not None else Absent(),
        observed.kubeconfigs.get(address, Absent()),
    )
    return any(not isinstance(state, Absent) for state in found)


def _silent(situation: Situation, authorities: Authorities) -> frozenset[str]:
    """Addresses outside of this plan, and CAs that cannot sign: what is there says nothing about what we made."""
    outside: frozenset[str] = frozenset()
    if situation.selected is not None:
        outside = frozenset(desired_addresses(situation.desired)) - situation.selected
    return outside | {refusal.address for life in authorities.lives.values() for refusal in life.refusals}


def _work(decision: Decision) -> Work:
    findings = decision.findings
    if decision.waits:
        from reconciler.plan.external.decide import meanwhile  # noqa: PLC0415 - most clusters have no external CA

        findings = meanwhile(findings)
    return Work(
        address=decision.address,
        kind=decision.kind,
        action=decision.action,
        findings=findings,
        task=decision.task,
        importing=bool(decision.importing),
        previous=decision.previous,
    )

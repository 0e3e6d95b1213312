"""One apply from a plan to the last durable record, and the recovery of one that was cut short."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec
from msgspec.structs import replace

from reconciler.apply import engine
from reconciler.apply.audit import AuditLog, Entry
from reconciler.apply.crls import confirmed, remembered, replaced
from reconciler.apply.denials import denials
from reconciler.apply.journal import Journal, open_intents
from reconciler.apply.orphans import revoke_orphans
from reconciler.apply.progress import Listener, Outcome
from reconciler.apply.publishing import pair_problem
from reconciler.apply.records import adopted, settle_rotations
from reconciler.apply.recovery import Recovered, recover
from reconciler.apply.run import Run
from reconciler.apply.state import StateDirectory
from reconciler.apply.withdrawing import withdrawn
from reconciler.desired.diagnostics import Path
from reconciler.desired.model import DesiredState
from reconciler.issuers.keyrings import Keyring
from reconciler.observed.model import ObservedState
from reconciler.plan.build import Plan
from reconciler.plan.inventory import Inventory
from reconciler.stores.space import ensure_space
from reconciler.stores.store import Store
from reconciler.vault.election.leadership import ALONE, Leadership


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """What an apply did."""

    outcome: Outcome
    inventory: Inventory


def apply_plan(
    desired: DesiredState,
    observed: ObservedState,
    inventory: Inventory,
    plan: Plan,
    *,
    state: StateDirectory,
    journal: Journal,
    store: Store,
    keyrings: Mapping[str, Keyring],
    audit: AuditLog,
    clock: Callable[[], datetime],
    where: Callable[[Path], str],
    listen: Listener,
    stop: Callable[[], bool],
    parallelism: int,
    actor: str,
    revision: str = "",
    only: frozenset[str] | None = None,
    leadership: Leadership = ALONE,
) -> Applied:
    """Carries a plan out under the lock, and brings inventory, audit log and journal up to date.

    Args:
        desired: what should be.
        observed: what was found, the ground the plan stands on.
        inventory: the records so far.
        plan: the plan.
        state: the state directory.
        journal: the open, recovered journal.
        store: where the places are.
        keyrings: of the CAs whose keys are not there, by name.
        audit: the audit log.
        clock: the time, asked at each issuance.
        where: place in the document for a path of it.
        listen: hears of every step.
        stop: asked between steps.
        parallelism: how many keys are made at a time.
        actor: who does it.
        revision: the commit that asks for it; empty without one.
        only: addresses of a saved plan; everything else waits.
        leadership: whether this process may act; asked before each step.

    Raises:
        StoreError, StateError: the state directory cannot be written.
    """
    work = [item for item in plan.work if only is None or item.address in only]
    ensure_space(state.path)
    if work and (begun := settle_rotations(inventory.records, plan)) != dict(inventory.records):
        inventory = state.save_inventory(replace(inventory, records=begun))  # before a trust file loses anything
    run = Run(
        desired=desired,
        observed=observed,
        journal=journal,
        store=store,
        keyrings=keyrings,
        records=dict(inventory.records),
        now=clock,
        new_id=lambda: secrets.token_hex(8),
        where=where,
        listen=listen,
        stop=stop,
        parallelism=parallelism,
        actor=actor,
        revision=revision,
        unsettled=frozenset(each.intent.address for each in open_intents(journal.records) if each.intent.asked),
        leadership=leadership,
        lives=plan.lives,
        keypair_lives=plan.keypairs,
        lists=plan.lists,
    )

    def settle() -> None:
        if run.entries:
            audit.append(run.entries)
            run.entries.clear()

    engine.carry_out(run, work, settle=settle)
    records = adopted(desired, observed, run.records, plan.unsettled | frozenset(run.done), plan)
    records = settle_rotations(records, plan)
    saved = inventory
    revoked = (*replaced(run, work, now=clock()), *run.revoked, *inventory.revoked)
    revoked = remembered(withdrawn(run, confirmed(run, revoked)), observed, run.signed_lists.values(), now=clock())
    entries, denied = denials(desired, inventory.denied, now=clock(), actor=actor)
    audit.append(entries)
    kept = (dict(inventory.records), inventory.revoked, inventory.cluster, dict(inventory.denied))
    if (records, revoked, desired.cluster, denied) != kept:
        saved = state.save_inventory(
            Inventory(cluster=desired.cluster, serial=inventory.serial, records=records, revoked=revoked, denied=denied)
        )
    journal.checkpoint()
    return Applied(outcome=run.outcome(), inventory=saved)


def recover_interrupted(
    state: StateDirectory, journal: Journal, *, store: Store, keyrings: Mapping[str, Keyring], now: datetime, actor: str
) -> tuple[str, ...]:
    """Finishes or undoes what an apply that died had in hand.

    Returns:
        A line for people per address, empty when there was nothing to do.
    """
    notes: list[str] = []
    if journal.dropped:
        notes.append(f"The journal was cut short by a crash; its last {journal.dropped} bytes were not whole and are dropped.")
        journal.checkpoint()
    if not journal.records:
        return tuple(notes)
    recovery = recover(journal, store=store, verify=pair_problem, revoke=lambda intent: revoke_orphans(intent, keyrings, store))
    audit = AuditLog(state.audit_path)
    entries = [
        Entry(
            at=now,
            actor=actor,
            operation="recovered" if item.completed else "abandoned",
            address=item.intent.address,
            reasons=item.intent.reasons,
            serial=item.intent.serial,
        )
        for item in recovery.items
    ]
    if entries:
        audit.append(entries)
    if recovery.records:
        inventory = state.load_inventory()
        records = {**inventory.records, **recovery.records}
        state.save_inventory(msgspec.structs.replace(inventory, records=records))
    journal.checkpoint()
    notes += [f"{item.intent.address}: {_told(item)}" for item in recovery.items]
    notes += [f"{intent.address}: an interrupted apply could not be finished yet: {error}" for intent, error in recovery.failed]
    return tuple(notes)


def _told(item: Recovered) -> str:
    """What became of an intent, for people. Of one that a server was asked for, perhaps no apply was interrupted at all."""
    if item.completed:
        return "an interrupted apply was finished"
    if not item.intent.asked:
        return f"an interrupted apply was undone (serial {item.intent.serial or 'none'} was never published)"
    asked = f"what ca.{item.intent.asked} was asked for came to nothing"
    if not item.revoked:
        return f"{asked}, and nothing that it has signed is left"
    return f"{asked}; {item.revoked} certificate{'s' if item.revoked > 1 else ''} that it had signed revoked"

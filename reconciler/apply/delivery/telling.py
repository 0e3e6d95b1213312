"""Hooks that are still owed, for the status document. Decisions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from reconciler.apply.delivery.content import hooks_of
from reconciler.apply.delivery.ledger import Ledger, Obligation
from reconciler.apply.hooks.describing import describe
from reconciler.desired.model import DesiredState
from reconciler.plan.status_document import HookStatus
from reconciler.plan.suspension import is_suspended

SUSPENDED: Final = "It is suspended: its hooks are run when `suspend` is taken out of the desired state."
TURN: Final = "Its turn has not come yet."


def statuses(desired: DesiredState, ledger: Ledger, contents: Mapping[str, str], *, now: datetime) -> list[HookStatus]:
    """Every owner whose hooks are owed, in the order of the desired state.

    Args:
        desired: what should be.
        ledger: what was delivered.
        contents: digests of what is on disk, by owner.
        now: the time, aware: a pause that is over is not told.
    """
    told: list[HookStatus] = []
    for address, content in contents.items():
        entry = ledger.owners.get(address)
        if not content or entry is None or (entry.delivered == content and not _tried(entry, content)):
            continue
        told.append(_status(address, entry, content, desired, now))
    return told


def _tried(entry: Obligation, content: str) -> bool:
    """Whether hooks were run for what is there now, and did not do what they are for."""
    return entry.owed == content and entry.attempts > 0


def _status(address: str, entry: Obligation, content: str, desired: DesiredState, now: datetime) -> HookStatus:
    is_about_now = entry.owed == content
    failing = _tried(entry, content) and not entry.waiting_for
    detail = entry.last_detail if failing else TURN
    if entry.waiting_for:
        detail = f"It waits for {entry.waiting_for}, whose hooks have not succeeded yet."
    if is_suspended(address, desired):
        failing, detail = False, SUSPENDED
    return HookStatus(
        address=address,
        state="failing" if failing else "waiting",
        hook=(entry.at_hook if is_about_now else "") or describe(hooks_of(address, desired)[0]),
        attempts=entry.attempts if is_about_now else 0,
        since=entry.first_owed_at if is_about_now else None,
        next_attempt_at=entry.retry_at if is_about_now and entry.retry_at is not None and entry.retry_at > now else None,
        detail=detail,
        output=entry.last_output if failing else "",
    )

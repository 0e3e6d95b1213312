"""Whose hooks are owed, in which order, and what each still waits for. Decisions.

An owner is owed its hooks while what is on disk is not what was delivered, and also when its process was seen to present
another certificate than the one on disk: then the hooks did not do what they are for.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from reconciler.apply.delivery.content import owner_of, owners
from reconciler.apply.delivery.ledger import Ledger, Obligation
from reconciler.desired.model import Component, DesiredState
from reconciler.observed.model import Certificates, ObservedState, Served
from reconciler.plan.suspension import is_suspended

Why = Literal["changed", "stale"]


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """An owner that is owed its hooks."""

    address: str
    why: Why
    """changed: its files; stale: its process presents something else."""
    group: str = ""
    """The serial group that it is in; empty for none."""
    attempts: int = 0
    """So many were made for this content under this revision."""
    not_before: datetime | None = None
    """When the next may be made; None for now."""

    def is_due(self, now: datetime) -> bool:
        """Whether its pause is over."""
        return self.not_before is None or self.not_before <= now


def turns(
    desired: DesiredState, ledger: Ledger, contents: Mapping[str, str], *, served: Mapping[str, Served], revision: str
) -> tuple[Turn, ...]:
    """Everybody who is owed hooks, in the order in which they are run.

    That is the order of the desired state; the members of a serial group come together, where the first of them stands:
    those that failed before the others, because while one of them does not work no other may be touched.

    Args:
        desired: what should be.
        ledger: what was delivered; an owner that it does not know is owed nothing.
        contents: digests of what is on disk, by owner.
        served: what endpoints present, of what is on disk now.
        revision: of the desired state; a new one ends every pause.
    """
    serial = {member: group for group in desired.groups.values() if group.serial for member in group.members}
    owed = {
        owner.address: _turn(owner.address, why, ledger.of(owner.address), content=contents[owner.address], revision=revision)
        for owner in owners(desired)
        if (why := is_owed(owner.address, ledger, contents, served)) is not None and not is_suspended(owner.address, desired)
    }
    ordered: dict[str, Turn] = {}
    for address, turn in owed.items():
        group = serial.get(address)
        if group is None:
            ordered[address] = turn
            continue
        members = [owed[member] for member in group.members if member in owed]
        for member in sorted(members, key=lambda each: each.attempts == 0):
            ordered[member.address] = msgspec.structs.replace(member, group=group.name)
    return tuple(ordered.values())


def is_owed(address: str, ledger: Ledger, contents: Mapping[str, str], served: Mapping[str, Served]) -> Why | None:
    """Why an owner is owed its hooks; None when it is not."""
    content = contents.get(address, "")
    if not content or address not in ledger.owners:
        return None
    entry = ledger.owners[address]
    if entry.delivered != content:
        return "changed"
    if entry.stale and entry.owed == content:
        return "stale"
    seen = served.get(address)
    return "stale" if seen is not None and seen.state == "stale" else None


def _turn(address: str, why: Why, entry: Obligation, *, content: str, revision: str) -> Turn:
    if is_new(entry, content=content, revision=revision):
        return Turn(address=address, why=why)
    return Turn(address=address, why=why, attempts=entry.attempts, not_before=entry.retry_at)


def is_new(entry: Obligation, *, content: str, revision: str) -> bool:
    """Whether the attempts so far were for something else: other content, or another desired state."""
    return entry.owed != content or entry.revision != revision


def remaining_life(
    address: str, desired: DesiredState, observed: ObservedState, since: datetime, now: datetime
) -> timedelta | None:
    """How long the certificates that may be in use are still valid; None when no end lies ahead.

    Besides the one on disk that is the one before it, which a process may still use: nobody remembers it, and it was
    renewed `renewBefore` ahead of its end.

    Args:
        address: the owner.
        desired: what should be.
        observed: what was found.
        since: when the hooks became owed.
        now: the time.
    """
    owner = owner_of(address, desired)
    component = owner if isinstance(owner, Component) else desired.components.get(getattr(owner, "component", ""))
    if component is None:
        return None
    ends = [since + component.renew_before]
    pair = observed.pairs.get(component.address)
    if pair is not None and isinstance(pair.certificate, Certificates):
        ends.append(pair.certificate.chain[0].not_after)
    ahead = [end - now for end in ends if end > now]
    return min(ahead) if ahead else None

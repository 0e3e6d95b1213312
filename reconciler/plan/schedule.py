"""When the next certificate or revocation list falls due, once a plan is carried out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

import msgspec

from reconciler.desired.model import CA, Component, Crl
from reconciler.observed.model import Certificates
from reconciler.plan.context import Authority, Decision, Situation
from reconciler.plan.order import natural
from reconciler.plan.renewal import earliest_renewal, planned_end, renew_before_of, renewal_due
from reconciler.plan.rotation.lifecycle import Lifecycle


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """An address and the instant from which it is due."""

    at: datetime
    address: str


def next_renewal(situation: Situation, lives: Mapping[str, Lifecycle], decisions: Mapping[str, Decision]) -> Due | None:
    """The earliest of all that will fall due; what is overdue and cannot be renewed is told elsewhere.

    Args:
        situation: what the plan is made from.
        lives: CAs by name.
        decisions: by address.
    """
    first: Due | None = None
    for desired, authority in _certificates(situation, lives):
        decision = decisions.get(desired.address)
        if decision is not None and decision.issues:
            at: datetime | None = _planned(situation, desired, authority)
        else:
            at = _standing(situation, desired, authority, first)
        if at is None or (first is not None and at > first.at):
            continue
        if first is None or at < first.at or natural(desired.address) < natural(first.address):
            first = Due(at=at, address=desired.address)
    lists = (due for crl in situation.desired.crls.values() if (due := _list_due(situation, crl, lives, decisions)))
    return min((first, *lists) if first is not None else lists, key=lambda due: (due.at, natural(due.address)), default=None)


def _list_due(situation: Situation, crl: Crl, lives: Mapping[str, Lifecycle], decisions: Mapping[str, Decision]) -> Due | None:
    """When a revocation list falls due: the one that is there, or the one that this plan signs."""
    from reconciler.plan.revocation.due import falls_due, planned_due  # noqa: PLC0415 - only where there are lists
    from reconciler.plan.revocation.known import by_server  # noqa: PLC0415
    from reconciler.plan.revocation.lists import current_of  # noqa: PLC0415

    life, decision = lives.get(crl.name), decisions.get(crl.address)
    authority = life.signing if life is not None else None
    if authority is None or (decision is not None and decision.blocked):
        return None
    seen = situation.observed.crls.get(crl.address)
    found = (current_of(state, authority) for state in seen.files.values()) if seen is not None else iter(())
    server = by_server(authority)
    if decision is not None and decision.acts:  # for how long a server's will last is its own to say
        at = None if server else planned_due(crl, situation.now, authority.not_after)
    else:
        at = min(
            (due for facts in found if facts and (due := falls_due(crl, facts, authority.not_after, by_server=server))),
            default=None,
        )
    return Due(at=at, address=crl.address) if at is not None and at > situation.now else None


def _certificates(situation: Situation, lives: Mapping[str, Lifecycle]) -> Iterator[tuple[CA | Component, Authority | None]]:
    """Every certificate with the CA that signs it, None for a root's own."""
    for ca in situation.desired.cas.values():
        if ca.followed:
            continue
        above = lives.get(ca.issuer) if ca.issuer is not None else None
        yield ca, above.signing if above is not None else None
    for component in situation.desired.components.values():
        if situation.desired.is_copied(component):
            continue  # whoever issues it renews it
        life = lives.get(component.ca)
        yield component, life.issuing(component) if life is not None else None


def _planned(situation: Situation, desired: CA | Component, authority: Authority | None) -> datetime:
    """Of a certificate that is not there yet: to the hour, so that the same input gives the same plan within one."""
    end = planned_end(situation.now, desired.lifetime, authority.not_after if authority is not None else None)
    return (end - desired.renew_before).replace(minute=0, second=0, microsecond=0)


def _standing(situation: Situation, desired: CA | Component, authority: Authority | None, first: Due | None) -> datetime | None:
    """Of a certificate that stays; None when it cannot be the first, or never falls due because it ends with its CA."""
    found = situation.pair(desired.address).certificate
    if not isinstance(found, Certificates):
        return None
    leaf = found.chain[0]
    renew_before = renew_before_of(desired, leaf)
    if first is not None and earliest_renewal(leaf.not_after, renew_before) > first.at:
        return None
    if authority is not None and authority.not_after is not None and leaf.not_after >= authority.not_after:
        return None
    at = renewal_due(desired.address, leaf, renew_before)
    return at if at > situation.now else None

"""When a revocation list has to be signed again, and until when the next one would last. Decisions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from reconciler.desired.model import Crl
from reconciler.plan.checks_time import LIFETIME_TOLERANCE, instant
from reconciler.plan.renewal import planned_end
from reconciler.x509.facts import CrlFacts

#: A list is signed again when less than this share of its validity is left: two passes in three may fail without an outage.
SHARE_LEFT: Final = 3
_TO_THE_HOUR: Final = timedelta(days=1)


def due_at(crl: Crl, facts: CrlFacts, *, by_server: bool = False) -> datetime | None:
    """From when on a list is signed again; None when it does not say until when it may be relied on.

    A server makes lists that are valid for as long as it is configured to: then the share is one of that.
    """
    if facts.next_update is None:
        return None
    validity = facts.next_update - facts.this_update if by_server else crl.validity
    return (facts.next_update - validity / SHARE_LEFT).replace(microsecond=0)


def falls_due(crl: Crl, facts: CrlFacts, authority_end: datetime | None, *, by_server: bool = False) -> datetime | None:
    """When a list on disk falls due; None when it ends with its CA, so that a new one would last no longer."""
    if facts.next_update is None or (authority_end is not None and facts.next_update >= authority_end):
        return None
    return due_at(crl, facts, by_server=by_server)


def planned_due(crl: Crl, now: datetime, authority_end: datetime | None) -> datetime | None:
    """When the list that a plan signs falls due: to the hour, so that the same input gives the same plan within one."""
    end = planned_end(now, crl.validity, authority_end)
    if authority_end is not None and end >= authority_end:
        return None
    at = (end - crl.validity / SHARE_LEFT).replace(microsecond=0)
    return at.replace(minute=0, second=0) if crl.validity > _TO_THE_HOUR else at


def why_due(
    crl: Crl, facts: CrlFacts, *, now: datetime, authority_end: datetime | None, by_server: bool = False
) -> Iterator[str]:
    """Why a list has to be signed again now, if it has.

    Args:
        crl: what is wanted.
        facts: the list.
        now: the time.
        authority_end: notAfter of the CA.
        by_server: whether a server signs it, by its own configuration: how long it is valid is not ours to say.
    """
    if facts.next_update is None or facts.number is None:
        yield "it does not say until when it may be relied on, or has no number"
        return
    if planned_end(now, crl.validity, authority_end) <= facts.next_update:
        if not by_server and facts.next_update > now + crl.validity + LIFETIME_TOLERANCE:
            yield "it is valid for longer than asked for"
        return
    if now > facts.next_update:
        yield f"it ended on {instant(facts.next_update)}"
    elif (due := due_at(crl, facts, by_server=by_server)) is not None and now >= due:
        yield f"it is due since {instant(due)}"

"""Two words for one address: how far it is from what git says, and whether it does its work. Decisions.

Two thresholds divide the life of a certificate. From `renew_at` on it is OutOfSync and still Healthy: an apply, or the
daemon, renews it in time. When less than a third of renewBefore remains, nobody did, and it is Degraded: late enough
that a daemon at work has long acted, early enough that a person still can.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from reconciler.observed.model import UNREACHABLE
from reconciler.plan.document import Change
from reconciler.plan.reasons import Reason
from reconciler.plan.status_document import Health, Sync
from reconciler.x509.facts import CertificateFacts

#: An unrenewed certificate is Degraded when less than renewBefore divided by this remains.
LATE: Final = 3
#: Reasons with which something cannot do its work now, whatever else holds.
BREAKING: Final = frozenset(
    {
        Reason.UNREADABLE,
        Reason.KEY_MISMATCH,
        Reason.WRONG_ISSUER,
        Reason.CHAIN_BROKEN,
        Reason.NOT_YET_VALID,
        Reason.EXPIRED,
        Reason.OUTLIVES_ISSUER,
        Reason.REVOKED,
        Reason.FOREIGN,
    }
)
#: Words of `observed.model.Unusable` that say nothing about what is there, only that we could not look.
UNSEEN: Final = frozenset({"permission-denied", "io-error", UNREACHABLE})


#: Classes of changes that nothing is done about now, and that are differences all the same.
UNSETTLED: Final = frozenset({"blocked", "waiting"})
#: Classes of what is asked of somebody outside.
ASKED: Final = frozenset({"request", "waiting"})


def sync_of(change: Change | None, problems: frozenset[str]) -> Sync:
    """Whether something is as the desired state says.

    Args:
        change: what the plan says about it; None when nothing.
        problems: words of `Unusable` for the files that belong to it.
    """
    unseen_source = any(reason.path == "source" and reason.current in UNSEEN for reason in change.reasons) if change else False
    if problems & UNSEEN or unseen_source:
        return "Unknown"
    if change is None or (change.actions == ["no-op"] and change.class_ not in UNSETTLED):
        return "Synced"
    return "OutOfSync"


def health_of(
    leaf: CertificateFacts | None,
    change: Change | None,
    *,
    missing: bool,
    unusable: bool,
    renew_before: timedelta,
    now: datetime,
    stale: bool = False,
    suspended: bool = False,
    rotating: bool = False,
) -> Health:
    """Whether something does its work now; of several answers, the worst.

    Args:
        leaf: its certificate, None for what has none or when none was found.
        change: what the plan says about it.
        missing: whether any of its files is not there.
        unusable: whether any of its files cannot be used.
        renew_before: how long before its end a certificate is renewed; ignored without one.
        now: the time; aware.
        stale: whether its process was seen to present another certificate.
        suspended: whether it is looked at and never changed.
        rotating: whether it is a CA or keypair between two generations.
    """
    # What is wrong with the source of a copy does not touch the copy.
    reasons = {reason.code for reason in change.reasons if reason.path != "source"} if change else set()
    # The clock is asked first: whatever the plan says, an expired certificate is never Healthy.
    # RFC 5280 section 4.1.2.5: both ends belong to the time of validity.
    if leaf is not None and not leaf.not_before <= now <= leaf.not_after:
        return "Degraded"
    asked = change is not None and change.class_ in ASKED
    if missing:
        return "Progressing" if asked and leaf is None else "Missing"
    if unusable or reasons & BREAKING:
        return "Degraded"
    if stale or (leaf is not None and leaf.not_after - now < renew_before / LATE):
        return "Degraded"
    if suspended:
        return "Suspended"
    if asked or rotating or Reason.ISSUER_ROTATED in reasons or (change is not None and change.class_ == "rotate"):
        return "Progressing"
    return "Healthy"

"""When a certificate falls due, and until when its successor would last."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from reconciler.desired.model import CA, Component
from reconciler.x509.facts import CertificateFacts

#: Share of renewBefore over which a fleet's renewals are spread.
JITTER_DIVISOR = 10


def renew_before_of(desired: CA | Component, leaf: CertificateFacts) -> timedelta:
    """How long before its end a certificate is renewed: the same share of a life that was made shorter.

    Otherwise one of an hour, where a day was asked for, would be due from its first minute on.
    """
    if not isinstance(desired, Component) or "lifetime" not in desired.accepts:
        return desired.renew_before
    granted = leaf.not_after - leaf.not_before
    return desired.renew_before if granted >= desired.lifetime else desired.renew_before * (granted / desired.lifetime)


def renewal_due(address: str, leaf: CertificateFacts, renew_before: timedelta) -> datetime:
    """The instant from which a certificate is due: notAfter - renewBefore - jitter, in whole seconds.

    The jitter is a hash of address and serial: the same at every look, and different for each certificate of a fleet
    that was issued in one go. It lies within a tenth of renewBefore, and within half of the time before that: a new
    certificate is never due at once. Whole seconds, because a daemon that wakes a fraction early would find nothing due.

    Args:
        address: of the component or CA.
        leaf: its certificate.
        renew_before: how long before its end.
    """
    spare = leaf.not_after - leaf.not_before - renew_before
    window = int(max(timedelta(0), min(renew_before / JITTER_DIVISOR, spare / 2)).total_seconds())
    digest = hashlib.sha256(f"{address}\0{leaf.serial}".encode()).digest()
    jitter = int.from_bytes(digest[:8], "big") % (window + 1)
    return (leaf.not_after - renew_before - timedelta(seconds=jitter)).replace(microsecond=0)


def earliest_renewal(not_after: datetime, renew_before: timedelta) -> datetime:
    """A bound that `renewal_due` never undercuts, without hashing: lets a large fleet be passed over quickly."""
    return not_after - renew_before - renew_before / JITTER_DIVISOR - timedelta(seconds=1)


def planned_end(now: datetime, lifetime: timedelta, authority_end: datetime | None) -> datetime:
    """Until when a certificate issued now would last: its lifetime, never beyond its CA, in whole seconds."""
    end = (now + lifetime).replace(microsecond=0)
    return end if authority_end is None else min(end, authority_end)

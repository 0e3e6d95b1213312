"""Checks of a component's dates. All instants are aware UTC; the clock is the context's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from reconciler.plan import renewal
from reconciler.plan.context import Context
from reconciler.plan.reasons import Action, Finding, Reason

#: What issuers may add to a lifetime without it being another one: back-dating (5 minutes here and in kubeadm) and rounding.
LIFETIME_TOLERANCE: Final = timedelta(hours=1)


def not_yet_valid(context: Context) -> Iterator[Finding]:
    """It begins in the future: nobody accepts it today."""
    leaf = context.leaf
    if leaf is not None and leaf.not_before > context.now:
        yield Finding(
            reason=Reason.NOT_YET_VALID,
            action=Action.REISSUE,
            message=f"it is valid from {instant(leaf.not_before)} on",
            path="not_before",
            current=instant(leaf.not_before),
        )


def expired(context: Context) -> Iterator[Finding]:
    """It has ended (notAfter itself still counts, RFC 5280 section 4.1.2.5)."""
    leaf = context.leaf
    if leaf is not None and context.now > leaf.not_after:
        yield Finding(
            reason=Reason.EXPIRED,
            action=Action.REISSUE,
            message=f"it expired on {instant(leaf.not_after)}",
            path="not_after",
            current=instant(leaf.not_after),
        )


def renewal_due(context: Context) -> Iterator[Finding]:
    """It ends soon enough to be renewed.

    Told, but not acted on, when a new certificate would end no later because the CA does: reissuing it at every look would
    not buy a second.
    """
    leaf, desired, now = context.leaf, context.desired, context.now
    if leaf is None or now > leaf.not_after:
        return
    renew_before = renewal.renew_before_of(desired, leaf)
    if now < renewal.earliest_renewal(leaf.not_after, renew_before):
        return
    due = renewal.renewal_due(desired.address, leaf, renew_before)
    if now < due:
        return
    end = renewal.planned_end(now, desired.lifetime, context.issuing.not_after)
    if end <= leaf.not_after:
        yield Finding(
            reason=Reason.RENEWAL_DUE,
            action=Action.NONE,
            message=f"it ends with {context.issuing.desired.address} on {instant(leaf.not_after)}",
            path="not_after",
            current=instant(leaf.not_after),
        )
        return
    yield Finding(
        reason=Reason.RENEWAL_DUE,
        action=Action.REISSUE,
        message=f"it is due since {instant(due)}",
        path="not_after",
        current=instant(leaf.not_after),
    )


def lifetime_mismatch(context: Context) -> Iterator[Finding]:
    """It lives longer than it should. A longer wish waits for the next renewal.

    Before 1.31 kubeadm gave its certificates the notBefore of their CA: of such a one only the remaining life says something.
    """
    leaf, wanted = context.leaf, context.desired.lifetime
    if leaf is None or leaf.not_after - leaf.not_before <= wanted + LIFETIME_TOLERANCE:
        return
    since = context.now if leaf.not_before == context.authority.not_before else leaf.not_before
    if leaf.not_after - since > wanted + LIFETIME_TOLERANCE:
        yield Finding(
            reason=Reason.LIFETIME_MISMATCH,
            action=Action.REISSUE,
            message="it lives longer than asked for",
            path="lifetime",
            current=span(leaf.not_after - since),
            planned=span(wanted),
        )


def outlives_issuer(context: Context) -> Iterator[Finding]:
    """It ends after its CA: it will fail earlier than it says.

    One that we did not make may: kubeadm cuts none to its CA (pkiutil NewSignedCert), and a new one would last no longer.
    """
    leaf, authority = context.leaf, context.authority
    if leaf is None or authority.certificate is None or context.pair.signed_by != authority.spki or not context.made_here:
        return
    if leaf.not_after > authority.certificate.not_after:
        yield Finding(
            reason=Reason.OUTLIVES_ISSUER,
            action=Action.REISSUE,
            message=f"it ends after {authority.desired.address}, which ends on {instant(authority.certificate.not_after)}",
            path="not_after",
            current=instant(leaf.not_after),
            planned=instant(authority.certificate.not_after),
        )


def instant(value: datetime) -> str:
    """RFC 3339 in UTC with whole seconds, such as ``2027-02-28T12:00:00Z``."""
    return value.strftime("%Y-%m-%dT%H:%M:%SZ")


def span(value: timedelta) -> str:
    """A duration in days and hours, such as ``365d`` or ``10d4h``; below an hour in minutes."""
    minutes = round(value.total_seconds() / 60)
    days, rest = divmod(minutes, 1440)
    hours, minutes = divmod(rest, 60)
    return f"{days}d" * bool(days) + f"{hours}h" * bool(hours) + f"{minutes}m" * (bool(minutes) and not days) or "0m"

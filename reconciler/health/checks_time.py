"""Checks of dates: each certificate once, however many copies of it there are. Decisions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from reconciler.health.context import ROTATING, Context, Copies, is_throw_away
from reconciler.health.effects import effect
from reconciler.health.mends import renew
from reconciler.health.model import HealthFinding, Severity
from reconciler.health.of_certificate import of_certificate
from reconciler.health.words import also_in, instant, subject_of
from reconciler.x509.facts import CertificateFacts

#: Kubelet renews at 70 to 90 % of the lifetime (client-go, certificate_manager.go): what is left then is its own business.
_LEFT_TO_KUBELET: Final = 10
_RENEW_CA: Final = (
    "renew the CA with the same key, or rotate it, and bring its new certificate to every bundle and kubeconfig; "
    "kubeadm renews no CAs, `cluster-pki` does once the cluster is adopted"
)
#: Who makes a CA and its certificates in one go, each for as many days, gets certificates that end a little later.
_AT_ONCE: Final = timedelta(days=1)
_SUPERSEDED: Final = "nothing: valid CAs stand beside it and nothing that is valid was signed by it"


def expired(context: Context) -> Iterator[HealthFinding]:
    """A certificate has ended (notAfter itself still counts, RFC 5280 section 4.1.2.5)."""
    for copies in _judged(context):
        facts = copies.facts
        if context.now <= facts.not_after:
            continue
        message = f"{subject_of(facts)} expired on {instant(facts.not_after)}{also_in(copies)}"
        if _is_superseded(context, copies):
            yield of_certificate("CPK604", "notice", copies, message, breaks=_SUPERSEDED, mend="remove it from the bundle")
        else:
            severity: Severity = "error" if copies.used else "warning"
            yield of_certificate("CPK604", severity, copies, message, breaks=_breaks(copies), mend=_mend(copies))


def expires_soon(context: Context) -> Iterator[HealthFinding]:
    """A certificate ends within the limit for leaves, or a CA within that for CAs, which take longer to replace."""
    for copies in _judged(context):
        facts = copies.facts
        left = facts.not_after - context.now
        if left < timedelta() or left > _limit(context, copies) or _is_superseded(context, copies):
            continue
        yield of_certificate(
            "CPK605",
            "error" if copies.used and left <= context.limits.expiring else "warning",
            copies,
            f"{subject_of(facts)} expires on {instant(facts.not_after)}, {_in_days(left)}{also_in(copies)}",
            breaks=_breaks(copies),
            mend=_mend(copies),
            when=facts.not_after,
        )


def not_yet_valid(context: Context) -> Iterator[HealthFinding]:
    """A certificate begins in the future: nobody accepts it today."""
    for copies in _judged(context):
        facts = copies.facts
        if facts.not_before > context.now:
            yield of_certificate(
                "CPK606",
                "error" if copies.used else "warning",
                copies,
                f"{subject_of(facts)} is not valid before {instant(facts.not_before)}{also_in(copies)}",
                breaks=f"until then {_breaks(copies)}",
                mend="set the clock of the machine that issued it right, or issue it again with a notBefore that has passed",
            )


def ends_after_ca(context: Context) -> Iterator[HealthFinding]:
    """A certificate ends long after every CA that signed it; told of the CA instead once that ends soon."""
    for copies in _judged(context):
        facts = copies.facts
        issuers = context.issuers(facts)
        last = max(issuers, key=lambda issuer: issuer.not_after, default=facts)
        if facts.not_after - last.not_after > _AT_ONCE and last.not_after > context.now + context.limits.ca_expiring:
            yield of_certificate(
                "CPK607",
                "warning",
                copies,
                f"{subject_of(facts)} ends on {instant(facts.not_after)}, after its CA {subject_of(last)}, "
                f"which ends on {instant(last.not_after)}",
                breaks=f"it ends with its CA, earlier than it says: {_breaks(copies)}",
                mend="issue it again with an end that is not after the CA's, or renew the CA first",
                when=last.not_after,
            )


def _judged(context: Context) -> Iterator[Copies]:
    """What somebody may rely on: not the certificate that kubelet signs for itself, which has a check of its own."""
    for copies in context.certificates:
        if not all(is_throw_away(context, place) for place in copies.places):
            yield copies


def _limit(context: Context, copies: Copies) -> timedelta:
    facts = copies.facts
    if facts.is_ca:
        return max(context.limits.ca_expiring, context.limits.expiring)
    if any(ROTATING.search(place.path) for place in copies.places):
        return min(context.limits.expiring, (facts.not_after - facts.not_before) / _LEFT_TO_KUBELET)
    return context.limits.expiring


def _is_superseded(context: Context, copies: Copies) -> bool:
    """Whether a CA that has ended, or ends, lies only beside ones that go on, and nothing that is valid needs it."""

    def valid(facts: CertificateFacts) -> bool:
        return facts != copies.facts and facts.not_before <= context.now <= facts.not_after

    if not copies.facts.is_ca:
        return False
    for each in context.certificates:
        issuers = context.issuers(each.facts)
        if copies.facts in issuers and valid(each.facts) and not any(map(valid, issuers)):
            return False
    return all(not place.presented and any(map(valid, place.chain)) for place in copies.places)


def _breaks(copies: Copies) -> str:
    if copies.facts.is_ca:
        return "everything that it signed is refused from then on: servers, clients and nodes lose each other"
    return effect(use for place in copies.places for use in place.uses)


def _mend(copies: Copies) -> str:
    return _RENEW_CA if copies.facts.is_ca else renew(copies.main)


def _in_days(left: timedelta) -> str:
    days = left // timedelta(days=1)
    return f"in {days} day{'s' * (days != 1)}" if days else "today"

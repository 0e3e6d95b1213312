"""What came back from an external CA against what is wanted: it is judged by the checks that it will be judged by afterwards.

So what is published leaves nothing for the next plan to find, and nothing is asked for twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from msgspec.structs import replace

from reconciler.observed.model import Certificates, Key, ObservedPair, ObservedRequest, Returned
from reconciler.plan import checks_pair as pair
from reconciler.plan import checks_time as time
from reconciler.plan.accepted import is_accepted
from reconciler.plan.checks_time import instant, span
from reconciler.plan.context import Context
from reconciler.plan.reasons import Action, Finding, Reason
from reconciler.x509.constraints import violation
from reconciler.x509.facts import CertificateFacts

#: Below this share of the lifetime that was asked for a certificate is a shorter one; days are rounded everywhere.
_ENOUGH: Final = 0.9


def too_short(context: Context) -> Iterator[Finding]:
    """It lives shorter than asked for, and its CA would outlive it: nobody notices before it ends."""
    leaf, wanted = context.leaf, context.desired.lifetime
    if leaf is None:
        return
    end = context.issuing.not_after
    asked = wanted if end is None else min(wanted, end - leaf.not_before)
    found = leaf.not_after - leaf.not_before
    if found < asked * _ENOUGH:
        yield Finding(
            reason=Reason.LIFETIME_MISMATCH,
            action=Action.REISSUE,
            message="it lives shorter than asked for",
            path="lifetime",
            current=span(found),
            planned=span(asked),
        )


def outside_constraints(context: Context) -> Iterator[Finding]:
    """It holds names that its CA may not certify: verifiers refuse it."""
    authority = context.issuing.certificate
    if context.leaf is None or authority is None or authority.name_constraints is None:
        return
    limits = authority.name_constraints
    if outside := [san for san in context.leaf.sans if violation(limits.permitted, limits.excluded, san)]:
        yield Finding(
            reason=Reason.SAN_MISMATCH,
            action=Action.REISSUE,
            message="its CA may not certify these names (name constraints)",
            path="sans",
            current=", ".join(outside),
        )


#: Everything that makes a certificate another one than was asked for; asked once its key is known to be right.
_CHECKS: Final[tuple[Callable[[Context], Iterator[Finding]], ...]] = (
    pair.wrong_issuer,  # another key signed it
    pair.subject_mismatch,  # subject
    pair.san_mismatch,  # names
    outside_constraints,  # names beyond the CA's name constraints
    pair.usage_mismatch,  # usages, or a CA's
    pair.weak_signature,  # SHA-1 or MD5
    time.not_yet_valid,  # begins in the future
    time.expired,  # has ended
    too_short,  # lifetime, downwards
    time.lifetime_mismatch,  # lifetime, upwards
    time.outlives_issuer,  # ends after its CA
    time.renewal_due,  # would fall due at once
    pair.revoked,  # its serial is revoked
)


def unfit(context: Context, seen: ObservedRequest) -> tuple[Finding, ...]:
    """Why an answer must not be published; empty when it may be.

    Args:
        context: the component as its checks see it.
        seen: what stands beside it; the answer is a certificate.
    """
    answer, key = seen.answer, seen.key
    if not isinstance(answer, Returned) or not isinstance(key, Key):
        return ()
    leaf = answer.leaf
    if leaf.spki_sha256 != key.facts.spki_sha256:
        message = "it is for another key than the request, such as an earlier one's"
        return (_unfit("key", message, f"sha256:{leaf.spki_sha256}", f"sha256:{key.facts.spki_sha256}"),)
    looked = replace(
        context,
        authority=context.issuing,
        pair=ObservedPair(
            certificate=Certificates(chain=(leaf,), meta=key.meta), key=key, owned=True, signed_by=answer.signed_by
        ),
        leaf=leaf,
        key=key.facts,
        record=None,
        replace=False,
    )
    found = (finding for check in _CHECKS for finding in check(looked))
    return tuple(
        _unfit(each.path, _message(each, looked), each.current, each.planned)
        for each in found
        if each.action > Action.NONE and (_is_authority(each, leaf) or not is_accepted(each, looked))
    )


def _is_authority(finding: Finding, leaf: CertificateFacts) -> bool:
    """Whether it could act as a CA, which nobody accepts."""
    return finding.reason == Reason.USAGE_MISMATCH and (leaf.is_ca or "cert sign" in leaf.key_usages)


def _message(finding: Finding, looked: Context) -> str:
    """In the words of somebody who looks at what came back, rather than at what is in use."""
    leaf = looked.leaf
    if finding.reason == Reason.RENEWAL_DUE and leaf is not None:
        return f"it ends on {instant(leaf.not_after)}, and would be due for renewal at once"
    if finding.reason == Reason.SAN_MISMATCH and finding.planned is not None:
        return "the names are others"
    return finding.message


def _unfit(path: str, message: str, current: str | None, planned: str | None) -> Finding:
    return Finding(reason=Reason.ANSWER_UNFIT, action=Action.NONE, message=message, path=path, current=current, planned=planned)

"""What a server may grant otherwise than it was asked, because the desired state accepts it: no finding, and never a loop.

A certificate that was granted for exactly what is still asked is what one gets. Who lost the records asks for nothing anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from reconciler.desired.model import Component
from reconciler.plan.context import Context
from reconciler.plan.reasons import Finding, Reason

#: By the words of `accept` in the desired state.
_REASONS: Final[Mapping[Reason, str]] = MappingProxyType(
    {
        Reason.SUBJECT_MISMATCH: "subject",
        Reason.SAN_MISMATCH: "sans",
        Reason.USAGE_MISMATCH: "usages",
        Reason.LIFETIME_MISMATCH: "lifetime",
    }
)


def request_digest(component: Component) -> str:
    """SHA-256 over what is asked for, without dates and serial: the same desired component gives the same digest."""
    asked = (
        str(component.subject),
        sorted(component.sans),
        component.usages,
        component.key_usages,
        component.key.value,
        int(component.lifetime.total_seconds()),
        component.ca,
    )
    return hashlib.sha256(msgspec.json.encode(asked)).hexdigest()


def is_accepted(finding: Finding, context: Context) -> bool:
    """Whether a difference is one that the issuer of a component may make, in a certificate that was asked for like this."""
    word, desired, record = _REASONS.get(finding.reason), context.desired, context.record
    if word not in desired.accepts or context.leaf is None:
        return False
    return record is None or (record.fingerprint, record.requested) == (context.leaf.fingerprint, request_digest(desired))

"""What descriptions of changes are made from and of: data only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from reconciler.plan.context import Authority, Decision, Situation

Attributes = dict[str, Any]


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """What a description looks at."""

    situation: Situation
    authorities: Mapping[str, Authority]
    """CAs by name."""
    issuers: Mapping[str, str]
    """Addresses of CAs by the SHA-256 of their public key."""
    issuing: frozenset[str]
    """Components that get a new certificate."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Attributes before and after, and which of them only apply will know."""

    before: Attributes | None
    after: Attributes | None
    unknown: Attributes = msgspec.field(default_factory=dict)


def ground_of(situation: Situation, authorities: Mapping[str, Authority], decisions: Iterable[Decision]) -> Ground:
    """Puts together what descriptions look at."""
    return Ground(
        situation=situation,
        authorities=authorities,
        issuers={each.spki: each.desired.address for each in authorities.values() if each.spki},
        issuing=frozenset(decision.address for decision in decisions if decision.issues),
    )

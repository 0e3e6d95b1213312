"""What descriptions of changes are made from and of: data only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from reconciler.plan.context import Decision, Situation
from reconciler.plan.revocation.data import ListPlan
from reconciler.plan.rotation.keypair_life import KeypairLife
from reconciler.plan.rotation.lifecycle import Lifecycle

Attributes = dict[str, Any]


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """What a description looks at."""

    situation: Situation
    lives: Mapping[str, Lifecycle]
    """CAs by name."""
    keypairs: Mapping[str, KeypairLife]
    """Keypairs by name; without those that have no key."""
    issuers: Mapping[str, str]
    """Addresses of CAs by the SHA-256 of their public key."""
    issuing: frozenset[str]
    """Components that get another certificate."""
    lists: Mapping[str, ListPlan] = {}
    """What the revocation lists of CAs should be, by CA name."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Attributes before and after, and which of them only apply will know."""

    before: Attributes | None
    after: Attributes | None
    unknown: Attributes = msgspec.field(default_factory=dict)


def ground_of(
    situation: Situation,
    lives: Mapping[str, Lifecycle],
    keypairs: Mapping[str, KeypairLife],
    decisions: Iterable[Decision],
    lists: Mapping[str, ListPlan],
) -> Ground:
    """Puts together what descriptions look at."""
    return Ground(
        situation=situation,
        lives=lives,
        keypairs=keypairs,
        issuers={key: life.desired.address for life in lives.values() for key in life.keys},
        issuing=frozenset(decision.address for decision in decisions if decision.brings),
        lists=lists,
    )

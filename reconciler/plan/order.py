"""The order of work: what is signed with comes first, and names count as people count."""

from __future__ import annotations

import re
from typing import Final

from reconciler.desired.model import parse_address
from reconciler.plan.context import Decision, Situation
from reconciler.plan.reasons import Action

#: CAs sign components, components and CAs go into bundles and kubeconfigs; what is replaced is revoked after that.
RANKS: Final = {"ca": 0, "keypair": 1, "component": 2, "request": 3, "bundle": 4, "kubeconfig": 5, "crl": 6}

_DIGITS: Final = re.compile(r"([0-9]+)")


def natural(address: str) -> tuple[tuple[int, int, str], ...]:
    """A key by which ``cp-2`` comes before ``cp-10``. Ends with the text, so that no two addresses share one."""
    parts = ((0, int(part), "") if part.isdigit() else (1, 0, part) for part in _DIGITS.split(address) if part)
    return (*parts, (2, 0, address))


def in_order(decisions: list[Decision], situation: Situation) -> list[Decision]:
    """Decisions in the order of work: CAs from the root down, then keypairs, components, bundles, kubeconfigs.

    Then what leaves, in reverse: a kubeconfig before its component, a component before its CA. Revocation lists come last:
    they name what was replaced and what has left.
    """
    depths = _depths(situation)

    def key(decision: Decision) -> tuple[int, int, int, tuple[tuple[int, int, str], ...]]:
        rank = RANKS.get(decision.kind, len(RANKS))
        if decision.action in {Action.DESTROY, Action.FORGET}:
            return (1, -rank, 0, natural(decision.address))
        if decision.kind == "crl":
            return (2, rank, 0, natural(decision.address))
        depth = depths.get(parse_address(decision.address)[1], 0) if decision.kind == "ca" else 0
        return (0, rank, depth, natural(decision.address))

    return sorted(decisions, key=key)


def _depths(situation: Situation) -> dict[str, int]:
    depths: dict[str, int] = {}
    for name, ca in situation.desired.cas.items():
        above, parent = 0, ca.issuer
        while parent is not None:
            above, parent = above + 1, situation.desired.cas[parent].issuer
        depths[name] = above
    return depths

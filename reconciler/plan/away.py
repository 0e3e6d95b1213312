"""Servers that cannot be asked now: told once each, with everything that has to wait for them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

from reconciler.observed.model import UNREACHABLE
from reconciler.plan.document import DiagnosticEntry
from reconciler.plan.order import natural
from reconciler.plan.reasons import Finding, Reason

_MEANWHILE: Final = (
    "What is there stays as it is, and whatever rests on it waits; everything else goes on. The next run asks again."
)


def why_away(finding: Finding) -> str:
    """Why a server could not be asked, when that is what a finding is about; empty otherwise."""
    if finding.reason != Reason.UNREADABLE or finding.current != UNREACHABLE:
        return ""
    return finding.message.partition(": ")[2].removesuffix(f" ({UNREACHABLE})")


def tell_away(waiting: Iterable[tuple[Finding, Iterable[str]]]) -> Iterator[DiagnosticEntry]:
    """One entry for each reason why a server cannot be asked.

    What a token lacks at many paths is one reason, told with the first of them.

    Args:
        waiting: findings, each with the addresses about which nothing is done because of it; others than those about
            servers are passed over.
    """
    held: defaultdict[str, set[str]] = defaultdict(set)
    whys: dict[str, str] = {}
    for finding, addresses in waiting:
        if why := why_away(finding):
            reason = why.partition("; ")[0]
            held[reason].update(addresses)
            whys.setdefault(reason, why)
    for reason, found in held.items():
        yield DiagnosticEntry(
            severity="error",
            code=UNREACHABLE,
            summary=whys[reason],
            detail=_MEANWHILE,
            address=min(found, key=natural),
            held_back=sorted(found, key=natural),
        )

"""What running processes present, against what is on disk. Decisions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.observed.model import Certificates, ObservedPair, Served
from reconciler.plan.context import Situation
from reconciler.plan.document import DiagnosticEntry
from reconciler.plan.order import natural


def current(served: Mapping[str, Served], pairs: Mapping[str, ObservedPair]) -> dict[str, Served]:
    """The results that are still about what is on disk: after a change an endpoint has to be asked again."""
    return {
        address: result
        for address, result in served.items()
        if (pair := pairs.get(address)) is not None
        and isinstance(pair.certificate, Certificates)
        and pair.certificate.chain[0].fingerprint == result.expected
    }


def tell_served(situation: Situation) -> Iterator[DiagnosticEntry]:
    """A warning for each process that does not present the certificate that is on disk."""
    for address, result in sorted(situation.served.items(), key=lambda item: natural(item[0])):
        if result.state == "ok" or address not in situation.desired.components or not situation.covers(address):
            continue
        if result.state == "stale":
            summary = f"{address} is on disk, and {result.endpoint} serves another certificate"
            detail = f"{result.detail} Its hooks are run again until it serves the new one; without hooks, restart it."
        else:
            summary = f"{result.endpoint} cannot be asked what it serves for {address}"
            detail = result.detail
        yield DiagnosticEntry(
            severity="warning", code=f"served-{result.state}", summary=summary, detail=detail.strip(), address=address
        )

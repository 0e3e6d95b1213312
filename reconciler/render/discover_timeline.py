"""What expires when, of a discovery: its certificates as the timeline of every page takes them."""

from __future__ import annotations

from datetime import datetime

from reconciler.health.document import DiscoveryDocument, InventoryEntry
from reconciler.plan.status_document import FORMAT_VERSION, FilePaths, ResourceStatus, StatusDocument, StatusSummary
from reconciler.render.discover_groups import is_alias, links_of
from reconciler.render.timeline import render_timeline


def render_discovery_timeline(document: DiscoveryDocument, *, now: datetime) -> str:
    """The timeline as HTML: one row a path, however many nodes have it; empty when there is no certificate.

    Args:
        document: the discovery.
        now: the time, aware.
    """
    # What a kubeconfig trusts is a copy of a CA that has a row of its own.
    links = links_of(document.inventory)
    shown = [
        row
        for row in document.inventory
        if row.kind in ("ca", "certificate") and not row.within.startswith("clusters[") and not is_alias(row, links)
    ]
    status = StatusDocument(
        format_version=FORMAT_VERSION,
        cluster=document.cluster,
        at=document.at,
        summary=StatusSummary(),
        resources=[_resource(row) for row in shown],
    )
    return render_timeline(status, now=now, renews=False)


def _resource(row: InventoryEntry) -> ResourceStatus:
    return ResourceStatus(
        address=f"{row.path}[{row.node}]",
        type="ca" if row.kind == "ca" else "component",
        sync="OutOfSync" if row.state == "expiring" or row.severity == "warning" else "Synced",
        health="Degraded" if row.severity == "error" else "Healthy",
        paths=FilePaths(certificate=row.path),
        fingerprint=row.fingerprint,
        not_after=row.not_after,
    )

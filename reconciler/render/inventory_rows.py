"""The certificate spreadsheet as rows: one a certificate, in the words of whoever has to keep such a list."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from reconciler.plan.status_document import ResourceStatus, StatusDocument
from reconciler.render.states import Alarm, alarm, state


class InventoryRow(msgspec.Struct, frozen=True, kw_only=True):
    """One certificate, or the place where one is missing."""

    path: str
    """The file that holds it."""
    component: str
    """Its address."""
    node: str | None
    subject: str | None
    sans: list[str]
    organizations: list[str]
    issuer: str | None
    key: str | None
    serial: str | None
    expiry: datetime | None
    days_left: int | None
    renew_at: datetime | None
    state: str
    alarm: Alarm


class InventoryTable(msgspec.Struct, frozen=True, kw_only=True):
    """All certificates of a cluster."""

    cluster: str
    at: datetime
    certificates: list[InventoryRow]


def inventory_of(document: StatusDocument) -> InventoryTable:
    """The spreadsheet of a status: CAs, their copies and components; what holds no certificate is left out."""
    return InventoryTable(cluster=document.cluster, at=document.at, certificates=list(_rows(document)))


def _rows(document: StatusDocument) -> Iterator[InventoryRow]:
    for row in document.resources:
        if row.type in ("ca", "component", "request") and row.approval in (None, "approved"):
            yield _row(row)


def _row(row: ResourceStatus) -> InventoryRow:
    return InventoryRow(
        path=row.paths.certificate or row.paths.kubeconfig or "",
        component=row.address,
        node=row.node,
        subject=row.subject,
        sans=row.sans,
        organizations=row.organizations,
        issuer=row.issuer,
        key=row.key,
        serial=row.serial,
        expiry=row.not_after,
        days_left=row.days_left,
        renew_at=row.renew_at,
        state=state(row),
        alarm=alarm(row),
    )

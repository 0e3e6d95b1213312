"""A small cluster whose certificates are in every state, as a status document."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from reconciler.plan.status_document import FORMAT_VERSION, FilePaths, ResourceStatus, StatusDocument, StatusSummary

NOW: Final = datetime(2026, 11, 20, 10, 0, 0, tzinfo=UTC)

HEALTHY: Final = ResourceStatus(
    address="component.apiserver[cp-1]",
    type="component",
    node="cp-1",
    sync="Synced",
    health="Healthy",
    paths=FilePaths(certificate="/etc/kubernetes/pki/apiserver.crt", key="/etc/kubernetes/pki/apiserver.key"),
    subject="CN=kube-apiserver",
    sans=["dns:kubernetes", "ip:10.96.0.1"],
    usages=["server auth"],
    key="ecdsa-p256",
    serial="1f6a09",
    fingerprint="ab" * 32,
    issuer="ca.kubernetes",
    ski="cd" * 20,
    not_before=NOW - timedelta(days=100),
    not_after=NOW + timedelta(days=265),
    renew_at=NOW + timedelta(days=234),
    days_left=265,
    generation=1,
)
EXPIRED: Final = ResourceStatus(
    address="component.jane",
    type="component",
    sync="OutOfSync",
    health="Degraded",
    paths=FilePaths(certificate="/users/jane.crt", key="/users/jane.key", pkcs12="/users/jane.p12"),
    subject="CN=jane, O=dev, O=ops",
    organizations=["dev", "ops"],
    usages=["client auth"],
    key="rsa-2048",
    serial="77b2",
    fingerprint="ef" * 32,
    issuer="CN=Old CA",
    not_before=NOW - timedelta(days=400),
    not_after=NOW - timedelta(days=3),
    renew_at=NOW - timedelta(days=33),
    days_left=-3,
    generation=1,
    reasons=["WrongIssuer", "Expired"],
)
DUE: Final = ResourceStatus(
    address="ca.etcd",
    type="ca",
    sync="OutOfSync",
    health="Healthy",
    paths=FilePaths(certificate="/authority/etcd/ca.crt", key="/authority/etcd/ca.key"),
    subject="CN=etcd-ca",
    key="ecdsa-p256",
    serial="1",
    fingerprint="12" * 32,
    issuer="ca.etcd",
    not_before=NOW - timedelta(days=3300),
    not_after=NOW + timedelta(days=300),
    renew_at=NOW - timedelta(days=60),
    days_left=300,
    generation=2,
    reasons=["RenewalDue"],
)
MISSING: Final = ResourceStatus(
    address="component.admin",
    type="component",
    sync="OutOfSync",
    health="Missing",
    paths=FilePaths(kubeconfig="/etc/kubernetes/admin.conf"),
    generation=1,
    reasons=["Missing"],
)
BUNDLE: Final = ResourceStatus(
    address="bundle.kubernetes[w-1]",
    type="bundle",
    node="w-1",
    sync="Unknown",
    health="Degraded",
    paths=FilePaths(bundle="/etc/kubernetes/pki/ca-bundle.crt"),
    reasons=["Unreadable"],
)
KEYPAIR: Final = ResourceStatus(
    address="keypair.sa",
    type="keypair",
    sync="Synced",
    health="Healthy",
    paths=FilePaths(key="/etc/kubernetes/pki/sa.key", public_key="/etc/kubernetes/pki/sa.pub"),
    key="rsa-2048",
    generation=1,
)


def status(*resources: ResourceStatus) -> StatusDocument:
    """A status document of these rows, all of the above by default."""
    rows = list(resources) or [DUE, KEYPAIR, HEALTHY, EXPIRED, MISSING, BUNDLE]
    return StatusDocument(
        format_version=FORMAT_VERSION,
        cluster="demo",
        at=NOW,
        summary=StatusSummary(
            total=len(rows),
            synced=sum(row.sync == "Synced" for row in rows),
            out_of_sync=sum(row.sync == "OutOfSync" for row in rows),
            unknown=sum(row.sync == "Unknown" for row in rows),
            healthy=sum(row.health == "Healthy" for row in rows),
            degraded=sum(row.health == "Degraded" for row in rows),
            missing=sum(row.health == "Missing" for row in rows),
            next_renewal=HEALTHY.renew_at,
            next_renewal_address=HEALTHY.address,
        ),
        resources=rows,
    )

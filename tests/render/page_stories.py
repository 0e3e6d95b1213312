"""Clusters to look at: everything well, much that is wrong, and ten thousand certificates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from msgspec.structs import replace

from reconciler.plan.status_document import (
    FORMAT_VERSION,
    Condition,
    ConditionStatus,
    FilePaths,
    HookStatus,
    PassStatus,
    PlannedChange,
    ReconcilerStatus,
    ResourceStatus,
    SourceStatus,
    StatusDocument,
    StatusSummary,
)

NOW: Final = datetime(2026, 11, 20, 10, 0, 0, tzinfo=UTC)
DAY: Final = timedelta(days=1)
HOUR: Final = timedelta(hours=1)
REVISION: Final = "4f2c9e1b7a60d5c3e8f1029384756abcdef01234"
NEWER: Final = "90ab12cd34ef56789012345678901234567890ab"


def certificate(
    address: str,
    *,
    life: timedelta = 365 * DAY,
    left: timedelta = 265 * DAY,
    before: timedelta = 30 * DAY,
    **fields: Any,  # noqa: ANN401 - fields of any type
) -> ResourceStatus:
    """A healthy certificate.

    Args:
        address: of a CA or component.
        life: how long it lives altogether.
        left: how long it still lives; negative when it has expired.
        before: how long before its end it falls due.
        fields: what is different.
    """
    kind, _, name = address.partition(".")
    base = name.partition("[")[0]
    path = f"/etc/kubernetes/pki/{base}"
    found = ResourceStatus(
        address=address,
        type=kind,
        sync="Synced",
        health="Healthy",
        paths=FilePaths(certificate=f"{path}.crt", key=f"{path}.key"),
        subject=f"CN={base}",
        key="ecdsa-p256",
        serial=f"{abs(hash_of(address)):x}",
        fingerprint=f"{abs(hash_of(address)):064x}",
        issuer="ca.kubernetes",
        not_before=NOW + left - life,
        not_after=NOW + left,
        renew_at=NOW + left - before,
        days_left=left // DAY,
        generation=1,
    )
    return replace(found, **fields)


def hash_of(name: str) -> int:
    """A number that is the same in every run."""
    return int.from_bytes(name.encode()[-24:], "big") % (1 << 62)


def document(rows: Sequence[ResourceStatus], **fields: Any) -> StatusDocument:  # noqa: ANN401 - fields of any type
    """A status of these rows."""
    sync, health = Counter(row.sync for row in rows), Counter(row.health for row in rows)
    due = min(((row.renew_at, row.address) for row in rows if row.renew_at), default=(None, None))
    summary = StatusSummary(
        total=len(rows),
        synced=sync["Synced"],
        out_of_sync=sync["OutOfSync"],
        unknown=sync["Unknown"],
        healthy=health["Healthy"],
        progressing=health["Progressing"],
        degraded=health["Degraded"],
        missing=health["Missing"],
        suspended=health["Suspended"],
        next_renewal=due[0],
        next_renewal_address=due[1],
    )
    base = StatusDocument(format_version=FORMAT_VERSION, cluster="prod-eu-1", at=NOW, summary=summary, resources=list(rows))
    return replace(base, **fields)


def condition(kind: str, status: ConditionStatus, reason: str, message: str, *, hours: float = 3) -> Condition:
    """A condition that has held for some hours."""
    since = NOW - timedelta(hours=hours)
    return Condition(type=kind, status=status, reason=reason, message=message, last_transition_time=since)


def reconciler(**last: Any) -> ReconcilerStatus:  # noqa: ANN401 - fields of any type
    """A running reconciler; `last` is what is different about its last pass."""
    at = NOW - timedelta(minutes=2)
    one = PassStatus(started_at=at, finished_at=at + timedelta(seconds=1), result="noop", trigger="interval", revision=REVISION)
    return ReconcilerStatus(
        version="0.1.0",
        started_at=NOW - 12 * DAY,
        pid=214,
        node="cp-1",
        passes=3471,
        last_pass=replace(one, **last),
        last_success_at=NOW - timedelta(minutes=2),
        next_pass_at=NOW + timedelta(minutes=3),
        next_pass_why="interval",  # noqa: S106 - a reason
    )


SOURCE: Final = SourceStatus(
    kind="git",
    location="/srv/git/prod-pki",
    path="clusters/prod-eu-1/cluster-pki.yaml",
    ref="refs/heads/main",
    last_applied_revision=REVISION,
    last_attempted_revision=REVISION,
    signer="jane@example.com (SHA256:Tq0l3vC1dZkSxP1u8bB6u1h9mJ5Yk2sVb1m0uGq6Vn0)",
)
AUTHORITIES: Final = (
    certificate("ca.kubernetes", life=3650 * DAY, left=3200 * DAY, before=365 * DAY, issuer="ca.kubernetes", generation=2),
    certificate("ca.etcd", life=3650 * DAY, left=3200 * DAY, before=365 * DAY, issuer="ca.etcd"),
    certificate("ca.front-proxy", life=3650 * DAY, left=2900 * DAY, before=365 * DAY, issuer="ca.front-proxy"),
)
NODES: Final = ("cp-1", "cp-2", "cp-3")
LEAVES: Final = tuple(
    certificate(f"component.{name}[{node}]", left=(200 + 17 * index + 3 * number) * DAY, issuer=f"ca.{issuer}", node=node)
    for number, (name, issuer) in enumerate(
        (
            ("apiserver", "kubernetes"), ("apiserver-kubelet-client", "kubernetes"), ("etcd-peer", "etcd"),
            ("etcd-server", "etcd"), ("front-proxy-client", "front-proxy"),
        )
    )
    for index, node in enumerate(NODES)
)  # fmt: skip
CALM: Final = document(
    (*AUTHORITIES, *LEAVES, certificate("component.mesh-gateway", life=DAY, left=20 * HOUR, before=8 * HOUR)),
    conditions=[
        condition("Ready", "True", "ReconciliationSucceeded", "Everything is as the desired state says.", hours=290),
        condition("SourceVerified", "True", "SignatureValid", "Signed by jane@example.com.", hours=290),
    ],
    source=SOURCE,
    reconciler=reconciler(),
)
RICH_ROWS: Final = (
    *AUTHORITIES[:2],
    replace(AUTHORITIES[2], sync="OutOfSync", reasons=["RenewalDue"], not_after=NOW + 300 * DAY, renew_at=NOW - 60 * DAY),
    *(replace(AUTHORITIES[0], address=f"ca.kubernetes[{node}]", node=node) for node in NODES),
    *LEAVES[:9],
    replace(
        LEAVES[9],
        health="Degraded",
        served="stale",
        served_detail="cp-1:2379 presents serial 1f6a09, which ended 2 days before this one began.",
        served_at=NOW - timedelta(minutes=2),
    ),
    replace(
        LEAVES[10],
        served="unreachable",
        served_detail="cp-2:2379: connection refused.",
        served_at=NOW - timedelta(minutes=2),
    ),
    replace(LEAVES[11], served="ok", served_at=NOW),
    certificate("component.jane", left=-3 * DAY, health="Degraded", sync="OutOfSync", reasons=["WrongIssuer", "Expired"],
                subject="CN=jane, O=dev, O=ops", issuer="CN=Old CA"),
    certificate("component.legacy-lb", left=5 * DAY, health="Degraded", sync="OutOfSync", reasons=["RenewalDue"], suspended=True),
    certificate("component.batch", left=90 * DAY, health="Suspended", suspended=True),
    certificate("component.ingress", left=18 * DAY, sync="OutOfSync", reasons=["RenewalDue", "SanMismatch"]),
    certificate("component.mesh-gateway", life=DAY, left=20 * HOUR, before=8 * HOUR),
    replace(
        certificate("component.admin"), health="Missing", sync="OutOfSync", reasons=["Missing"], not_after=None, renew_at=None,
        subject=None, issuer=None, key=None, serial=None, fingerprint=None, days_left=None,
        paths=FilePaths(kubeconfig="/etc/kubernetes/admin.conf"),
    ),
    ResourceStatus(address="bundle.kubernetes[w-1]", type="bundle", node="w-1", sync="Unknown", health="Degraded",
                   paths=FilePaths(bundle="/etc/kubernetes/pki/ca-bundle.crt"), reasons=["Unreadable"]),
    ResourceStatus(address="keypair.sa", type="keypair", sync="Synced", health="Healthy",
                   paths=FilePaths(key="/etc/kubernetes/pki/sa.key"), key="rsa-2048", generation=1),
)  # fmt: skip
RICH: Final = document(
    RICH_ROWS,
    conditions=[
        condition("Ready", "False", "SignatureInvalid", "90ab12c is signed by nobody allowed; 4f2c9e1 stays in force."),
        condition("SourceVerified", "False", "SignatureInvalid", "Commit 90ab12c has no signature. Sign it."),
        condition("Stalled", "True", "SignatureInvalid", "Only a new commit can change that."),
        condition("Reconciling", "True", "ProgressingWithRetry", "component.ingress will be tried again.", hours=0.2),
        condition("HooksFailing", "True", "HookFailed", "component.etcd-server[cp-1]: restart etcd.service: exit status 1"),
        condition("ServedStale", "True", "ServesAnotherCertificate", "component.etcd-server[cp-1] is not what is served."),
    ],
    source=replace(SOURCE, last_attempted_revision=NEWER),
    reconciler=reconciler(
        result="error",
        trigger="source",
        changes=[
            PlannedChange(address="component.etcd-peer[cp-1]", class_="reissue", reasons=["RenewalDue"], outcome="done"),
            PlannedChange(address="component.ingress", class_="reissue", reasons=["RenewalDue", "SanMismatch"], outcome="failed",
                          detail="/srv/ingress: no space left on device"),
            PlannedChange(address="kubeconfig.admin", class_="create", reasons=["Missing"], outcome="held",
                          detail="3 attempts failed, tried again at 10:04"),
            PlannedChange(address="component.legacy-lb", class_="blocked", reasons=["RenewalDue"], outcome="held"),
        ],
        diagnostics=["warning: 2 changes are suspended", "error: bundle.kubernetes[w-1] cannot be read: permission denied"],
    ),
    hooks=[
        HookStatus(address="component.etcd-server[cp-1]", state="failing", hook="systemd restart etcd.service", attempts=4,
                   since=NOW - 2 * HOUR, next_attempt_at=NOW + timedelta(minutes=4), detail="It ended with exit status 1.",
                   output="Job for etcd.service failed because the control process exited with error code.\n"
                          'See "systemctl status etcd.service" and "journalctl -xeu etcd.service" for details.'),
        HookStatus(address="component.etcd-server[cp-2]", state="waiting", hook="systemd restart etcd.service",
                   since=NOW - 2 * HOUR, detail="It waits for component.etcd-server[cp-1] of the group etcd."),
    ],
    resources=list(RICH_ROWS),
)  # fmt: skip


def large(number: int = 10_000) -> StatusDocument:
    """A cluster with this many certificates of nodes, some of them with troubles."""
    rows = [
        certificate(f"component.kubelet-{kind}[w-{index}]", left=timedelta(hours=800 + (index * 7919) % 7900), node=f"w-{index}")
        for index in range(number // 2)
        for kind in ("client", "serving")
    ]
    for index in range(0, number, 97):
        rows[index] = replace(rows[index], sync="OutOfSync", reasons=["SanMismatch"])
    for index in range(5, number, 1009):
        rows[index] = replace(
            rows[index], sync="OutOfSync", health="Degraded", reasons=["Expired"], not_after=NOW - DAY, renew_at=NOW - 31 * DAY
        )
    return document((*AUTHORITIES, *LEAVES, *rows), reconciler=reconciler(), source=SOURCE)

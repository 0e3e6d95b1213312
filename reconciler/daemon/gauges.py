"""The status as gauges. Decisions; the registry is in `metrics`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final, TypeVar

from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from reconciler.plan.reasons import Action
from reconciler.plan.status_document import ResourceStatus, StatusDocument
from reconciler.render.attention import has_expired
from reconciler.render.escape import visible

#: Values of labels, in their order.
_Key = TypeVar("_Key", bound=tuple[str, ...])

_STATUSES: Final = ("True", "False", "Unknown")
_SERVED: Final = ("ok", "stale", "unreachable")
_PHASES: Final = ("stable", "stage", "clients", "servers", "soak", "distrust")
_HOOKS: Final = ("waiting", "failing")
#: Of a plan, each there at zero: an alert then never waits for a series to appear.
_CLASSES: Final = (*(action.word for action in Action if action), "waiting", "blocked", "other")
#: There only while they are true; a series that says False is easier to alert on than one that is not there.
_ABNORMAL: Final = (
    "Reconciling", "Stalled", "Suspended", "ClockUncertain", "Flapping", "BudgetExhausted", "HooksFailing", "ServedStale",
    "RotationWaiting", "ExternalCAWaiting",
)  # fmt: skip


def gauges(document: StatusDocument | None, *, version: str, now: datetime) -> Iterator[Metric]:
    """Every gauge, in a fixed order.

    Args:
        document: the current status; None before the first.
        version: of this program.
        now: the time, aware.
    """
    yield _gauge("build_info", "The version of this program; always 1.", ["version"], {(version,): 1})
    if document is None:
        return
    yield from _of_certificates(document, now)
    yield _rotations(document)
    yield from _of_lists(document)
    yield _pending(document)
    yield from _of_reconciler(document)
    yield _conditions(document)
    hooks = Counter(hook.state for hook in document.hooks)
    yield _gauge("hooks_pending", "Hooks that are still owed.", ["state"], {(state,): hooks[state] for state in _HOOKS})
    suspended = sum(row.suspended for row in document.resources)
    yield _gauge("suspended", "Addresses that are looked at and never changed.", [], {(): suspended})


def ready(row: ResourceStatus, now: datetime) -> str:
    """Whether a certificate does its work, in the words of a Kubernetes condition. Expired is never True."""
    if has_expired(row, now) or row.health in ("Degraded", "Missing"):
        return "False"
    if row.sync == "Unknown":
        return "Unknown"
    return "False" if row.not_after is None else "True"  # asked of an external CA, and not there yet


def _gauge(name: str, text: str, labels: list[str], values: Mapping[_Key, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"cluster_pki_{name}", text, labels=labels)
    for key, value in values.items():
        family.add_metric(key, value)
    return family


def _of_certificates(document: StatusDocument, now: datetime) -> Iterator[Metric]:
    signed = (row for row in document.resources if row.approval in (None, "approved"))
    rows = [row for row in signed if row.type in ("ca", "component", "request")]
    ends = {(row.address, visible(row.issuer or "")): row.not_after.timestamp() for row in rows if row.not_after}
    yield _gauge("certificate_expiration_timestamp_seconds", "When a certificate ends.", ["address", "issuer"], ends)
    due = {(row.address,): row.renew_at.timestamp() for row in rows if row.renew_at}
    yield _gauge("certificate_renewal_timestamp_seconds", "When a certificate falls due.", ["address"], due)
    words = {row.address: ready(row, now) for row in rows}
    yield _gauge(
        "certificate_ready_status",
        "Whether a certificate does its work: 1 for the condition that holds.",
        ["address", "condition"],
        {(address, each): float(each == word) for address, word in words.items() for each in _STATUSES},
    )
    yield _gauge(
        "certificate_served",
        "What its endpoint presents: 1 for the state that holds; only of addresses with a probe.",
        ["address", "state"],
        {(row.address, each): float(each == row.served) for row in rows if row.served for each in _SERVED},
    )


def _rotations(document: StatusDocument) -> Metric:
    """Every CA and keypair, at its phase; all phases are there at zero while it rotates."""
    rotating = {entry.address: entry.phase for entry in document.rotations}
    # A keypair has a row for each replica, and rotates as one.
    addresses = dict.fromkeys(
        row.address.partition("[")[0] for row in document.resources if row.type in {"ca", "keypair"} and row.phase is not None
    )
    values = {(address, phase): float(rotating.get(address, "stable") == phase) for address in addresses for phase in _PHASES}
    documentation = "Where a CA or keypair stands between two generations: 1 for the phase that holds."
    return _gauge("rotation_phase", documentation, ["address", "phase"], values)


def _of_lists(document: StatusDocument) -> Iterator[Metric]:
    rows = [row for row in document.resources if row.type == "crl"]
    if not rows:
        return
    ends = {(row.address,): row.not_after.timestamp() for row in rows if row.not_after}
    yield _gauge("crl_next_update_timestamp_seconds", "Until when a revocation list may be relied on.", ["address"], ends)
    due = {(row.address,): row.renew_at.timestamp() for row in rows if row.renew_at}
    yield _gauge("crl_renewal_timestamp_seconds", "When a revocation list is signed again.", ["address"], due)


def _pending(document: StatusDocument) -> Metric:
    """What is out of sync, by what the last plan would do; what left the YAML has a line in the plan alone."""
    last = document.reconciler.last_pass if document.reconciler else None
    planned = {change.address: change for change in last.changes} if last else {}
    known = {row.address for row in document.resources}
    counted = Counter(
        planned[row.address].class_ if row.address in planned else "other"
        for row in document.resources
        if row.sync == "OutOfSync"
    )
    counted.update(each.class_ for address, each in planned.items() if address not in known and each.outcome != "done")
    classes = dict.fromkeys((*_CLASSES, *counted))
    return _gauge("changes_pending", "What is not as git says, by action.", ["action"], {(c,): counted[c] for c in classes})


def _of_reconciler(document: StatusDocument) -> Iterator[Metric]:
    if document.source is not None:
        revision = visible(document.source.last_applied_revision)
        yield _gauge("source_info", "The revision in force; always 1.", ["revision"], {(revision,): 1})
    if document.reconciler is not None and document.reconciler.last_success_at is not None:
        at = document.reconciler.last_success_at.timestamp()
        yield _gauge("last_success_timestamp_seconds", "When everything was last as git says.", [], {(): at})


def _conditions(document: StatusDocument) -> Metric:
    status: dict[str, str] = {"Ready": "Unknown"} | dict.fromkeys(_ABNORMAL, "False")
    status |= {condition.type: condition.status for condition in document.conditions}
    values = {(kind, each): float(each == holds) for kind, holds in status.items() for each in _STATUSES}
    return _gauge("condition", "Conditions of the reconciler: 1 for the status that holds.", ["type", "status"], values)

"""The metrics, as Prometheus reads them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

import pytest
from msgspec.structs import replace
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from reconciler.daemon.metrics import Metrics
from reconciler.plan.document import RotationEntry
from reconciler.plan.status_document import StatusDocument
from tests.render.page_stories import CALM, NODES, NOW, RICH, SOURCE, certificate, document, large, reconciler

HOSTILE: Final = 'CN=a"b\\c\nd\u202e'


def metrics(status: StatusDocument | None, *, later: timedelta = timedelta(0)) -> Metrics:
    """Metrics that show one status."""
    return Metrics(lambda: status, version="1.2.3", clock=lambda: NOW + later)


def series(one: Metrics, name: str) -> dict[Any, float]:
    """The series of a metric: by its label's value, or the values of all its labels in the order of their names."""
    found = {}
    for family in parse_text(one.render("")[0].decode()):
        for sample in family.samples:
            if sample.name == name:
                values = tuple(sample.labels[label] for label in sorted(sample.labels))
                found[values[0] if len(values) == 1 else values] = sample.value
    return found


def test_before_the_first_status() -> None:
    """The version and the counters are there from the start, at zero; certificates are not invented."""
    one = metrics(None)
    assert series(one, "cluster_pki_build_info") == {"1.2.3": 1}
    assert series(one, "cluster_pki_reconcile_total") == {"success": 0, "error": 0, "noop": 0}
    assert series(one, "cluster_pki_certificate_expiration_timestamp_seconds") == {}


def test_certificates() -> None:
    """When each ends and falls due, in absolute seconds."""
    row = certificate("component.a", left=timedelta(days=40))
    missing = replace(row, address="component.b", health="Missing", not_after=None, renew_at=None, issuer=None)
    one = metrics(document([row, missing]))
    end = (NOW + timedelta(days=40)).timestamp()
    assert series(one, "cluster_pki_certificate_expiration_timestamp_seconds") == {("component.a", "ca.kubernetes"): end}
    assert series(one, "cluster_pki_certificate_renewal_timestamp_seconds") == {"component.a": end - 30 * 86400}
    ready = series(one, "cluster_pki_certificate_ready_status")
    assert {key: value for key, value in ready.items() if value} == {("component.a", "True"): 1, ("component.b", "False"): 1}
    assert len(ready) == 6


def test_revocation_lists() -> None:
    """Until when each may be relied on, and when it is signed again; it is no certificate."""
    row = replace(certificate("crl.etcd", left=timedelta(days=3)), type="crl", number=7, revoked=2)
    one = metrics(document([row]))
    assert series(one, "cluster_pki_crl_next_update_timestamp_seconds") == {"crl.etcd": (NOW + timedelta(days=3)).timestamp()}
    due = (NOW + timedelta(days=3) - timedelta(days=30)).timestamp()
    assert series(one, "cluster_pki_crl_renewal_timestamp_seconds") == {"crl.etcd": due}
    assert series(one, "cluster_pki_certificate_expiration_timestamp_seconds") == {}
    assert "crl_" not in metrics(document([certificate("component.a")])).render("")[0].decode()


@pytest.mark.parametrize(
    ("fields", "later", "word"),
    [
        ({}, 0, "True"),
        ({"sync": "OutOfSync"}, 0, "True"),
        ({"sync": "Unknown"}, 0, "Unknown"),
        ({"health": "Progressing"}, 0, "True"),
        ({"health": "Suspended"}, 0, "True"),
        ({"health": "Degraded"}, 0, "False"),
        ({"health": "Missing"}, 0, "False"),
        ({}, 266, "False"),
        ({"sync": "Unknown"}, 266, "False"),
    ],
)
def test_ready(fields: dict[str, Any], later: int, word: str) -> None:
    """Expired is never ready, whatever the last status said: the clock at the scrape decides."""
    one = metrics(document([certificate("component.a", **fields)]), later=timedelta(days=later))
    ready = series(one, "cluster_pki_certificate_ready_status")
    assert [key[1] for key, value in ready.items() if value == 1] == [word]


def test_phases_of_rotations() -> None:
    """One series a phase of each CA and each keypair, whose replicas are one; copies of a CA have none of their own."""
    rows = [
        replace(certificate("ca.etcd"), type="ca", phase="stable"),
        replace(certificate("ca.etcd[cp-1]"), type="ca", node="cp-1"),
        *(replace(certificate(f"keypair.sa[{node}]"), type="keypair", node=node, phase="soak") for node in NODES),
        certificate("component.a"),
    ]
    entry = RotationEntry(
        address="keypair.sa", phase="soak", from_generation=1, to_generation=2, signing_generation=2, trusted=[1, 2],
        issues_clients=2, issues_servers=2, next_phase="distrust", barrier="", back="",
    )  # fmt: skip
    phases = series(metrics(replace(document(rows), rotations=[entry])), "cluster_pki_rotation_phase")
    assert {key for key, value in phases.items() if value} == {("ca.etcd", "stable"), ("keypair.sa", "soak")}
    assert len(phases) == 12


def test_what_does_not_hold_a_certificate_has_no_such_series() -> None:
    """Bundles and keypairs are in the sums alone."""
    ready = series(metrics(RICH), "cluster_pki_certificate_ready_status")
    assert {address.partition(".")[0] for address, _ in ready} == {"ca", "component"}


def test_series_end_with_their_address() -> None:
    """What left the desired state leaves the metrics."""
    statuses = [document([certificate("component.a"), certificate("component.b")])]
    one = Metrics(lambda: statuses[-1], version="1", clock=lambda: NOW)
    assert set(series(one, "cluster_pki_certificate_renewal_timestamp_seconds")) == {"component.a", "component.b"}
    statuses.append(document([certificate("component.b")]))
    assert set(series(one, "cluster_pki_certificate_renewal_timestamp_seconds")) == {"component.b"}


def test_pending_changes() -> None:
    """Each address out of sync by what the last plan would do; what the plan lists and did is done."""
    pending = series(metrics(RICH), "cluster_pki_changes_pending")
    assert {key: value for key, value in pending.items() if value} == {"reissue": 1, "blocked": 1, "create": 1, "other": 3}
    words = {"repair", "request", "reissue", "rekey", "rotate", "replace", "create", "forget", "destroy"}
    assert words | {"waiting", "blocked", "other"} == set(pending)


def test_running_processes_and_hooks() -> None:
    """What endpoints serve, and what is still owed."""
    served = series(metrics(RICH), "cluster_pki_certificate_served")
    cp = [f"component.etcd-server[{node}]" for node in NODES]
    assert {key for key, value in served.items() if value} == {(cp[0], "stale"), (cp[1], "unreachable")} | {
        (row.address, "ok") for row in RICH.resources if row.served == "ok"
    }
    assert series(metrics(RICH), "cluster_pki_hooks_pending") == {"waiting": 1, "failing": 1}
    assert series(metrics(CALM), "cluster_pki_hooks_pending") == {"waiting": 0, "failing": 0}


def test_the_reconciler() -> None:
    """Revision in force, last success, suspension."""
    one = metrics(RICH)
    assert series(one, "cluster_pki_source_info") == {SOURCE.last_applied_revision: 1}
    assert series(one, "cluster_pki_last_success_timestamp_seconds") == {(): (NOW - timedelta(minutes=2)).timestamp()}
    assert series(one, "cluster_pki_suspended") == {(): 2}


def test_conditions() -> None:
    """One status of each holds; what is there only while it is true is False otherwise."""

    def holding(status: StatusDocument) -> dict[str, str]:
        found = series(metrics(status), "cluster_pki_condition")
        return {kind: word for (word, kind), value in found.items() if value}

    assert holding(RICH) == {
        "Ready": "False", "SourceVerified": "False", "Stalled": "True", "Reconciling": "True", "HooksFailing": "True",
        "ServedStale": "True", "Suspended": "False", "ClockUncertain": "False", "Flapping": "False", "BudgetExhausted": "False",
        "RotationWaiting": "False", "ExternalCAWaiting": "False",
    }  # fmt: skip
    assert holding(document([]))["Ready"] == "Unknown"
    assert "SourceVerified" not in holding(document([]))


def test_passes_and_operations() -> None:
    """Counters count, and the histogram has its buckets."""
    one = metrics(None)
    one.observe_pass("success", 0.2)
    one.observe_pass("noop", 0.002)
    one.observe_pass("noop", 4000)
    one.count_operation("reissue", "RenewalDue", "success")
    one.count_operation("reissue", "RenewalDue", "success")
    assert series(one, "cluster_pki_reconcile_total") == {"success": 1, "error": 0, "noop": 2}
    assert series(one, "cluster_pki_operations_total") == {("reissue", "RenewalDue", "success"): 2}
    buckets = series(one, "cluster_pki_reconcile_duration_seconds_bucket")
    assert [buckets[edge, "noop"] for edge in ("0.01", "1800.0", "+Inf")] == [1, 1, 2]


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "text/plain; version=0.0.4; charset=utf-8"),
        ("text/html,*/*", "text/plain; version=0.0.4; charset=utf-8"),
        ("application/openmetrics-text; version=1.0.0", "application/openmetrics-text; version=1.0.0; charset=utf-8"),
    ],
)
def test_formats(accept: str, content_type: str) -> None:
    """OpenMetrics for whoever asks for it; both can be parsed, hostile names included."""
    body, kind = metrics(document([certificate("component.a", issuer=HOSTILE)])).render(accept)
    assert kind.partition(";")[0] == content_type.partition(";")[0]
    parse = parse_openmetrics if "openmetrics" in kind else parse_text
    issuers = {s.labels["issuer"] for family in parse(body.decode()) for s in family.samples if "issuer" in s.labels}
    assert issuers == {'CN=a"b\\c\\nd\\u202e'}


def test_the_process() -> None:
    """Descriptors and memory are told, from a registry of our own."""
    one = metrics(None)
    assert series(one, "process_open_fds")[()] > 2
    assert series(one, "process_resident_memory_bytes")[()] > 1 << 20
    assert series(one, "process_start_time_seconds")[()] > 0


def test_ten_thousand_certificates() -> None:
    """A big cluster is scraped in a bounded time."""
    status = replace(large(), reconciler=reconciler())
    body, _ = metrics(status).render("")
    assert body.count(b"\ncluster_pki_certificate_expiration_timestamp_seconds{") == 10_018

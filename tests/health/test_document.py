"""The document of a discovery: rows, findings and sums of a cluster."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from reconciler.cluster.model import Cluster, File, Kubeconfig, Node, Process
from reconciler.health.document import (
    DiscoverySummary,
    FindingEntry,
    InventoryEntry,
    NodeEntry,
    ProcessEntry,
    State,
    UnreadEntry,
    UseEntry,
)
from reconciler.health.document_of import document_of, worst_of
from reconciler.health.document_rows import Dates, rows_of
from reconciler.observed.model import Absent, CombinedPair, Unusable
from tests.render.discover_stories import (
    APISERVER,
    CLIENT_CURRENT,
    CLUSTER,
    DAY,
    EXPIRED,
    KUBERNETES,
    MANIFESTS,
    NOW,
    OLD,
    PKI,
    READABLE,
    digest,
    document,
    entry,
    facts,
    held,
    key_of,
    meta,
)

DATES = Dates(now=NOW, expiring=30 * DAY)


def rows(content: object, path: str = "/x") -> list[InventoryEntry]:
    """The rows of a node with one file."""
    file = File(path=path, content=content)  # type: ignore[arg-type]
    return list(rows_of(Node(name="n", layout="files", processes=(), files={path: file}), DATES))


def told(content: object) -> list[tuple[str, str, str | None]]:
    """Where in the file, kind, and subject or problem of each row."""
    return [(row.within, row.kind, row.subject or row.problem or row.credential) for row in rows(content)]


def test_a_certificate_is_a_row() -> None:
    """Everything that a spreadsheet of certificates has."""
    row = next(row for row in document().inventory if row.path == f"{PKI}/apiserver.crt")
    assert row == InventoryEntry(
        node="cp-1",
        path=f"{PKI}/apiserver.crt",
        kind="certificate",
        state="expiring",
        used_by=[
            UseEntry(
                process="kube-apiserver",
                setting="--tls-cert-file",
                role="certificate",
                purpose="serving",
                source=f"{MANIFESTS}/kube-apiserver.yaml",
            )
        ],
        subject="CN=kube-apiserver",
        common_name="kube-apiserver",
        sans=list(APISERVER.sans),
        usages=["server auth"],
        issuer="CN=kubernetes",
        issuer_common_name="kubernetes",
        key="rsa-2048",
        serial=APISERVER.serial,
        fingerprint=APISERVER.fingerprint,
        spki_sha256=digest("kube-apiserver"),
        not_before=NOW + 12 * DAY - 365 * DAY,
        not_after=NOW + 12 * DAY,
        days_left=12,
        mode="0644",
        uid=0,
        gid=0,
        key_path=f"{PKI}/apiserver.key",
        severity="warning",
        findings=["CPK605"],
    )


def test_every_place_of_a_node_is_there_by_path() -> None:
    """Embedded certificates and the CAs beside them, keys, lists, what is missing and what cannot be used."""
    found = [(row.path.removeprefix(PKI), row.kind) for row in document().inventory if row.node == "cp-1"]
    assert found == [
        ("/etc/kubernetes/admin.conf", "certificate"),
        ("/etc/kubernetes/admin.conf", "ca"),
        ("/etc/kubernetes/kubelet.conf", "kubeconfig"),
        ("/etc/kubernetes/kubelet.conf", "ca"),
        ("/apiserver.crt", "certificate"),
        ("/apiserver.key", "key"),
        ("/ca.crt", "ca"),
        ("/etcd/server.crt", "certificate"),
        ("/front-proxy-ca.crt", "missing"),
        ("/jane.crt", "certificate"),
        ("/old.crl", "crl"),
        ("/sa.key", "key"),
        ("/sa.pub", "public-key"),
        ("/torn.crt", "unusable"),
        (CLIENT_CURRENT, "certificate"),
    ]


@pytest.mark.parametrize(
    ("left", "life", "state", "days"),
    [
        (timedelta(0), 365 * DAY, "expiring", 0),
        (timedelta(seconds=-1), 365 * DAY, "expired", -1),
        (30 * DAY, 365 * DAY, "expiring", 30),
        (30 * DAY + timedelta(seconds=1), 365 * DAY, "valid", 30),
        (400 * DAY, 365 * DAY, "not-yet-valid", 400),
        (365 * DAY, 365 * DAY, "valid", 365),
    ],
)
def test_states_by_dates(left: timedelta, life: timedelta, state: State, days: int) -> None:
    """Both ends belong to a certificate's life; what ends within the limit is expiring."""
    [row] = rows(held(facts("a", left=left, life=life)))
    assert (row.state, row.days_left) == (state, days)


def test_each_certificate_of_a_file_is_a_row() -> None:
    """A bundle and a chain are counted through."""
    found = rows(held(facts("leaf"), KUBERNETES))
    assert [(row.position, row.kind, row.common_name) for row in found] == [(1, "certificate", "leaf"), (2, "ca", "kubernetes")]


UNUSABLE = Unusable(problem="unparsable", detail="it cannot be parsed")


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        (CombinedPair(certificate=held(facts("a")), key=key_of("a")), [("", "certificate", "CN=a")]),
        (CombinedPair(certificate=held(facts("a")), key=key_of("b")), [("", "certificate", "CN=a"), ("key", "key", "")]),
        (
            CombinedPair(certificate=held(facts("a")), key=UNUSABLE),
            [("", "certificate", "CN=a"), ("key", "unusable", "it cannot be parsed")],
        ),
        (CombinedPair(certificate=UNUSABLE, key=key_of("a")), [("", "unusable", "it cannot be parsed"), ("key", "key", "")]),
    ],
)
def test_a_file_with_certificate_and_key(pair: CombinedPair, expected: list[tuple[str, str, str]]) -> None:
    """The key is told apart only where it is not the certificate's."""
    assert told(pair) == expected


CA_DATA = ("clusters[demo].certificate-authority-data", "ca", "CN=kubernetes")


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ((), [("", "kubeconfig", "it has no context")]),
        ((entry("a", held(facts("a"))),), [("users[a].client-certificate-data", "certificate", "CN=a"), CA_DATA]),
        (
            (entry("a", held(facts("a"))), entry("a", held(facts("a")), context="second", namespace="dev")),
            [("users[a].client-certificate-data", "certificate", "CN=a"), CA_DATA],
        ),
        (
            (entry("a", held(facts("a"))), entry("b", Absent(), other_credential="exec")),
            [("users[a].client-certificate-data", "certificate", "CN=a"), CA_DATA, ("", "kubeconfig", "exec")],
        ),
        (
            (entry("a", held(facts("a")), certificate_path="/a.crt", trust_path="/ca.crt"),),
            [("", "kubeconfig", "")],
        ),
        (
            (entry("a", UNUSABLE, trust=Absent()),),
            [("users[a].client-certificate-data", "unusable", "it cannot be parsed")],
        ),
    ],
)
def test_a_kubeconfig_by_users_and_clusters(entries: tuple[object, ...], expected: list[tuple[str, str, str]]) -> None:
    """Each user and each cluster once, however many contexts there are; what is in another file has its row there."""
    assert told(Kubeconfig(entries=entries, meta=meta())) == expected  # type: ignore[arg-type]


def test_findings_are_told_worst_first_and_once() -> None:
    """What is the same on two nodes is one finding with both of them."""
    found = document().findings
    assert [(each.severity, each.nodes, each.code) for each in found] == [
        ("error", ["cp-1"], EXPIRED.code),
        ("warning", ["cp-1"], "CPK605"),
        ("warning", ["w-1"], READABLE.code),
        ("notice", ["cp-1", "w-1"], OLD[0].code),
    ]
    assert found[0] == FindingEntry(
        code=EXPIRED.code,
        severity="error",
        nodes=["cp-1"],
        path=EXPIRED.path,
        setting=EXPIRED.setting,
        message=EXPIRED.message,
        breaks=EXPIRED.breaks,
        when=EXPIRED.when,
        mend=EXPIRED.mend,
    )
    assert (worst_of(found), worst_of(found[3:]), worst_of([])) == ("error", "notice", None)


def test_rows_know_the_findings_about_them() -> None:
    """By node and file; one about a user of a kubeconfig is not about its other users."""
    found = [(row.node, row.path, row.user, row.severity) for row in document().inventory if row.severity]
    assert found == [
        ("cp-1", f"{PKI}/apiserver.crt", "", "warning"),
        ("cp-1", f"{PKI}/ca.crt", "", "notice"),
        ("cp-1", f"{PKI}/etcd/server.crt", "", "error"),
        ("w-1", "/home/jane/.kube/config", "jane", "warning"),
        ("w-1", "/home/jane/.kube/config", "jane", "warning"),
        ("w-1", f"{PKI}/ca.crt", "", "notice"),
        ("w-1", f"{PKI}/ca.crt", "", "notice"),
    ]


def test_a_finding_about_the_whole_cluster_is_about_its_file_on_every_node() -> None:
    """It names a path and no node."""
    everywhere = replace(OLD[0], node="")
    found = document(findings=(everywhere,))
    assert found.findings[0].nodes == []
    assert {row.node for row in found.inventory if row.findings} == {"cp-1", "w-1"}


def test_sums_count_a_certificate_once() -> None:
    """A CA in many places is one; what nobody uses is not counted where there are processes to use it."""
    assert document().summary == DiscoverySummary(
        nodes=2,
        certificates=7,
        expired=1,
        expiring=2,
        errors=1,
        warnings=2,
        notices=1,
        next_expiry=NOW + timedelta(hours=11),
        next_expiry_node="w-1",
        next_expiry_path="/home/jane/.kube/config",
    )


def test_a_directory_of_certificates_counts_as_it_is() -> None:
    """Nobody runs there who could use them."""
    files = {"/a.crt": File(path="/a.crt", content=held(facts("a", left=-DAY)))}
    cluster = Cluster(nodes=(Node(name="certificates", layout="files", processes=(), files=files),))
    summary = document(cluster, ()).summary
    assert summary == DiscoverySummary(nodes=1, certificates=1, expired=1)


def test_nodes_say_what_they_run_and_where_they_were_read() -> None:
    """And what of their configuration could not be understood."""
    assert document().nodes == [
        NodeEntry(
            name="cp-1",
            layout="kubeadm",
            root="snapshot/cp-1",
            control_plane=True,
            addresses=["192.0.2.11"],
            processes=[
                ProcessEntry(name="etcd", source=f"{MANIFESTS}/etcd.yaml", version="3.5.15"),
                ProcessEntry(name="kube-apiserver", source=f"{MANIFESTS}/kube-apiserver.yaml", version="1.31.2"),
                ProcessEntry(name="kubelet", source="/var/lib/kubelet/config.yaml"),
            ],
            unread=[UnreadEntry(path="/etc/systemd/system/kubelet.service.d/20-odd.conf", problem="a quote is never closed")],
        ),
        NodeEntry(name="w-1", layout="kubeadm", processes=[ProcessEntry(name="kubelet", source="/var/lib/kubelet/config.yaml")]),
    ]


@pytest.mark.parametrize(("name", "expected"), [("", "demo"), ("prod-eu-1", "prod-eu-1")])
def test_the_name_is_what_most_kubeconfigs_say(name: str, expected: str) -> None:
    """Unless somebody gives one."""
    assert document_of(CLUSTER, (), name=name, now=NOW, expiring=DAY).cluster == expected


def test_a_cluster_without_kubeconfigs_has_a_name() -> None:
    """That of nearly every cluster."""
    node = Node(name="n", layout="by-hand", processes=(Process(name="etcd", source="/x", settings={}),), files={})
    assert document(Cluster(nodes=(node,)), ()).cluster == "kubernetes"


def test_what_nobody_uses_is_counted_by_itself() -> None:
    """A program runs there and uses none of it: the sum of all certificates must not look as if they were not there."""
    files = {f"/{name}.crt": File(path=f"/{name}.crt", content=held(facts("a", left=DAY))) for name in ("a", "copy-of-a")}
    kubelet = Process(name="kubelet", source="/etc/systemd/system/kubelet.service", settings={})
    cluster = Cluster(nodes=(Node(name="w-1", layout="by-hand", processes=(kubelet,), files=files),))
    assert document(cluster, ()).summary == DiscoverySummary(nodes=1, certificates=0, unused=1)

"""From a cluster and the findings about it to the document that is told. Decisions."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from reconciler.cluster.model import Cluster, Kubeconfig, Node
from reconciler.health.document import (
    FORMAT_VERSION,
    DiscoveryDocument,
    DiscoverySummary,
    FindingEntry,
    InventoryEntry,
    NodeEntry,
    ProcessEntry,
    State,
    UnreadEntry,
)
from reconciler.health.document_rows import Dates, rows_of
from reconciler.health.model import SEVERITIES, HealthFinding, Severity

#: The name of a cluster whose files do not say one.
UNNAMED: Final = "kubernetes"
#: What kubeadm has in the kubelet.conf of every node that joined, whatever the cluster is called (kubeadm join, TLS bootstrap).
_ANY: Final = "default-cluster"
#: What is said of a leaf: its names, its identity, its usages, its groups.
_PRESENTED: Final = frozenset({"CPK610", "CPK611", "CPK612", "CPK626"})
#: What is said of the dates of one certificate.
_DATED: Final[Mapping[str, State]] = {"CPK604": "expired", "CPK606": "not-yet-valid"}


def document_of(
    cluster: Cluster,
    findings: Sequence[HealthFinding],
    *,
    name: str,
    now: datetime,
    expiring: timedelta,
    roots: Mapping[str, str] = {},
) -> DiscoveryDocument:
    """The whole document.

    Args:
        cluster: every node that was read.
        findings: what is wrong with it, in any order.
        name: of the cluster; empty for the one in its kubeconfigs.
        now: aware.
        expiring: what ends within it is expiring.
        roots: the directory that a node was read from, by its name.
    """
    dates = Dates(now=now, expiring=expiring)
    merged, by_place = _merged(findings), _by_place(findings)
    rows = [_judged(row, by_place) for node in cluster.nodes for row in rows_of(node, dates)]
    return DiscoveryDocument(
        format_version=FORMAT_VERSION,
        cluster=name or name_of(cluster),
        version=cluster.version,
        at=now,
        summary=_summary(cluster, rows, merged, now),
        nodes=[_node(node, roots.get(node.name, "")) for node in cluster.nodes],
        findings=merged,
        inventory=rows,
    )


def name_of(cluster: Cluster) -> str:
    """What most of its kubeconfigs call it; of two, the first by name."""
    called = Counter(
        entry.cluster
        for node in cluster.nodes
        for file in node.files.values()
        if isinstance(file.content, Kubeconfig)
        for entry in file.content.entries
        if entry.cluster not in ("", _ANY)
    )
    return min(called, key=lambda name: (-called[name], name), default=UNNAMED)


def worst_of(findings: Sequence[HealthFinding] | Sequence[FindingEntry]) -> Severity | None:
    """The worst severity among findings; None when there are none."""
    there = {finding.severity for finding in findings}
    return next((severity for severity in SEVERITIES if severity in there), None)


def _by_place(findings: Sequence[HealthFinding]) -> Mapping[tuple[str, str], list[HealthFinding]]:
    """Findings by node and path."""
    places: defaultdict[tuple[str, str], list[HealthFinding]] = defaultdict(list)
    for each in findings:
        places[each.node, each.path].append(each)
    return places


def _judged(row: InventoryEntry, by_place: Mapping[tuple[str, str], list[HealthFinding]]) -> InventoryEntry:
    """The row with the findings about it: those about its file, or about its user's entry in it, that are true of it."""
    paths = dict.fromkeys((row.path, f"{row.path}#{row.user}"))
    found = [each for node in ("", row.node) for path in paths for each in by_place.get((node, path), ())]
    about = [each for each in found if _fits(each, row)]
    return replace(row, severity=worst_of(about), findings=sorted({each.code for each in about})) if about else row


def _fits(finding: HealthFinding, row: InventoryEntry) -> bool:
    """Not of a CA what is said of what is presented beside it, and of several certificates not what ends with another one."""
    if finding.code in _PRESENTED:
        return row.position < 2 and not row.within.startswith("clusters[")  # noqa: PLR2004 - what stands first is presented
    if finding.code == "CPK605":
        return row.not_after is None or row.not_after == finding.when
    return row.state in (None, _DATED.get(finding.code, row.state))


def _merged(findings: Sequence[HealthFinding]) -> list[FindingEntry]:
    """The worst first; what is the same on several nodes once."""
    nodes: defaultdict[HealthFinding, set[str]] = defaultdict(set)
    for each in findings:
        nodes[replace(each, node="")].add(each.node)
    entries = [
        FindingEntry(
            code=each.code,
            severity=each.severity,
            nodes=sorted(where - {""}),
            path=each.path,
            setting=each.setting,
            message=each.message,
            breaks=each.breaks,
            when=each.when,
            mend=each.mend,
        )
        for each, where in nodes.items()
    ]
    return sorted(entries, key=lambda each: (SEVERITIES.index(each.severity), each.nodes, each.path, each.code, each.message))


def _node(node: Node, root: str) -> NodeEntry:
    return NodeEntry(
        name=node.name,
        layout=node.layout,
        root=root,
        control_plane=node.is_control_plane,
        addresses=list(node.addresses),
        processes=[ProcessEntry(name=each.name, source=each.source, version=each.version) for each in node.processes],
        unread=[UnreadEntry(path=each.path, problem=each.problem) for each in node.unread],
    )


def _summary(
    cluster: Cluster, rows: Sequence[InventoryEntry], findings: Sequence[FindingEntry], now: datetime
) -> DiscoverySummary:
    # Where nothing runs there is nobody to use anything: a directory of certificates counts as it is.
    idle = {node.name for node in cluster.nodes if not node.processes}
    certificates = [row for row in rows if row.kind in ("ca", "certificate")]
    counted = [row for row in certificates if row.used_by or row.node in idle]
    states = {row.fingerprint: row.state for row in counted}
    ahead = [(row.not_after, row.node, row.path) for row in counted if row.not_after is not None and row.not_after >= now]
    ends, node, path = min(ahead, default=(None, None, None))
    severities = Counter(finding.severity for finding in findings)
    return DiscoverySummary(
        nodes=len(cluster.nodes),
        certificates=len(states),
        unused=len({row.fingerprint for row in certificates} - states.keys()),
        expired=sum(state == "expired" for state in states.values()),
        expiring=sum(state == "expiring" for state in states.values()),
        errors=severities["error"],
        warnings=severities["warning"],
        notices=severities["notice"],
        next_expiry=ends,
        next_expiry_node=node,
        next_expiry_path=path,
    )

"""Which findings of a discovery are about which rows of its inventory, and where they are in a checkout."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Mapping, Sequence

import msgspec

from reconciler.health.document import DiscoveryDocument, FindingEntry, InventoryEntry


class Spot(msgspec.Struct, frozen=True, kw_only=True):
    """One place of a finding."""

    node: str
    """Empty for the whole cluster."""
    path: str
    """As the node sees it, without a kubeconfig's user; empty for none."""
    file: str
    """The same from where the program runs, such as ``snapshot/cp-1/etc/kubernetes/pki/ca.crt``; empty when it is not known."""


def by_path(findings: Sequence[FindingEntry]) -> Mapping[str, list[FindingEntry]]:
    """Findings by their path."""
    found: defaultdict[str, list[FindingEntry]] = defaultdict(list)
    for finding in findings:
        found[finding.path].append(finding)
    return found


def about(row: InventoryEntry, found: Mapping[str, Sequence[FindingEntry]]) -> list[FindingEntry]:
    """The findings about a row, the worst first."""
    paths = dict.fromkeys((row.path, f"{row.path}#{row.user}"))
    return [each for path in paths for each in found.get(path, ()) if not each.nodes or row.node in each.nodes]


def homeless(document: DiscoveryDocument) -> list[FindingEntry]:
    """The findings about no row."""
    found = by_path(document.findings)
    told = {id(finding) for row in document.inventory for finding in about(row, found)}
    return [finding for finding in document.findings if id(finding) not in told]


def spots(finding: FindingEntry, document: DiscoveryDocument) -> list[Spot]:
    """Every place of a finding: one a node; one without a node for what concerns several, at the first that has the file."""
    roots = {node.name: node.root for node in document.nodes}
    path = finding.path.partition("#")[0]
    if not finding.nodes:
        first = next((row.node for row in document.inventory if row.path == path), "")
        return [Spot(node="", path=path, file=_file(roots.get(first, ""), path))]
    return [Spot(node=node, path=path, file=_file(roots.get(node, ""), path)) for node in finding.nodes]


def _file(root: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(root, path.lstrip("/"))) if root and path else ""

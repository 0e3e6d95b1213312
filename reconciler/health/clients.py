"""The kubeconfigs that lead to this cluster, entry by entry. Decisions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from reconciler.cluster.model import Cluster, Entry, File, Kubeconfig, Node
from reconciler.health.context import Context
from reconciler.health.hosts import host_of, is_loopback, names_of, san_of, targets
from reconciler.observed.model import Certificates
from reconciler.x509.facts import CertificateFacts

#: Processes that dial the API server; a webhook's kubeconfig leads elsewhere.
_DIALS: Final = frozenset({"api-client", "bootstrap"})
_API_SERVER: Final = "kube-apiserver"


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a kubeconfig that leads to an API server that was read."""

    node: Node
    file: File
    entry: Entry
    servers: tuple[Node, ...]
    """The API servers that its address can lead to."""

    @property
    def path(self) -> str:
        """With ``#user``."""
        return f"{self.file.path}#{self.entry.user}" if self.entry.user else self.file.path

    @property
    def host(self) -> str:
        """What the server's certificate is asked for."""
        return self.entry.server_name or host_of(self.entry.server)


def api_servers(cluster: Cluster) -> tuple[Node, ...]:
    """The nodes that run an API server."""
    return tuple(node for node in cluster.nodes if node.is_control_plane)


def clients(context: Context) -> Iterator[Client]:
    """Every entry of this cluster; of components only the current one, which is all they use."""
    servers = api_servers(context.cluster)
    for node, file in context.files():
        if not isinstance(file.content, Kubeconfig):
            continue
        component = any(use.process for use in file.uses)
        if component and not any(use.purpose in _DIALS for use in file.uses):
            continue
        for entry in file.content.entries:
            if entry.server and (entry.current if component else entry.context) and (component or _is_ours(context, node, entry)):
                host = host_of(entry.server)
                yield Client(node=node, file=file, entry=entry, servers=targets(host, node, servers))


def _is_ours(context: Context, node: Node, entry: Entry) -> bool:
    """Whether a person's entry leads here: by its address, or by a CA or a certificate that it shares with the cluster."""
    host = host_of(entry.server)
    if is_loopback(host):
        return node.is_control_plane
    known = {server.name for server in context.cluster.nodes}
    known.update(address for server in context.cluster.nodes for address in server.addresses)
    if host in known or san_of(host) in names_of(_served(context)):
        return True
    trusted = entry.trust.chain if isinstance(entry.trust, Certificates) else ()
    ours = {facts.spki_sha256 for facts in _trusted(context)}
    return any(facts.spki_sha256 in ours for facts in trusted)


def _served(context: Context) -> Iterator[CertificateFacts]:
    for held in context.held:
        if held.presented and held.serves(_API_SERVER, "serving", "sni"):
            yield held.leaf


def _trusted(context: Context) -> Iterator[CertificateFacts]:
    for held in context.held:
        if held.serves(_API_SERVER, "client-ca") or held.serves("kube-controller-manager", "root-ca"):
            yield from held.chain

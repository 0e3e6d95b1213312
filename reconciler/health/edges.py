"""Who verifies what, between the files of processes: the TLS edges of a cluster. Data, and its expansion.

The numbers are those of the table of edges in the documentation of Kubernetes' PKI best practices as this project counts them:
who presents, what for, and the bundle of the other side that it is judged by.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

import msgspec

from reconciler.cluster.model import Node
from reconciler.health.clients import clients
from reconciler.health.context import Context, Held, is_throw_away
from reconciler.health.shared import disjoint_paths
from reconciler.health.words import setting_of


class Edge(NamedTuple):
    """What is presented, and who judges it by which of its bundles."""

    process: str
    purpose: str
    usage: str
    verifier: str
    bundle: str
    reach: Literal["all", "same-node"] = "all"


EDGES: Final = (
    Edge("kube-apiserver", "etcd-client", "client auth", "etcd", "client-ca"),
    Edge("etcd", "serving", "server auth", "kube-apiserver", "etcd-client"),
    Edge("etcd", "peer", "client auth", "etcd", "peer-ca"),
    # etcd's gRPC gateway dials its own port with the server certificate (server/embed/etcd.go, grpcGatewayDial).
    Edge("etcd", "serving", "client auth", "etcd", "client-ca", "same-node"),
    Edge("kube-apiserver", "kubelet-client", "client auth", "kubelet", "client-ca"),
    Edge("kubelet", "serving", "server auth", "kube-apiserver", "kubelet-ca"),
    Edge("kubelet", "api-client", "client auth", "kube-apiserver", "client-ca"),
    Edge("kube-controller-manager", "api-client", "client auth", "kube-apiserver", "client-ca"),
    Edge("kube-scheduler", "api-client", "client auth", "kube-apiserver", "client-ca"),
    Edge("cloud-controller-manager", "api-client", "client auth", "kube-apiserver", "client-ca"),
    Edge("kube-proxy", "api-client", "client auth", "kube-apiserver", "client-ca"),
    Edge("", "person", "client auth", "kube-apiserver", "client-ca"),
    # Pods verify the API server by what the controller manager publishes as kube-root-ca.crt.
    Edge("kube-apiserver", "serving", "server auth", "kube-controller-manager", "root-ca"),
    # Any API server may forward to any extension server, which gets this bundle from a ConfigMap.
    Edge("kube-apiserver", "front-proxy", "client auth", "kube-apiserver", "front-proxy-ca"),
)
#: Purposes of the controller manager's signing files whose certificates come back to the API server.
SIGNING: Final = ("signing", "signing-kubelet-client", "signing-kube-apiserver-client")


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate that is presented, and one bundle that decides over it."""

    presented: Held
    verifier: Held
    setting: str
    """By which the verifier has its bundle."""
    usage: str


def judged(context: Context) -> Iterator[Judged]:
    """Every pair of something presented and a bundle that judges it.

    Nothing is judged by a bundle that is quite another on each node: that difference is told by itself.
    """
    apart = disjoint_paths(context)
    ours = frozenset((client.node.name, client.file.path) for client in clients(context))
    for edge in EDGES:
        bundles = [
            (node, bundle)
            for node in context.cluster.nodes
            for bundle in context.at(node, edge.verifier, edge.bundle, "trust")
            if bundle.path not in apart
        ]
        for held in context.held:
            if not _presents(held, edge, ours) or is_throw_away(context, held):
                continue
            for node, bundle in bundles:
                if held.node == node.name or edge.reach == "all":
                    setting = setting_of(use for use in bundle.uses if (use.process, use.purpose) == (edge.verifier, edge.bundle))
                    yield Judged(presented=held, verifier=bundle, setting=setting, usage=edge.usage)


def signing(context: Context, node: Node) -> Iterator[Held]:
    """The files by which the controller manager of a node signs."""
    for purpose in SIGNING:
        yield from context.at(node, "kube-controller-manager", purpose, "signing-certificate")


def _presents(held: Held, edge: Edge, ours: frozenset[tuple[str, str]]) -> bool:
    for use in held.uses:
        if (use.process, use.purpose, use.role) == (edge.process, edge.purpose, "certificate"):
            if use.process:
                return True
            path = held.path.partition("#")[0] if held.in_kubeconfig else use.source
            return (held.node, path) in ours
    return False

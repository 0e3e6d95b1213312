"""How something is mended, in the words of the installation it belongs to. Decisions."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from reconciler.health.context import ROTATING, Held

PKI: Final = "/etc/kubernetes/pki/"
#: What ``kubeadm certs renew`` and ``kubeadm init phase certs`` call each file.
_KUBEADM: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        f"{PKI}apiserver.crt": ("apiserver", "apiserver"),
        f"{PKI}apiserver-kubelet-client.crt": ("apiserver-kubelet-client", "apiserver-kubelet-client"),
        f"{PKI}apiserver-etcd-client.crt": ("apiserver-etcd-client", "apiserver-etcd-client"),
        f"{PKI}front-proxy-client.crt": ("front-proxy-client", "front-proxy-client"),
        f"{PKI}etcd/server.crt": ("etcd-server", "etcd-server"),
        f"{PKI}etcd/peer.crt": ("etcd-peer", "etcd-peer"),
        f"{PKI}etcd/healthcheck-client.crt": ("etcd-healthcheck-client", "etcd-healthcheck-client"),
        "/etc/kubernetes/admin.conf": ("admin.conf", "admin"),
        "/etc/kubernetes/super-admin.conf": ("super-admin.conf", "super-admin"),
        "/etc/kubernetes/controller-manager.conf": ("controller-manager.conf", "controller-manager"),
        "/etc/kubernetes/scheduler.conf": ("scheduler.conf", "scheduler"),
    }
)
#: Who reads its kubeconfig only when it starts.
_RESTARTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "controller-manager.conf": ", then restart kube-controller-manager",
        "scheduler.conf": ", then restart kube-scheduler",
    }
)


def renew(held: Held) -> str:
    """How a leaf gets a new certificate that says the same."""
    name, _ = _KUBEADM.get(_file(held), ("", ""))
    if ROTATING.search(held.path):
        return kubelet(held)
    if held.layout == "kubeadm" and name:
        return f"run `kubeadm certs renew {name}` on {held.node}{_RESTARTS.get(name, '')}"
    if held.layout in {"k3s", "rke2"}:
        return f"stop {held.layout} on {held.node}, run `{held.layout} certificate rotate`, and start it again"
    return "issue it again from the same CA with the same subject, names and usages, and have its users read it again"


def reissue(held: Held, change: str) -> str:
    """How a leaf gets a certificate that says something else: kubeadm's renewal copies what the old one says.

    Args:
        held: where it lies.
        change: what must be different, as in ``with the name x``.
    """
    name, phase = _KUBEADM.get(_file(held), ("", ""))
    if held.layout == "kubeadm" and name:
        kind = "kubeconfig" if name.endswith(".conf") else "certs"
        return (
            f"issue it again {change}: move the old files away and run `kubeadm init phase {kind} {phase}` on {held.node} "
            "with the cluster's configuration, since `kubeadm certs renew` copies what the old one says"
        )
    return f"issue it again {change}, or adopt the cluster with `cluster-pki discover --write` and plan it"


def kubelet(held: Held) -> str:
    """How a kubelet gets a new client or serving certificate that it did not get by itself."""
    if "server" in held.path.rpartition("/")[2]:
        return "approve the CertificateSigningRequest of the node with `kubectl certificate approve`"
    return (
        f"see why kubelet on {held.node} does not renew it (`kubectl get csr`, its log); once it has expired, make a "
        f"kubelet.conf with `kubeadm kubeconfig user --org system:nodes --client-name system:node:{held.node}`, then restart it"
    )


def _file(held: Held) -> str:
    return held.path.partition("#")[0]

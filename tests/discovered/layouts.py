"""Every healthy layout, and the little that there is to say about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from tests.clusters.by_hand import by_hand
from tests.clusters.k0s import k0s
from tests.clusters.k3s import k3s
from tests.clusters.kubeadm import kubeadm
from tests.clusters.kubespray import kubespray
from tests.clusters.plain import DIRECTORY, plain
from tests.clusters.rke2 import rke2

Found = tuple[str, str, str, str]
"""Severity, code, node and path of a finding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A cluster as its tool leaves it."""

    name: str
    maker: Callable[[Path], Path]
    found: tuple[Found, ...]
    directories: tuple[str, ...] = ()
    """Directories of PEM files to be read, too, as the node has them."""


def _notice(code: int, path: str, node: str = "cp-1") -> Found:
    return "notice", f"CPK{code}", node, path


_PKI: Final = "/etc/kubernetes/pki"
_UNVERIFIED: Final = _notice(622, "/etc/kubernetes/manifests/kube-apiserver.yaml")
_UNVERIFIED_BY_ALL: Final = _notice(622, "/etc/kubernetes/manifests/kube-apiserver.yaml", "")
_SUPER_ADMIN: Final = _notice(626, "/etc/kubernetes/super-admin.conf#kubernetes-super-admin")


def _kubelets(*nodes: str) -> tuple[Found, ...]:
    """Each kubelet signs its serving certificate itself."""
    return tuple(_notice(621, "/var/lib/kubelet/pki/kubelet.crt", node) for node in nodes)


#: Until 1.28 the admin and the API server as a client of kubelets were all-powerful.
_OLD: Final = (
    _UNVERIFIED,
    _notice(626, "/etc/kubernetes/admin.conf#kubernetes-admin"),
    _notice(626, f"{_PKI}/apiserver-kubelet-client.crt"),
    *_kubelets("cp-1", "worker-1"),
)
_NEW: Final = (_UNVERIFIED, _SUPER_ADMIN, *_kubelets("cp-1", "worker-1"))

_BY_HAND: Final = "/var/lib/kubernetes/pki"
#: openssl gives the certificates of clients no extensions.
_COURSE: Final = (
    _notice(618, "/root/.kube/config#admin", "controlplane"),
    _notice(618, f"{_BY_HAND}/kube-controller-manager.crt", "controlplane"),
    _notice(618, f"{_BY_HAND}/kube-scheduler.crt", "controlplane"),
    _notice(618, "/var/lib/kube-proxy/kubeconfig#system:kube-proxy", "node01"),
    _notice(626, "/root/.kube/config#admin", "controlplane"),
    _notice(626, f"{_BY_HAND}/apiserver-kubelet-client.crt", "controlplane"),
)
#: With a CA that has no identifier, on both nodes, no leaf names its issuer's.
_OLD_COURSE: Final = (
    *_COURSE,
    _notice(618, "/etc/etcd/ca.crt", ""),
    _notice(618, "/etc/etcd/etcd-server.crt", "controlplane"),
    _notice(618, f"{_BY_HAND}/apiserver-kubelet-client.crt", "controlplane"),
    _notice(618, f"{_BY_HAND}/kube-apiserver.crt", "controlplane"),
    _notice(618, f"{_BY_HAND}/node01.crt", "node01"),
)
#: What one CA for all means: whoever has any certificate may read etcd. The course says so itself.
_ONE_CA: Final = ("warning", "CPK624", "controlplane", "/etc/etcd/ca.crt")


def _rancher(name: str) -> tuple[Found, ...]:
    tls = f"/var/lib/rancher/{name}/server/tls"
    return (
        _notice(626, f"/etc/rancher/{name}/{name}.yaml#default", "server-1"),
        *(_notice(626, f"{tls}/client-{who}.crt", "server-1") for who in ("admin", "kube-apiserver", "supervisor")),
    )


_K0S: Final = (
    _notice(622, "/etc/systemd/system/k0scontroller.service", "controller-1"),
    _notice(626, "/var/lib/k0s/pki/admin.conf#user", "controller-1"),
    _notice(626, "/var/lib/k0s/pki/apiserver-kubelet-client.crt", "controller-1"),
    _notice(626, "/var/lib/k0s/pki/konnectivity.conf#user", "controller-1"),
    _notice(621, "/var/lib/k0s/kubelet/pki/kubelet.crt", "worker-1"),
)

LAYOUTS: Final[tuple[Layout, ...]] = (
    Layout(name="kubeadm-1.24", maker=partial(kubeadm, version="1.24"), found=_OLD),
    Layout(name="kubeadm-1.28", maker=partial(kubeadm, version="1.28"), found=_OLD),
    Layout(name="kubeadm-1.29", maker=partial(kubeadm, version="1.29"), found=_NEW),
    Layout(name="kubeadm-1.31", maker=partial(kubeadm, version="1.31"), found=_NEW),
    Layout(name="kubeadm-1.36", maker=partial(kubeadm, version="1.36"), found=_NEW),
    Layout(name="kubeadm-ecdsa", maker=partial(kubeadm, key="ecdsa-p256"), found=_NEW),
    Layout(
        name="kubeadm-three-planes",
        maker=partial(kubeadm, control_planes=3, workers=2),
        found=(_UNVERIFIED_BY_ALL, _SUPER_ADMIN, *_kubelets("cp-1", "cp-2", "cp-3", "worker-1", "worker-2")),
    ),
    Layout(
        name="kubeadm-external-etcd",
        maker=partial(kubeadm, control_planes=2, external_etcd=True),
        found=(_UNVERIFIED_BY_ALL, _SUPER_ADMIN, *_kubelets("cp-1", "cp-2", "worker-1")),
    ),
    Layout(
        name="kubeadm-external-ca",
        maker=partial(kubeadm, external_ca=True),
        found=(*_NEW, ("warning", "CPK620", "cp-1", "/etc/kubernetes/manifests/kube-controller-manager.yaml")),
    ),
    Layout(name="kubespray", maker=kubespray, found=_NEW),
    Layout(name="by-hand", maker=by_hand, found=(*_COURSE, _ONE_CA)),
    Layout(name="by-hand-old-openssl", maker=partial(by_hand, v1_ca=True), found=(*_OLD_COURSE, _ONE_CA)),
    Layout(name="by-hand-separate", maker=partial(by_hand, one_ca=False), found=_COURSE),
    Layout(name="k3s", maker=k3s, found=_rancher("k3s")),
    Layout(name="rke2", maker=rke2, found=_rancher("rke2")),
    Layout(name="k0s", maker=k0s, found=_K0S),
    Layout(name="plain", maker=plain, found=(), directories=(f"gateway{DIRECTORY}",)),
)

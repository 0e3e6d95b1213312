"""Facts that depend on the version of Kubernetes or of etcd. Decisions."""

from __future__ import annotations

import re
from typing import Final

_VERSION: Final = re.compile(r"v?1\.(\d+)(?:\.(\d+))?")
_CLUSTER_ADMINS: Final = 29
#: From which patch release kubeadm binds the user of the API server's kubelet client (kubernetes/kubernetes#138957).
_BINDS_FROM: Final = {33: 12, 34: 8, 35: 5, 36: 1}
_BINDS: Final = 37
_ETCD: Final = re.compile(r"v?3\.(\d+)\b")
#: Its revocation lists are parsed by x509.ParseRevocationList from here on, and before by ParseCRL (etcd-io/etcd#17106).
_DER_FROM: Final = 6


def has_cluster_admins(version: str) -> bool:
    """Whether kubeadm binds the group kubeadm:cluster-admins: from 1.29 on."""
    return _parts(version)[0] >= _CLUSTER_ADMINS


def binds_kubelet_client(version: str) -> bool:
    """Whether kubeadm binds the user kube-apiserver-kubelet-client itself, which then needs no group."""
    minor, patch = _parts(version)
    return minor >= _BINDS or patch >= _BINDS_FROM.get(minor, patch + 1)


def reads_pem_lists(etcd: str) -> bool:
    """Whether a version of etcd reads revocation lists in PEM, too: before 3.6; False for one that is not known."""
    found = _ETCD.match(etcd)
    return found is not None and int(found[1]) < _DER_FROM


def _parts(version: str) -> tuple[int, int]:
    found = _VERSION.match(version)
    return (int(found[1]), int(found[2] or 0)) if found else (0, 0)

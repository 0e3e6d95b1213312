"""What kubeadm of each release does differently, by its change logs, apart from the table that the preset has."""

from __future__ import annotations

from typing import Final

Version = tuple[int, int, int]

#: The patch release that a minor one stands for.
PATCHES: Final = {"1.24": "1.24.17", "1.28": "1.28.15", "1.29": "1.29.14", "1.31": "1.31.4", "1.36": "1.36.1"}
ETCD_IMAGES: Final = {24: "3.5.6-0", 28: "3.5.15-0", 29: "3.5.16-0", 31: "3.5.15-0", 36: "3.6.6-0"}
PAUSE_IMAGES: Final = {24: "3.7", 28: "3.9", 29: "3.9", 31: "3.10", 36: "3.10.1"}

MASTERS: Final = "system:masters"
CLUSTER_ADMINS: Final = "kubeadm:cluster-admins"
#: From these patches on, apiserver-kubelet-client has no organisation (kubernetes/kubernetes#138957).
_UNGROUPED: Final = {33: 12, 34: 8, 35: 5, 36: 1}


def parse(text: str) -> Version:
    """``1.31`` as its newest patch known here, ``1.31.2`` as it stands."""
    major, minor, patch = PATCHES.get(text, text).split(".")
    return int(major), int(minor), int(patch)


def super_admin(version: Version) -> bool:
    """Whether ``kubeadm init`` writes super-admin.conf."""
    return version >= (1, 29, 0)


def admins(version: Version) -> tuple[str, ...]:
    """Organisation of admin.conf."""
    return (CLUSTER_ADMINS,) if version >= (1, 29, 0) else (MASTERS,)


def kubelet_client(version: Version) -> tuple[str, ...]:
    """Organisation of apiserver-kubelet-client."""
    _, minor, patch = version
    if minor > max(_UNGROUPED) or patch >= _UNGROUPED.get(minor, 1000):
        return ()
    return admins(version)


def etcd_clients(version: Version) -> tuple[str, ...]:
    """Organisation of etcd's clients, which etcd does not read: none since 1.29 (kubernetes/kubernetes#119859)."""
    return (MASTERS,) if version < (1, 29, 0) else ()


def begins_with_its_ca(version: Version) -> bool:
    """Whether leaves are valid from when their CA is: until kubeadm.k8s.io/v1beta4."""
    return version < (1, 31, 0)


def image_registry(version: Version) -> str:
    """Where the images of a release were."""
    return "registry.k8s.io" if version >= (1, 25, 0) else "k8s.gcr.io"


def drop_in_directory(version: Version) -> str:
    """Where the packages put kubelet's drop-in: the community's packages moved it."""
    return "/usr/lib/systemd/system/kubelet.service.d" if version >= (1, 28, 0) else "/etc/systemd/system/kubelet.service.d"

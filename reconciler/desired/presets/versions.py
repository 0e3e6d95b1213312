"""What differs between Kubernetes versions in the subjects and files of a kubeadm cluster."""

from __future__ import annotations

from typing import Final

Version = tuple[int, int, int]

DEFAULT_VERSION: Final = "1.36"
#: A version without its patch number means the newest patch of that minor release.
NEWEST_PATCH: Final = 10_000
MASTERS: Final = "system:masters"
CLUSTER_ADMINS: Final = "kubeadm:cluster-admins"

#: First patch of each minor release whose apiserver-kubelet-client has no O (kubernetes/kubernetes#138957); 1.37 began with it.
_KUBELET_CLIENT_WITHOUT_GROUP: Final[dict[int, int]] = {33: 12, 34: 8, 35: 5, 36: 1}


def parse_version(text: str) -> Version:
    """``1.36`` or ``v1.36.1`` as numbers; the form is checked by the schema."""
    major, minor, *patch = text.removeprefix("v").split(".")
    return int(major), int(minor), int(patch[0]) if patch else NEWEST_PATCH


def has_super_admin(version: Version) -> bool:
    """Whether ``kubeadm init`` writes super-admin.conf: since 1.29."""
    return version >= (1, 29, 0)


def admin_organizations(version: Version) -> list[str]:
    """O of admin.conf: bound by RBAC since 1.29, all-powerful before."""
    return [CLUSTER_ADMINS if version >= (1, 29, 0) else MASTERS]


def kubelet_client_organizations(version: Version) -> list[str]:
    """O of apiserver-kubelet-client: system:masters until 1.28, then kubeadm:cluster-admins, then none."""
    if version < (1, 29, 0):
        return [MASTERS]
    _, minor, patch = version
    newest_known = max(_KUBELET_CLIENT_WITHOUT_GROUP)
    without = minor > newest_known or patch >= _KUBELET_CLIENT_WITHOUT_GROUP.get(minor, NEWEST_PATCH + 1)
    return [] if without else [CLUSTER_ADMINS]


def etcd_client_organizations(version: Version) -> list[str]:
    """O of the clients of etcd, which does not read it: dropped with 1.29 (kubernetes/kubernetes#119859, #120521)."""
    return [MASTERS] if version < (1, 29, 0) else []

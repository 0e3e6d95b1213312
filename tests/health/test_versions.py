"""Which version of kubeadm binds whom."""

from __future__ import annotations

import pytest

from reconciler.health.versions import binds_kubelet_client, has_cluster_admins, reads_pem_lists


@pytest.mark.parametrize(
    ("version", "admins", "user"),
    [
        ("1.24.0", False, False),
        ("1.28.15", False, False),
        ("1.29.0", True, False),
        ("v1.31.4", True, False),
        ("1.33.11", True, False),
        ("1.33.12", True, True),
        ("1.34.7", True, False),
        ("1.34.8", True, True),
        ("1.35.5", True, True),
        ("1.36.0", True, False),
        ("1.36.1-rc.0", True, True),
        ("1.37.0", True, True),
        ("1.37", True, True),
        ("latest", False, False),
    ],
)
def test_bindings(version: str, admins: bool, user: bool) -> None:
    """kubeadm:cluster-admins from 1.29 on; the user of the kubelet client from a patch release of each branch on."""
    assert (has_cluster_admins(version), binds_kubelet_client(version)) == (admins, user)


@pytest.mark.parametrize(
    ("version", "reads"),
    [
        ("3.4.23", True),
        ("3.5.15", True),
        ("v3.5.0-rc.1", True),
        ("3.6.0", False),
        ("3.10.1", False),
        ("4.5.0", False),
        ("", False),
    ],
)
def test_revocation_lists_as_pem(version: str, reads: bool) -> None:
    """Etcd reads PEM before 3.6; of an unknown version it is not expected."""
    assert reads_pem_lists(version) is reads

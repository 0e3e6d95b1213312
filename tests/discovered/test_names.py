"""What a cluster is called when nobody says it."""

from __future__ import annotations

from pathlib import Path

from reconciler.health.document_of import name_of
from tests.clusters.kubeadm import kubeadm
from tests.discovered.looking import read


def test_nodes_that_joined_do_not_name_a_cluster(tmp_path: Path) -> None:
    """However many they are: kubeadm gives every one of them the same name for any cluster."""
    kubeadm(tmp_path, workers=8)
    assert name_of(read(tmp_path)) == "kubernetes"

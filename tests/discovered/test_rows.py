"""Which lines of the inventory a finding is told with."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.health.document_of import document_of
from reconciler.health.examine import examine
from tests.builders import NOW
from tests.clusters.kubeadm import kubeadm
from tests.discovered.looking import read

ADMIN = "users[kubernetes-super-admin].client-certificate-data"


@pytest.mark.parametrize(
    ("days", "codes"), [(0, ["CPK626"]), (350, ["CPK605", "CPK626"]), (366, ["CPK604"])], ids=["fresh", "ending", "ended"]
)
def test_a_ca_is_not_said_to_end_with_the_certificate_beside_it(tmp_path: Path, days: int, codes: list[str]) -> None:
    """A kubeconfig has a line for its user's certificate and one for the CA that it trusts: the CA lives for ten years."""
    cluster, now = read(kubeadm(tmp_path, workers=0)), NOW + timedelta(days=days, minutes=1)
    document = document_of(cluster, examine(cluster, now), name="", now=now, expiring=timedelta(days=30))
    rows = {row.within: row.findings for row in document.inventory if row.path == "/etc/kubernetes/super-admin.conf"}
    assert rows == {ADMIN: codes, "clusters[kubernetes].certificate-authority-data": []}

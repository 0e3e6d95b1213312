"""A cluster of kubespray: everything but etcd's files, which have names of their own, is taken over from where it lies."""

from __future__ import annotations

from pathlib import Path

from tests.adopting.desk import desk
from tests.clusters.kubespray import kubespray


def test_what_has_other_names_is_left_alone(tmp_path: Path) -> None:
    """The files of etcd are its own; what is reached by a link is taken over, and told once."""
    adoption = desk(tmp_path, kubespray).adopt()
    assert "pki/" not in "".join(line for line in adoption.text.splitlines() if "path:" in line)
    assert [note.partition(" on ")[0] for note in adoption.notes if "kubelet" not in note] == [
        *(f"/etc/ssl/etcd/ssl/{name}-cp-1.pem" for name in ("admin", "member", "node")),
        "/etc/ssl/etcd/ssl/ca.pem",
    ]

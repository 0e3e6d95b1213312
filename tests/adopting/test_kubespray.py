"""A cluster of kubespray: everything is taken over from where it lies, etcd's files under their own names."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.adopting.desk import desk
from tests.clusters.kubespray import kubespray

CFSSL = {"certificate": ".pem", "key": "-key.pem"}
ETCD = "etc/ssl/etcd/ssl"


def test_etcd_is_taken_over_under_its_own_names(tmp_path: Path) -> None:
    """What is reached by a link is taken over, and told once; only the kubelet's files are left to it."""
    site = desk(tmp_path, kubespray)
    adoption = site.adopt()
    assert "pki/" not in "".join(line for line in adoption.text.splitlines() if "path:" in line)
    assert [note for note in adoption.notes if "kubelet" not in note] == []
    document = site.document()
    assert document["cas"]["etcd"]["path"] == f"{ETCD}/ca"
    assert {name: entry["path"] for name, entry in document["components"].items() if entry and "naming" in entry} == {
        "admin-node": f"{ETCD}/admin-{{node}}",
        "apiserver-etcd-client": f"{ETCD}/node-{{node}}",
        "etcd-server": f"{ETCD}/member-{{node}}",
    }
    named = [
        entry["naming"]
        for section in ("cas", "components")
        for entry in document[section].values()
        if entry and "naming" in entry
    ]
    assert named == [CFSSL] * 4


def test_its_etcd_moves_to_another_generation_of_its_ca(tmp_path: Path) -> None:
    """On every control plane, from the files that were there, and back to an empty plan."""
    site = desk(tmp_path, kubespray, control_planes=3)
    site.adopt()
    document = site.document()
    document["cas"]["etcd"] |= {"generation": 2, "rotation": {"soak": "0s"}}
    site.home.write(document)
    for _ in range(4):
        assert site.home.apply().code == 0
    assert site.home.plan().changes() == {}
    for node in ("cp-1", "cp-2", "cp-3"):
        folder = site.snapshot / node / ETCD
        beside = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
        leaves = [f"{name}-{node}" for name in ("admin", "member", "node")]
        assert beside >= {"ca-bundle.pem", *(f"{pair}{end}" for pair in ("ca", *leaves) for end in CFSSL.values())}
        for leaf in leaves:
            subprocess.run(["openssl", "verify", "-CAfile", folder / "ca-bundle.pem", folder / f"{leaf}.pem"], check=True)
        assert (folder / "ca.pem").read_bytes() == (site.snapshot / "cp-1" / ETCD / "ca.g2.pem").read_bytes()

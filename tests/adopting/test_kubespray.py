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
    """On every node, from the files that were there, and back to an empty plan."""
    site = desk(tmp_path, kubespray, control_planes=3)
    trusting = site.snapshot / "worker-1" / ETCD
    trusting.mkdir(parents=True)
    (trusting / "ca.pem").write_bytes((site.snapshot / "cp-1" / ETCD / "ca.pem").read_bytes())
    site.adopt()
    document = site.document()
    for ca in ("etcd", "kubernetes"):
        document["cas"][ca] |= {"generation": 2, "rotation": {"soak": "0s"}}
    site.home.write(document)
    for _ in range(4):
        assert site.home.apply().code == 0
    assert site.home.plan().changes() == {}
    for node in ("cp-1", "cp-2", "cp-3"):
        assert (site.snapshot / node / "etc/kubernetes/ssl/ca-bundle.crt").exists()
        folder = site.snapshot / node / ETCD
        beside = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
        leaves = [f"{name}-{node}" for name in ("admin", "member", "node")]
        assert beside >= {"ca-bundle.pem", *(f"{pair}{end}" for pair in ("ca", *leaves) for end in CFSSL.values())}
        for leaf in leaves:
            subprocess.run(["openssl", "verify", "-CAfile", folder / "ca-bundle.pem", folder / f"{leaf}.pem"], check=True)
        assert (folder / "ca.pem").read_bytes() == (site.snapshot / "cp-1" / ETCD / "ca.g2.pem").read_bytes()
    trusted = {path.name: path.read_bytes() for path in trusting.iterdir()}
    assert trusted == {"ca.pem": (site.snapshot / "cp-1" / ETCD / "ca-bundle.pem").read_bytes()}


def test_a_key_of_a_ca_that_is_called_otherwise_is_told(tmp_path: Path) -> None:
    """One entry has one naming; the certificate beside that key is a trust file like any other."""
    site = desk(tmp_path, kubespray, control_planes=2)
    there = site.snapshot / "cp-2" / ETCD
    (there / "ca-key.pem").rename(there / "ca.key")
    adoption = site.adopt()
    told = f"/{ETCD}/ca.key on cp-2: it is the key of CA etcd, whose pair is called otherwise on cp-1"
    assert [note for note in adoption.notes if "kubelet" not in note] == [told]
    assert site.home.plan().changes() == {}
    (bundle,) = (each for name, each in site.document()["bundles"].items() if name == "etcd")
    assert "forEach" not in bundle

"""What a plan says of a keypair that rotates: what it sees to itself, and what it takes on somebody's word."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.real.cluster import make_cluster

DESIRED: Final = """
apiVersion: cluster-pki/v1
cluster: demo
kubernetes: {preset: kubeadm, version: "1.36", controlPlaneEndpoint: "api.demo.internal:6443"}
nodes:
  - {name: cp-1, roles: [control-plane], addresses: [192.0.2.11]}
stores:
  files: {type: file, root: "/nodes/{node}"}
  authority: {type: file, root: /authority}
cas:
  kubernetes: {store: authority, path: kubernetes/ca}
  etcd: {store: authority, path: etcd/ca}
  front-proxy: {store: authority, path: front-proxy/ca}
keypairs: {sa: {generation: 1}}
"""


def test_a_keypair_says_what_it_waits_for_and_what_it_takes_on_trust(tmp_path: Path) -> None:
    """The first plan sees to everything it waits for; the second warns that nothing shows the API server's restart."""
    cluster = make_cluster(tmp_path, DESIRED)
    cluster.apply()
    cluster.file.write_text(DESIRED.replace("generation: 1", "generation: 2"), encoding="utf-8")
    staging = cluster.plan(expect=2)
    assert [(each["message"], each["planned"]) for each in staging["rotations"][0]["waits_for"]] == [
        ("has no generation 2 yet", True),
        ("does not hold generation 2 yet", True),
    ]
    assert staging["diagnostics"] == []
    cluster.apply()
    switching = cluster.plan(expect=2)
    assert [(each["message"], each["planned"]) for each in switching["rotations"][0]["waits_for"]] == [
        ("is signed by generation 1", True),
        ("signs with generation 1", True),
    ]
    assert [(told["code"], told["severity"], told["address"]) for told in switching["diagnostics"]] == [
        ("restarts-assumed", "warning", "keypair.sa")
    ]

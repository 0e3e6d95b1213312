"""A plan without changes of a cluster of 5,000 nodes: 10,000 certificates, and as many kubeconfigs and bundles again."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Final

from benchmarks.measure import Row, Run, below, program, run

NODES: Final = 5_000
ROUNDS: Final = 5
HEAD: Final = """\
apiVersion: cluster-pki/v1
cluster: large
kubernetes:
  preset: kubeadm
  version: "1.36"
  controlPlaneEndpoint: api.large.internal:6443
stores:
  files: {type: file, root: "/nodes/{node}"}
  authority: {type: file, root: /authority}
cas:
  kubernetes: {store: authority, path: kubernetes/ca}
  etcd: {store: authority, path: etcd/ca}
  front-proxy: {store: authority, path: front-proxy/ca}
components: {kube-proxy: null}
guards: {maxChanges: 100%}
nodes:
  - {name: cp-1, roles: [control-plane], addresses: [192.0.2.11]}
"""


def desired() -> str:
    """The cluster as YAML: workers with a kubelet client and a kubelet serving certificate each."""
    addresses = (f"10.{number // 62_500}.{number // 250 % 250}.{number % 250 + 1}" for number in range(NODES))
    workers = (f"  - {{name: w-{number}, roles: [worker], addresses: [{address}]}}\n" for number, address in enumerate(addresses))
    return HEAD + "".join(workers)


def measure(scratch: Path) -> list[Row]:
    """Cold, with the cache of observations removed before each run, and warm."""
    (scratch / "cluster-pki.yaml").write_text(desired(), encoding="utf-8")
    run(program(scratch, "apply", "--auto-approve"), cwd=scratch)
    plan = program(scratch, "plan", "--detailed-exitcode")
    cold: list[Run] = []
    warm: list[Run] = []
    for _ in range(ROUNDS):
        (scratch / "state" / "observed.cache").unlink(missing_ok=True)
        cold.append(run(plan, cwd=scratch))
        warm.append(run(plan, cwd=scratch))
    return [
        below("plan of 10,000 certificates, cold", statistics.median(one.seconds for one in cold), " s", limit=3),
        below("plan of 10,000 certificates, cached", statistics.median(one.seconds for one in warm), " s", limit=1.5),
        below("peak memory of these plans", max(one.peak_mib for one in (*cold, *warm)), " MiB", limit=300),
    ]

"""A real three-member etcd starts from our files, serves our clients and refuses everybody else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.real.cluster import Cluster, make_cluster
from tests.real.etcd import Identity, Member, etcdctl, free_ports, running, wait_until_healthy

DESIRED = """\
apiVersion: cluster-pki/v1
cluster: etcd
kubernetes:
  preset: kubeadm
  version: "1.36"
  controlPlaneEndpoint: api.etcd.internal:6443
stores:
  files: {type: file, root: "/nodes/{node}"}
  authority: {type: file, root: /authority}
cas:
  kubernetes: {store: authority, path: kubernetes/ca}
  etcd: {store: authority, path: etcd/ca}
  front-proxy: {store: authority, path: front-proxy/ca}
keypairs:
  sa: {key: ecdsa-p256}
nodes:
  - {name: cp-1, roles: [control-plane], addresses: [127.0.0.1]}
  - {name: cp-2, roles: [control-plane], addresses: [127.0.0.2]}
  - {name: cp-3, roles: [control-plane], addresses: [127.0.0.3]}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Etcd:
    """A running cluster and the files that its clients use."""

    cluster: Cluster
    members: list[Member]

    def identity(self, address: str) -> Identity:
        """A component's files, trusting the etcd CA."""
        return identity_of(self.cluster, address)

    @property
    def roots(self) -> Path:
        """The etcd CA's certificate."""
        return self.cluster.paths("ca.etcd")["certificate"]


def identity_of(cluster: Cluster, address: str) -> Identity:
    """A component's files, trusting the etcd CA."""
    resources = cluster.resources()
    paths = resources[address]["paths"]
    return Identity(
        certificate=Path(paths["certificate"]), key=Path(paths["key"]), roots=Path(resources["ca.etcd"]["paths"]["certificate"])
    )


def member_of(cluster: Cluster, name: str, address: str) -> Member:
    """The etcd member of a control-plane node, on ports that are free; it trusts what the bundle of its node holds."""
    client_port, peer_port = free_ports(address, 2)
    roots = cluster.paths(f"bundle.etcd[{name}]")["bundle"]
    return Member(
        name=name,
        address=address,
        client_port=client_port,
        peer_port=peer_port,
        server=replace(identity_of(cluster, f"component.etcd-server[{name}]"), roots=roots),
        peer=replace(identity_of(cluster, f"component.etcd-peer[{name}]"), roots=roots),
    )


@pytest.fixture(scope="module")
def etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Etcd]:
    """Three members, ready."""
    home = tmp_path_factory.mktemp("etcd")
    cluster = make_cluster(home, DESIRED)
    cluster.apply()
    members = [member_of(cluster, f"cp-{number}", f"127.0.0.{number}") for number in (1, 2, 3)]
    with running(members, home) as logs:
        wait_until_healthy(members, identity_of(cluster, "component.etcd-healthcheck-client[cp-1]"), logs)
        yield Etcd(cluster=cluster, members=members)


def test_three_members_serve_our_clients_and_nobody_else(etcd: Etcd) -> None:
    """The members form one cluster: what the apiserver's client writes on one, another client reads on the next.

    One test, so that one worker starts one cluster.
    """
    first, second, third = (member.client_url for member in etcd.members)
    apiserver = etcd.identity("component.apiserver-etcd-client[cp-1]")
    probe = etcd.identity("component.etcd-healthcheck-client[cp-2]")

    written = etcdctl(first, "put", "greeting", "hello", roots=etcd.roots, identity=apiserver)
    assert (written.returncode, written.stdout) == (0, "OK\n"), written.stderr
    for endpoint, identity in ((first, apiserver), (second, probe), (third, apiserver)):
        read = etcdctl(endpoint, "get", "greeting", roots=etcd.roots, identity=identity)
        assert (read.returncode, read.stdout) == (0, "greeting\nhello\n"), read.stderr
    members = etcdctl(first, "member", "list", "--write-out=simple", roots=etcd.roots, identity=apiserver)
    assert [line.split(", ")[1:3] for line in sorted(members.stdout.splitlines(), key=lambda row: row.split(", ")[2])] == [
        ["started", "cp-1"],
        ["started", "cp-2"],
        ["started", "cp-3"],
    ]

    stranger = etcd.identity("component.apiserver-kubelet-client[cp-1]")
    for intruder in (stranger, None):
        refused = etcdctl(first, "get", "greeting", roots=etcd.roots, identity=intruder, seconds=3)
        assert refused.returncode != 0
        assert "hello" not in refused.stdout


def test_a_client_does_not_trust_a_server_of_another_ca(etcd: Etcd) -> None:
    """Trust goes both ways: with the Kubernetes CA as its root, a client refuses etcd's server certificate."""
    roots = etcd.cluster.paths("ca.kubernetes")["certificate"]
    identity = etcd.identity("component.apiserver-etcd-client[cp-1]")
    refused = etcdctl(etcd.members[0].client_url, "get", "greeting", roots=roots, identity=identity, seconds=3)
    assert refused.returncode != 0

"""k3s, RKE2 and k0s: what they start by convention, and plain directories."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.cluster.model import Layout, Node, Role
from reconciler.discovery.walk import places, read_cluster
from tests.clusters.k0s import k0s
from tests.clusters.k3s import k3s
from tests.clusters.plain import plain
from tests.clusters.rke2 import rke2
from tests.discovery.trees import contents, node, tree

CONTROL = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")


def nodes(directory: Path) -> dict[str, Node]:
    """The nodes below a directory, by name."""
    return {found.name: found for found in read_cluster(places(str(directory))).nodes}


def used(found: Node, *asked: tuple[str, str, Role]) -> list[tuple[str, ...]]:
    """The paths that processes use for purposes."""
    return [tuple(file.path for file in found.used(process, purpose, role)) for process, purpose, role in asked]


@pytest.mark.parametrize("embedded_etcd_config", [True, False])
def test_k3s(tmp_path: Path, embedded_etcd_config: bool) -> None:
    """One program that is all of them; its etcd is known by its file, or by convention where that is missing."""
    k3s(tmp_path)
    if not embedded_etcd_config:
        next(tmp_path.glob("*/var/lib/rancher/k3s/server/db/etcd/config")).unlink()
    found = nodes(tmp_path)
    assert {name: (each.layout, each.addresses, each.unread) for name, each in found.items()} == {
        "agent-1": ("k3s", ("192.0.2.21",), ()),
        "server-1": ("k3s", ("192.0.2.11",), ()),
    }
    server, agent = found["server-1"], found["agent-1"]
    assert [process.name for process in server.processes] == [
        *("cloud-controller-manager", "etcd", "k3s", *CONTROL[:2], "kube-proxy", CONTROL[2], "kubelet"),
    ]
    assert [process.name for process in agent.processes] == ["k3s", "kube-proxy", "kubelet"]
    tls = "/var/lib/rancher/k3s/server/tls"
    assert used(
        server,
        ("kube-apiserver", "serving", "certificate"),
        ("kube-apiserver", "etcd-client", "trust"),
        ("kube-controller-manager", "signing-kubelet-client", "signing-certificate"),
        ("kube-controller-manager", "api-client", "certificate"),
        ("etcd", "peer-ca", "trust"),
        ("etcd", "serving", "key"),
    ) == [
        (f"{tls}/serving-kube-apiserver.crt",),
        (f"{tls}/etcd/server-ca.crt",),
        (f"{tls}/client-ca.nochain.crt",),
        (f"{tls}/client-controller.crt",),
        (f"{tls}/etcd/peer-ca.crt",),
        (f"{tls}/etcd/server-client.key",),
    ]
    home = "/var/lib/rancher/k3s/agent"
    assert used(agent, ("kubelet", "serving", "certificate"), ("kubelet", "api-client", "key"), ("k3s", "api-client", "key")) == [
        (f"{home}/serving-kubelet.crt",),
        (f"{home}/client-kubelet.key",),
        (f"{home}/client-k3s-controller.key",),
    ]
    api = server.process("kube-apiserver")
    assert api is not None
    assert (api.value("service-cluster-ip-range"), api.value("advertise-address")) == ("10.43.0.0/16", "192.0.2.11")


def test_rke2(tmp_path: Path) -> None:
    """Its control plane is static pods in its own place, whose files are mounted one by one; its kubelet is not."""
    server = nodes(rke2(tmp_path))["server-1"]
    assert (server.layout, server.unread) == ("rke2", ())
    data = "/var/lib/rancher/rke2"
    assert {process.name: process.source for process in server.processes if process.name in CONTROL} == {
        name: f"{data}/agent/pod-manifests/{name}.yaml" for name in CONTROL
    }
    assert used(
        server,
        ("kube-apiserver", "serving", "certificate"),
        ("etcd", "peer", "certificate"),
        ("kubelet", "serving", "certificate"),
    ) == [
        (f"{data}/server/tls/serving-kube-apiserver.crt",),
        (f"{data}/server/tls/etcd/peer-server-client.crt",),
        (f"{data}/agent/serving-kubelet.crt",),
    ]


def test_k0s(tmp_path: Path) -> None:
    """Controllers and workers, by convention and by k0s.yaml."""
    found = nodes(k0s(tmp_path))
    controller, worker = found["controller-1"], found["worker-1"]
    assert [(each.layout, each.unread) for each in (controller, worker)] == [("k0s", ())] * 2
    assert used(
        controller,
        ("kube-apiserver", "serving", "certificate"),
        ("kube-controller-manager", "signing", "signing-key"),
        ("etcd", "client-ca", "trust"),
        ("konnectivity-server", "api-client", "kubeconfig"),
    ) == [
        ("/var/lib/k0s/pki/server.crt",),
        ("/var/lib/k0s/pki/ca.key",),
        ("/var/lib/k0s/pki/etcd/ca.crt",),
        ("/var/lib/k0s/pki/konnectivity.conf",),
    ]
    assert used(worker, ("kubelet", "api-client", "certificate")) == [("/var/lib/k0s/kubelet/pki/kubelet-client-current.pem",)]
    assert controller.addresses == ("192.0.2.11",)


def test_plain(tmp_path: Path) -> None:
    """A machine that runs nothing of a cluster: every PEM file below /etc, with nobody who uses it."""
    (gateway,) = nodes(plain(tmp_path)).values()
    assert (gateway.name, gateway.layout, gateway.processes, gateway.unread) == ("gateway", "files", (), ())
    assert set(contents(gateway).values()) == {"Certificates", "CombinedPair", "Key", "PublicKey", "RevocationLists"}
    assert not any(file.uses for file in gateway.files.values())


@pytest.mark.parametrize(
    ("layout", "files", "settings"),
    [
        (
            "k3s",
            {
                "/etc/systemd/system/k3s.service": "[Service]\nExecStart=k3s server --data-dir=/data --node-ip=192.0.2.1\n",
                "/data/server/tls/serving-kube-apiserver.crt": "",
                "/etc/rancher/k3s/config.yaml": "node-ip: 192.0.2.2\ntoken: SECRET\nservice-cidr: 10.0.0.0/16\n",
                "/etc/rancher/k3s/config.yaml.d/1.yaml": "kube-apiserver-arg: [oidc-ca-file=/o.crt, --v=4]\n",
            },
            {
                "advertise-address": "192.0.2.1",
                "client-ca-file": "/data/server/tls/client-ca.crt",
                "oidc-ca-file": "/o.crt",
                "service-cluster-ip-range": "10.0.0.0/16",
                "service-account-signing-key-file": "/data/server/tls/service.key",
                "tls-cert-file": "/data/server/tls/serving-kube-apiserver.crt",
                "v": "4",
            },
        ),
        (
            "k0s",
            {
                "/etc/systemd/system/k0s.service": "[Service]\nExecStart=k0s controller --config=/k0s.yaml\n",
                "/k0s.yaml": "spec: {api: {address: 192.0.2.3}}\n",
                "/var/lib/k0s/pki/server.crt": "",
            },
            {
                "advertise-address": "192.0.2.3",
                "service-cluster-ip-range": "10.96.0.0/12",
                "tls-cert-file": "/var/lib/k0s/pki/server.crt",
            },
        ),
    ],
)
def test_what_an_administrator_changes(tmp_path: Path, layout: Layout, files: dict[str, str], settings: dict[str, str]) -> None:
    """Another directory, another configuration, further flags: they count before the conventions. A token is not kept."""
    found = node(tree(tmp_path, files))
    api = found.process("kube-apiserver")
    assert api is not None
    assert found.layout == layout
    assert {name: api.value(name) for name in settings} == settings
    assert "SECRET" not in repr(found)

"""What a node is called, its addresses, and what kind of installation it is."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from reconciler.cluster.model import Layout, Process
from reconciler.cluster.naming import layout_of, node_addresses, node_name

POD, UNIT = "/etc/kubernetes/manifests/x.yaml", "/etc/systemd/system/x.service"


def process(name: str, source: str = UNIT, /, **settings: str) -> Process:
    """A process; underscores in names are dashes."""
    return Process(name=name, source=source, settings={key.replace("_", "-"): (value,) for key, value in settings.items()})


@pytest.mark.parametrize(
    ("processes", "name"),
    [
        ([process("kubelet", hostname_override="a"), process("etcd", name="b")], "a"),
        ([process("kubelet"), process("etcd", name="b")], "b"),
        ([process("k3s", node_name="c"), process("etcd", name="b-1234")], "c"),
        ([process("etcd", name="%H"), process("etcd", name="$(NAME)")], ""),
        ([process("kube-proxy", name="x")], ""),
        ([], ""),
    ],
)
def test_name(processes: Sequence[Process], name: str) -> None:
    """By flag, by distribution, by member name; what is not known is not a name."""
    assert node_name(processes, {}) == name


@pytest.mark.parametrize(
    ("processes", "addresses"),
    [
        ([process("kube-apiserver", advertise_address="192.0.2.1"), process("kubelet", node_ip="192.0.2.2,2001:db8::2")],
         ("192.0.2.1", "192.0.2.2", "2001:db8::2")),
        ([process("etcd", listen_client_urls="https://127.0.0.1:2379,https://192.0.2.3:2379,https://[2001:db8::3]:2379")],
         ("192.0.2.3", "2001:db8::3")),
        ([process("etcd", advertise_client_urls="https://192.0.2.3:2379", initial_advertise_peer_urls="https://192.0.2.3:2380")],
         ("192.0.2.3",)),
        ([process("etcd", listen_peer_urls="https://0.0.0.0:2380,https://[::]:2380,https://[::1]:2380,https://name:1,https://[x:1,")],
         ()),
        ([process("kubelet", node_ip="")], ()),
        ([process("kube-proxy", node_ip="192.0.2.9")], ()),
    ],
)  # fmt: skip
def test_addresses(processes: Sequence[Process], addresses: tuple[str, ...]) -> None:
    """The main one first, each once; loopback, wildcards and names are none."""
    assert node_addresses(processes) == addresses


@pytest.mark.parametrize(
    ("processes", "distribution", "files", "layout"),
    [
        ([process("kube-apiserver", POD), process("kubelet")], None, [], "kubeadm"),
        ([process("kubelet", kubeconfig="/etc/kubernetes/kubelet.conf")], None, [], "kubeadm"),
        ([process("kube-apiserver"), process("kubelet", kubeconfig="/etc/kubernetes/kubelet.conf")], None, [], "by-hand"),
        ([process("kubelet", kubeconfig="/var/lib/kubelet/kubeconfig")], None, [], "by-hand"),
        ([process("etcd")], None, [], "by-hand"),
        ([process("kube-apiserver", POD)], "rke2", [], "rke2"),
        ([], None, ["/etc/kubernetes/pki/ca.crt"], "kubeadm"),
        ([], None, ["/etc/ssl/a.crt"], "files"),
        ([], None, [], "files"),
    ],
)
def test_layout(processes: Sequence[Process], distribution: Layout | None, files: Sequence[str], layout: Layout) -> None:
    """A distribution by itself; kubeadm by its static pods and its kubelet; else whoever wrote units."""
    assert layout_of(processes, distribution, files) == layout

"""What things are called: as the preset calls them, by what they are for, else by their files."""

from __future__ import annotations

import pytest

from reconciler.adopting.names import authority_name, component_name, free_name, kubeconfig_name, slug
from reconciler.cluster.model import File, Use
from reconciler.observed.model import Absent

API = "kube-apiserver"


def file(path: str, *uses: tuple[str, str]) -> File:
    """A file with what uses it, by process and purpose."""
    made = [Use(process=process, setting="--x", role="certificate", purpose=purpose, source="/s") for process, purpose in uses]
    return File(path=path, content=Absent(), uses=tuple(made))


@pytest.mark.parametrize(
    ("base", "uses", "name"),
    [
        ("/etc/kubernetes/pki/apiserver", [(API, "serving")], "apiserver"),
        ("/etc/kubernetes/pki/etcd/server", [("etcd", "serving")], "etcd-server"),
        ("/etc/kubernetes/pki/etcd/healthcheck-client", [], "etcd-healthcheck-client"),
        ("/var/lib/kubernetes/kube-api-server", [(API, "serving")], "apiserver"),
        ("/etc/etcd/kubernetes", [("etcd", "serving"), ("etcd", "peer")], "etcd-server"),
        ("/etc/etcd/etcd-peer", [("etcd", "serving"), ("etcd", "peer")], "etcd-peer"),
        ("/var/lib/kubelet/node01", [("kubelet", "serving")], "kubelet-serving"),
        ("/srv/Web_Server.2024", [], "web-server-2024"),
    ],
)
def test_components(base: str, uses: list[tuple[str, str]], name: str) -> None:
    """Kubeadm's own paths, then what a process makes of them, then the file."""
    assert component_name(base, file(f"{base}.crt", *uses)) == name


@pytest.mark.parametrize(
    ("path", "process", "user", "name"),
    [
        ("/etc/kubernetes/super-admin.conf", "", "kubernetes-super-admin", "super-admin"),
        ("/var/lib/kubernetes/kcm.kubeconfig", "kube-controller-manager", "u", "controller-manager"),
        ("/var/lib/kube-proxy/kubeconfig", "kube-proxy", "u", "kube-proxy"),
        ("/root/.kube/config", "", "admin", "admin"),
        ("/root/ops.kubeconfig", "", "u", "ops"),
    ],
)
def test_kubeconfigs(path: str, process: str, user: str, name: str) -> None:
    """By file, by who reads it, and by the user where the file is called like any other."""
    assert kubeconfig_name(path, file(path, (process, "api-client")), user) == name


@pytest.mark.parametrize(
    ("base", "uses", "name"),
    [
        ("/etc/kubernetes/pki/ca", [(API, "client-ca"), ("etcd", "client-ca")], "kubernetes"),
        ("/etc/kubernetes/pki/etcd/ca", [], "etcd"),
        ("/etc/kubernetes/pki/front-proxy-ca", [], "front-proxy"),
        ("/var/lib/rancher/k3s/server/tls/etcd/peer-ca", [], "etcd-peer"),
        ("/etc/etcd/ca", [("etcd", "client-ca")], "etcd"),
        ("/srv/tls/ca", [], "example-root-2024"),
    ],
)
def test_authorities(base: str, uses: list[tuple[str, str]], name: str) -> None:
    """By file, by who trusts it, by its own name."""
    assert authority_name(base, file(f"{base}.crt", *uses), "Example Root 2024") == name


@pytest.mark.parametrize(("text", "name"), [("", "unnamed"), ("-._", "unnamed"), ("a" * 70, "a" * 63), ("Ä b", "b")])
def test_a_name_can_be_made_of_any_text(text: str, name: str) -> None:
    """Of the form that the schema wants."""
    assert slug(text) == name


def test_no_name_is_given_twice() -> None:
    """The next number is taken, and the name stays short enough."""
    assert free_name("api", ["api", "api-2"]) == "api-3"
    assert free_name("a" * 63, ["a" * 63]) == "a" * 59 + "-2"

"""The makers of k3s, RKE2 and k0s clusters and of a plain directory, judged by openssl."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
import yaml

from tests.clusters.judging import field, mode, names, same_key, text, verifies
from tests.clusters.k0s import k0s
from tests.clusters.k3s import k3s
from tests.clusters.plain import plain
from tests.clusters.rke2 import rke2

Rows = list[tuple[str, str, str, str]]

#: Certificate, its CA, its purpose, its subject.
RANCHER: Final[Rows] = [
    ("server/tls/client-admin", "server/tls/client-ca", "client", "O = system:masters, CN = system:admin"),
    ("server/tls/client-controller", "server/tls/client-ca", "client", "CN = system:kube-controller-manager"),
    ("server/tls/client-kube-apiserver", "server/tls/client-ca", "client", "O = system:masters, CN = system:apiserver"),
    ("server/tls/client-auth-proxy", "server/tls/request-header-ca", "client", "CN = system:auth-proxy"),
    ("server/tls/serving-kube-apiserver", "server/tls/server-ca", "server", "CN = kube-apiserver"),
    ("server/tls/kube-scheduler/kube-scheduler", "server/tls/server-ca", "server", "CN = kube-scheduler"),
    ("server/tls/etcd/server-client", "server/tls/etcd/server-ca", "server", "CN = etcd-server"),
    ("server/tls/etcd/server-client", "server/tls/etcd/server-ca", "client", "CN = etcd-server"),
    ("server/tls/etcd/peer-server-client", "server/tls/etcd/peer-ca", "client", "CN = etcd-peer"),
    ("server/tls/etcd/client", "server/tls/etcd/server-ca", "client", "CN = etcd-client"),
    ("agent/client-kubelet", "agent/client-ca", "client", "O = system:nodes, CN = system:node:server-1"),
    ("agent/serving-kubelet", "agent/server-ca", "server", "CN = server-1"),
]
K0S: Final[Rows] = [
    ("server", "ca", "server", "O = kubernetes, CN = kubernetes"),
    ("admin", "ca", "client", "O = system:masters, CN = kubernetes-admin"),
    ("ccm", "ca", "client", "O = system:kube-controller-manager, CN = system:kube-controller-manager"),
    ("front-proxy-client", "front-proxy-ca", "client", "O = front-proxy-client, CN = front-proxy-client"),
    ("apiserver-etcd-client", "etcd/ca", "client", "O = apiserver-etcd-client, CN = apiserver-etcd-client"),
    ("etcd/peer", "etcd/ca", "server", "O = etcd-peer, CN = controller-1"),
]
Maker = Callable[[Path], Path]

SERVERS: Final[list[tuple[Maker, str, str, str, str, str]]] = [
    *((k3s, "server-1/var/lib/rancher/k3s", *row) for row in RANCHER),
    *((rke2, "server-1/var/lib/rancher/rke2", *row) for row in RANCHER),
    *((k0s, "controller-1/var/lib/k0s/pki", *row) for row in K0S),
]


@pytest.fixture(scope="module", name="made")
def make_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Maker], Path]:
    """Each cluster is made once."""
    clusters: dict[str, Path] = {}

    def made(maker: Maker) -> Path:
        if maker.__name__ not in clusters:
            clusters[maker.__name__] = maker(tmp_path_factory.mktemp(maker.__name__))
        return clusters[maker.__name__]

    return made


@pytest.mark.parametrize("row", SERVERS, ids=lambda row: f"{row[0].__name__}-{row[2]}")
def test_leaves(made: Callable[[Maker], Path], row: tuple[Maker, str, str, str, str, str]) -> None:
    """Each certificate is who it should be, is good for its purpose below its CA, and has its key beside it."""
    maker, directory, base, ca, purpose, subject = row
    root = made(maker) / directory
    certificate = root / f"{base}.crt"
    assert field(certificate, "subject") == subject
    assert verifies(certificate, root / f"{ca}.crt", purpose) == ""
    assert (same_key(certificate, root / f"{base}.key"), mode(root / f"{base}.key")) == (True, "0600")


def test_a_ca_of_k3s(tmp_path: Path) -> None:
    """Its serial number is 0, its name holds the second, and leaves come with it in their files."""
    tls = k3s(tmp_path) / "server-1/var/lib/rancher/k3s/server/tls"
    assert (field(tls / "client-ca.crt", "serial"), field(tls / "client-ca.crt", "subject")) == (
        "00",
        "CN = k3s-client-ca@1795435200",
    )
    assert (tls / "client-admin.crt").read_bytes().endswith((tls / "client-ca.crt").read_bytes())
    assert (tls / "client-ca.nochain.crt").read_bytes() == (tls / "client-ca.crt").read_bytes()


def test_the_names_of_k0s(tmp_path: Path) -> None:
    """The API server has loopback among its names, and every certificate identifies its own key."""
    server = k0s(tmp_path) / "controller-1/var/lib/k0s/pki/server.crt"
    assert {"DNS:localhost", "IP Address:127.0.0.1", "IP Address:192.0.2.11"} <= set(names(server).split(", "))
    assert "X509v3 Subject Key Identifier" in text(server)


def test_static_pods_of_rke2(tmp_path: Path) -> None:
    """Every file that a flag names is there, below a directory that is mounted."""
    root = rke2(tmp_path) / "server-1"
    named = []
    for path in (root / "var/lib/rancher/rke2/agent/pod-manifests").iterdir():
        container = yaml.safe_load(path.read_text(encoding="utf-8"))["spec"]["containers"][0]
        mounts = tuple(mount["mountPath"] for mount in container["volumeMounts"])
        values = [flag.partition("=")[2] for flag in container["args"]]
        named += [(path.name, value, value.startswith(mounts)) for value in values if value.startswith("/")]
    assert len(named) == 37
    assert [row for row in named if not row[2] or not (root / row[1].removeprefix("/")).is_file()] == []


def test_shapes(tmp_path: Path) -> None:
    """Every shape of a plain directory holds what its name says."""
    site = plain(tmp_path) / "gateway/etc/ssl/site"
    root = site / "root-ca.crt"
    live = site / "live/web.example.com"
    assert verifies(live / "fullchain.pem", root, "server", name="web.example.com") == ""
    assert verifies(site / "haproxy/proxy.pem", root, "server", name="proxy.example.com") == ""
    for certificate, secret in (
        (live / "fullchain.pem", live / "privkey.pem"),
        (site / "mail.pem", site / "mail-key.pem"),
        (site / "haproxy/proxy.pem", site / "haproxy/proxy.pem"),
        (site / "db/tls.crt", site / "db/tls.key"),
    ):
        assert same_key(certificate, secret)
    assert sorted(path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()) == [
        *("README.txt", "bundle.pem", "db/tls.crt", "db/tls.key", "haproxy/proxy.pem", "intermediate.crt", "intermediate.key"),
        *("live/web.example.com/fullchain.pem", "live/web.example.com/privkey.pem", "mail-key.pem", "mail.pem", "old.crt"),
        *("root-ca.crl.pem", "root-ca.crt", "root-ca.key", "token.pub"),
    ]

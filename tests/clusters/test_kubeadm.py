"""The maker of kubeadm clusters, judged by openssl."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
import yaml

from tests.builders import NOW
from tests.clusters.judging import embedded, field, mode, names, same_key, text, verifies
from tests.clusters.kubeadm import kubeadm

PKI: Final = "etc/kubernetes/pki"
SHARED: Final = ("ca.crt", "ca.key", "front-proxy-ca.crt", "front-proxy-ca.key", "sa.key", "sa.pub", "etcd/ca.crt", "etcd/ca.key")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three control planes and a worker of 1.31."""
    return kubeadm(tmp_path_factory.mktemp("kubeadm"), control_planes=3)


def test_the_ca_is_as_kubeadm_writes_it(cluster: Path) -> None:
    """Every field of a CA, in the order of its extensions: without cRLSign, without a path length, named like its subject."""
    lines = [line.strip() for line in text(cluster / "cp-1" / PKI / "ca.crt").splitlines()]
    identifier = lines[lines.index("X509v3 Subject Key Identifier:") + 1]
    assert lines == [
        *("Certificate:", "Data:", "Version: 3 (0x2)", "Signature Algorithm: sha256WithRSAEncryption", "Issuer: CN = kubernetes"),
        *("Validity", "Not Before: Nov 23 11:55:00 2026 GMT", "Not After : Nov 20 12:00:00 2036 GMT", "Subject: CN = kubernetes"),
        "X509v3 extensions:",
        *("X509v3 Key Usage: critical", "Digital Signature, Key Encipherment, Certificate Sign"),
        *("X509v3 Basic Constraints: critical", "CA:TRUE"),
        *("X509v3 Subject Key Identifier:", identifier),
        *("X509v3 Subject Alternative Name:", "DNS:kubernetes"),
    ]


def test_the_leaf_of_the_api_server_is_as_kubeadm_writes_it(cluster: Path) -> None:
    """Every field of a leaf, in the order of its extensions: no identifier of its own key, and no loopback among its names."""
    lines = [line.strip() for line in text(cluster / "cp-2" / PKI / "apiserver.crt").splitlines()]
    identifier = lines[lines.index("X509v3 Authority Key Identifier:") + 1]
    service = "DNS:kubernetes, DNS:kubernetes.default, DNS:kubernetes.default.svc, DNS:kubernetes.default.svc.cluster.local"
    assert identifier in text(cluster / "cp-2" / PKI / "ca.crt")
    assert lines == [
        *("Certificate:", "Data:", "Version: 3 (0x2)", "Signature Algorithm: sha256WithRSAEncryption", "Issuer: CN = kubernetes"),
        *("Validity", "Not Before: Nov 23 11:55:00 2026 GMT", "Not After : Nov 23 12:00:00 2027 GMT"),
        "Subject: CN = kube-apiserver",
        "X509v3 extensions:",
        *("X509v3 Key Usage: critical", "Digital Signature, Key Encipherment"),
        *("X509v3 Extended Key Usage:", "TLS Web Server Authentication"),
        *("X509v3 Basic Constraints: critical", "CA:FALSE"),
        *("X509v3 Authority Key Identifier:", identifier),
        "X509v3 Subject Alternative Name:",
        f"DNS:api.demo.internal, DNS:cp-2, {service}, IP Address:10.96.0.1, IP Address:192.0.2.12",
    ]


@pytest.mark.parametrize(
    ("certificate", "ca", "purpose", "name"),
    [
        ("apiserver", "ca", "server", "10.96.0.1"),
        ("apiserver", "ca", "server", "api.demo.internal"),
        ("apiserver-kubelet-client", "ca", "client", ""),
        ("front-proxy-client", "front-proxy-ca", "client", ""),
        ("apiserver-etcd-client", "etcd/ca", "client", ""),
        ("etcd/server", "etcd/ca", "server", "127.0.0.1"),
        ("etcd/server", "etcd/ca", "client", ""),
        ("etcd/peer", "etcd/ca", "server", "192.0.2.13"),
        ("etcd/peer", "etcd/ca", "client", ""),
        ("etcd/healthcheck-client", "etcd/ca", "client", ""),
    ],
)
def test_every_leaf_verifies(cluster: Path, certificate: str, ca: str, purpose: str, name: str) -> None:
    """Each certificate is good for what it is there for below its CA, and its key is its own."""
    pki = cluster / "cp-3" / PKI
    assert verifies(pki / f"{certificate}.crt", pki / f"{ca}.crt", purpose, name=name) == ""
    assert same_key(pki / f"{certificate}.crt", pki / f"{certificate}.key")


def test_what_control_planes_share_is_the_same(cluster: Path) -> None:
    """CAs and the key of service accounts are equal to the byte on every control plane, everything else is not."""
    equal = {
        path.relative_to(cluster / "cp-1" / PKI).as_posix()
        for path in (cluster / "cp-1" / PKI).rglob("*.*")
        if path.read_bytes() == (cluster / "cp-2" / path.relative_to(cluster / "cp-1")).read_bytes()
    }
    assert equal == set(SHARED)


def test_modes(cluster: Path) -> None:
    """Certificates are for everybody, keys, kubeconfigs and even sa.pub for root alone."""
    root = cluster / "cp-1"
    found = {path.relative_to(root).as_posix(): mode(path) for path in (root / "etc/kubernetes").rglob("*.*") if path.is_file()}
    assert {path for path, bits in found.items() if bits == "0644"} == {path for path in found if path.endswith(".crt")}
    assert set(found.values()) == {"0644", "0600"}


@pytest.mark.parametrize(
    ("version", "organizations", "super_admin"),
    [
        ("1.24", ("O = system:masters, ", "O = system:masters, ", "O = system:masters, "), False),
        ("1.28", ("O = system:masters, ", "O = system:masters, ", "O = system:masters, "), False),
        ("1.29", ("O = kubeadm:cluster-admins, ", "O = kubeadm:cluster-admins, ", ""), True),
        ("1.31", ("O = kubeadm:cluster-admins, ", "O = kubeadm:cluster-admins, ", ""), True),
        ("1.36.0", ("O = kubeadm:cluster-admins, ", "O = kubeadm:cluster-admins, ", ""), True),
        ("1.36", ("O = kubeadm:cluster-admins, ", "", ""), True),
    ],
)
def test_subjects_by_version(tmp_path: Path, version: str, organizations: tuple[str, str, str], super_admin: bool) -> None:
    """Organisations, and whether there is a super-admin.conf, are those of the release."""
    kubeadm(tmp_path, version=version, workers=0)
    kubernetes, pki = tmp_path / "cp-1/etc/kubernetes", tmp_path / "cp-1" / PKI
    admin, kubelet_client, etcd_client = organizations
    assert field(embedded(kubernetes / "admin.conf", "client-certificate"), "subject") == f"{admin}CN = kubernetes-admin"
    kubelet = field(pki / "apiserver-kubelet-client.crt", "subject")
    assert kubelet == f"{kubelet_client}CN = kube-apiserver-kubelet-client"
    assert field(pki / "apiserver-etcd-client.crt", "subject") == f"{etcd_client}CN = kube-apiserver-etcd-client"
    assert (kubernetes / "super-admin.conf").exists() is super_admin


@pytest.mark.parametrize(
    ("version", "begins"),
    [("1.24", "Nov 23 11:55:00 2024 GMT"), ("1.29", "Nov 23 11:55:00 2024 GMT"), ("1.31", "Nov 23 11:55:00 2026 GMT")],
)
def test_dates_by_version(tmp_path: Path, version: str, begins: str) -> None:
    """Before v1beta4 a renewed leaf begins when its CA began."""
    kubeadm(tmp_path, version=version, workers=0, created=NOW - timedelta(days=730))
    certificate = tmp_path / "cp-1" / PKI / "apiserver.crt"
    assert (field(certificate, "startdate"), field(certificate, "enddate")) == (begins, "Nov 23 12:00:00 2027 GMT")


def test_kubeconfigs(cluster: Path) -> None:
    """Components talk to the API server beside them, people and the kubelet to the endpoint, each as who it is."""
    kubernetes = cluster / "cp-2/etc/kubernetes"
    read = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in kubernetes.glob("*.conf")}
    local, shared = "https://192.0.2.12:6443", "https://api.demo.internal:6443"
    assert {name: config["clusters"][0]["cluster"]["server"] for name, config in read.items()} == {
        "admin": shared,
        "controller-manager": local,
        "scheduler": local,
        "kubelet": shared,
    }
    assert read["scheduler"]["current-context"] == "system:kube-scheduler@kubernetes"
    subject = field(embedded(kubernetes / "scheduler.conf", "client-certificate"), "subject")
    assert subject == "CN = system:kube-scheduler"
    assert embedded(kubernetes / "scheduler.conf", "certificate-authority") == (cluster / "cp-2" / PKI / "ca.crt").read_bytes()


def test_the_kubelet(cluster: Path) -> None:
    """Its client certificate is found by a link and has its key behind it; its serving one is signed by a CA behind that."""
    current = cluster / "worker-1/var/lib/kubelet/pki/kubelet-client-current.pem"
    assert str(current.readlink()) == "/var/lib/kubelet/pki/kubelet-client-2026-11-23-12-00-00.pem"
    pem = current.with_name(current.readlink().name)
    assert verifies(pem, cluster / "worker-1" / PKI / "ca.crt", "client") == ""
    assert (same_key(pem, pem), mode(pem)) == (True, "0600")
    assert field(pem, "subject") == "O = system:nodes, CN = system:node:worker-1"
    serving = current.with_name("kubelet.crt")
    assert (names(serving), field(serving, "subject")) == ("DNS:worker-1", "CN = worker-1@1795435200")
    assert field(serving, "issuer") == "CN = worker-1-ca@1795435200"


def test_external_etcd(tmp_path: Path) -> None:
    """Members have machines of their own, the CA's key is on the first, and all API servers are the same client."""
    kubeadm(tmp_path, control_planes=2, workers=0, external_etcd=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cp-1", "cp-2", "etcd-1", "etcd-2", "etcd-3"]
    assert [str(path.relative_to(tmp_path)) for path in sorted(tmp_path.rglob("etcd/ca.key"))] == [f"etcd-1/{PKI}/etcd/ca.key"]
    first, second = (tmp_path / node / PKI / "apiserver-etcd-client.key" for node in ("cp-1", "cp-2"))
    assert first.read_bytes() == second.read_bytes()
    assert verifies(tmp_path / "etcd-2" / PKI / "etcd/server.crt", tmp_path / "cp-1" / PKI / "etcd/ca.crt", "server") == ""
    manifest = (tmp_path / "cp-1/etc/kubernetes/manifests/kube-apiserver.yaml").read_text(encoding="utf-8")
    assert "--etcd-servers=https://192.0.2.31:2379,https://192.0.2.32:2379,https://192.0.2.33:2379\n" in manifest


def test_external_ca(tmp_path: Path) -> None:
    """No key of a CA is there, and kube-controller-manager is told to sign nothing."""
    kubeadm(tmp_path, external_ca=True)
    assert [path.name for path in tmp_path.rglob("*ca.key")] == []
    manifest = yaml.safe_load(
        (tmp_path / "cp-1/etc/kubernetes/manifests/kube-controller-manager.yaml").read_text(encoding="utf-8")
    )
    command = manifest["spec"]["containers"][0]["command"]
    assert [flag for flag in command if flag.startswith("--cluster-signing")] == [
        "--cluster-signing-cert-file=",
        "--cluster-signing-key-file=",
    ]


@pytest.mark.parametrize(
    ("key", "words"), [("ecdsa-p256", "EC PRIVATE KEY"), ("ecdsa-p384", "EC PRIVATE KEY"), ("rsa-2048", "RSA PRIVATE KEY")]
)
def test_keys(tmp_path: Path, key: str, words: str) -> None:
    """Keys are written in the form of their algorithm."""
    kubeadm(tmp_path, key=key, workers=0)
    assert (tmp_path / "cp-1" / PKI / "apiserver.key").read_text(encoding="utf-8").startswith(f"-----BEGIN {words}-----\n")


def test_it_is_the_same_every_time(tmp_path: Path) -> None:
    """With RSA keys the same arguments give the same bytes."""
    first, second = (kubeadm(tmp_path / name, workers=0) for name in ("a", "b"))
    files = [path.relative_to(first) for path in first.rglob("*") if path.is_file() and not path.is_symlink()]
    assert [path for path in files if (first / path).read_bytes() != (second / path).read_bytes()] == []

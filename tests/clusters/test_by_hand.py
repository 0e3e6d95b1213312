"""The maker of hand-made clusters, judged by openssl and kubectl."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.clusters.by_hand import by_hand
from tests.clusters.judging import embedded, field, mode, names, same_key, text, verifies

PKI: Final = "var/lib/kubernetes/pki"
SERVICE: Final = "DNS:kubernetes, DNS:kubernetes.default, DNS:kubernetes.default.svc, DNS:kubernetes.default.svc.cluster.local"
ETCD: Final = "IP Address:192.0.2.11, IP Address:127.0.0.1"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One CA for all."""
    return by_hand(tmp_path_factory.mktemp("by-hand"))


@pytest.mark.parametrize(
    ("certificate", "subject", "san"),
    [
        (
            "controlplane/{pki}/kube-apiserver.crt",
            "CN = kube-apiserver, O = Kubernetes",
            f"{SERVICE}, IP Address:10.96.0.1, IP Address:192.0.2.11, IP Address:127.0.0.1",
        ),
        ("controlplane/{pki}/apiserver-kubelet-client.crt", "CN = kube-apiserver-kubelet-client, O = system:masters", ""),
        (
            "controlplane/{pki}/kube-controller-manager.crt",
            "CN = system:kube-controller-manager, O = system:kube-controller-manager",
            "",
        ),
        ("controlplane/{pki}/kube-scheduler.crt", "CN = system:kube-scheduler, O = system:kube-scheduler", ""),
        ("controlplane/{pki}/service-account.crt", "CN = service-accounts, O = Kubernetes", ""),
        (
            "controlplane/etc/etcd/etcd-server.crt",
            "CN = etcd-server, O = Kubernetes",
            "IP Address:192.0.2.11, IP Address:127.0.0.1",
        ),
        ("node01/{pki}/node01.crt", "CN = system:node:node01, O = system:nodes", "DNS:node01, IP Address:192.0.2.21"),
    ],
)
def test_leaves(cluster: Path, certificate: str, subject: str, san: str) -> None:
    """Each certificate says what the command for it asked for, is signed by the only CA, and has its key beside it."""
    path = cluster / certificate.format(pki=PKI)
    assert (field(path, "subject"), names(path)) == (subject, san)
    assert verifies(path, cluster / "controlplane" / PKI / "ca.crt") == ""
    assert same_key(path, path.with_suffix(".key"))
    assert (mode(path), mode(path.with_suffix(".key"))) == ("0600", "0600")


def test_versions(cluster: Path) -> None:
    """What openssl signs without a file of extensions is of version 1 and has none."""
    found = text(cluster / "controlplane" / PKI / "kube-scheduler.crt")
    assert ("Version: 1 (0x0)" in found, "X509v3" in found) == (True, False)
    assert "CA:TRUE" in text(cluster / "controlplane" / PKI / "ca.crt")


def test_old_ca(tmp_path: Path) -> None:
    """A CA made by ``x509 -req -signkey`` has no extensions either, and openssl verifies by it."""
    by_hand(tmp_path, v1_ca=True)
    pki = tmp_path / "controlplane" / PKI
    found = text(pki / "ca.crt")
    assert ("Version: 1 (0x0)" in found, "X509v3" in found) == (True, False)
    assert verifies(pki / "kube-apiserver.crt", pki / "ca.crt", "server", name="10.96.0.1") == ""


def test_separate_cas(tmp_path: Path) -> None:
    """Etcd and the front proxy can have CAs of their own, and then the others' do not verify them."""
    by_hand(tmp_path, one_ca=False)
    root = tmp_path / "controlplane"
    etcd, client = root / "etc/etcd/etcd-server.crt", root / PKI / "front-proxy-client.crt"
    assert verifies(etcd, root / "etc/etcd/etcd-ca.crt", "server", name="127.0.0.1") == ""
    assert verifies(client, root / PKI / "front-proxy-ca.crt", "client") == ""
    assert "unable to get local issuer certificate" in verifies(etcd, root / PKI / "ca.crt")
    assert "unable to get local issuer certificate" in verifies(client, root / PKI / "ca.crt")


@pytest.mark.parametrize(
    ("kubeconfig", "user"),
    [
        ("controlplane/root/.kube/config", "admin"),
        ("controlplane/var/lib/kubernetes/kube-scheduler.kubeconfig", "system:kube-scheduler"),
        ("node01/var/lib/kubelet/kubeconfig", "system:node:node01"),
        ("node01/var/lib/kube-proxy/kubeconfig", "system:kube-proxy"),
    ],
)
def test_kubectl_reads_the_kubeconfigs(cluster: Path, kubeconfig: str, user: str) -> None:
    """The current context of each is that user's."""
    command = ["kubectl", "config", "view", "--minify", "-o", "jsonpath={.users[0].name}", f"--kubeconfig={cluster / kubeconfig}"]
    assert subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout == user


def test_embedded_data(cluster: Path) -> None:
    """The admin's kubeconfig holds certificate and CA itself."""
    kubeconfig = cluster / "controlplane/root/.kube/config"
    assert field(embedded(kubeconfig, "client-certificate"), "subject") == "CN = admin, O = system:masters"
    assert embedded(kubeconfig, "certificate-authority") == (cluster / "controlplane" / PKI / "ca.crt").read_bytes()


def test_systemd_accepts_the_units(cluster: Path) -> None:
    """Systemd finds no mistake in them, but for the programs that are not installed here."""
    units = sorted(cluster.rglob("*.service"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, units)], capture_output=True, text=True, timeout=60, check=False
    )
    ours = [line for line in done.stderr.splitlines() if str(cluster) in line]
    assert (len(units), ours) == (6, [])

"""What nobody names: which files beside those in use belong to an inventory, and which do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.builders import make_ca
from tests.discovery.trees import contents, link, node, tree, uses

CA = make_ca()
PEM, KEY = CA.certificate.pem, CA.key.pem()
PKI = "/etc/kubernetes/pki"
KUBECONFIG = "clusters: []\nusers: []\n"


@pytest.mark.parametrize(
    ("path", "data", "kind"),
    [
        (f"{PKI}/a.crt", PEM, "Certificates"),
        (f"{PKI}/without-suffix", PEM, "Certificates"),
        (f"{PKI}/old/a.key.bak", KEY, "Key"),
        (f"{PKI}/both", PEM + KEY, "CombinedPair"),
        (f"{PKI}/torn", PEM[:-30], "Unusable"),
        (f"{PKI}/empty.crt", b"", "Unusable"),
        (f"{PKI}/empty.txt", b"", None),
        (f"{PKI}/notes.pem", b"nothing", None),
        (f"{PKI}/program", b"\0" + PEM, None),
        (f"{PKI}/zeros.pem", b"\0" + PEM, "Unusable"),
        (f"{PKI}/a.csr", b"-----BEGIN CERTIFICATE REQUEST-----\n", None),
        (f"{PKI}/ssh", b"-----BEGIN OPENSSH PRIVATE KEY-----\n", None),
        (f"{PKI}/.hidden.crt", PEM, None),
        ("/etc/kubernetes/any.name", KUBECONFIG.encode(), "Kubeconfig"),
        ("/etc/kubernetes/admin.conf", b"nothing", "Unusable"),
        ("/etc/kubernetes/other.conf", b"nothing", None),
        ("/etc/kubernetes/kubeadm.yaml", b"clusterName: x\nusers: []\n", None),
        ("/etc/etcd/deep/ca.pem", PEM, "Certificates"),
        ("/var/lib/kubelet/node.crt", PEM, "Certificates"),
        ("/var/lib/other/a.crt", PEM, None),
        ("/opt/pki/beside.crt", PEM, "Certificates"),
        ("/opt/pki/deep/beside.crt", PEM, None),
    ],
)
def test_what_belongs(tmp_path: Path, path: str, data: bytes, kind: str | None) -> None:
    """By content, where certificates are kept or used; an empty file by its suffix, kubeadm's kubeconfigs by their names."""
    unit = "[Service]\nExecStart=etcd --cert-file=/opt/pki/named.crt\n"
    found = node(tree(tmp_path, {"/etc/systemd/system/etcd.service": unit, path: data}))
    assert contents(found).get(path) == kind


def test_links_beside(tmp_path: Path) -> None:
    """One that leads nowhere is nothing; one that leads to a certificate is one."""
    tree(tmp_path, {"/data/a": PEM})
    link(tmp_path, f"{PKI}/gone.crt", "nowhere")
    link(tmp_path, f"{PKI}/here.crt", "/data/a")
    assert contents(node(tmp_path)) == {f"{PKI}/here.crt": "Certificates"}


def test_what_the_system_trusts_is_left_out(tmp_path: Path) -> None:
    """Hundreds of CAs that are nobody's here, unless a setting names one: then that one alone."""
    tree(tmp_path, {"/etc/ssl/certs/a.pem": PEM, "/etc/ssl/certs/b.pem": PEM, "/etc/ssl/own/c.pem": PEM})
    assert list(node(tmp_path).files) == ["/etc/ssl/own/c.pem"]
    tree(tmp_path, {"/etc/systemd/system/k.service": "[Service]\nExecStart=kube-apiserver --oidc-ca-file=/etc/ssl/certs/a.pem\n"})
    assert uses(node(tmp_path)) == {"/etc/ssl/certs/a.pem": ("kube-apiserver --oidc-ca-file trust oidc-ca",)}


def test_a_kubeconfig_that_somebody_uses_is_no_persons(tmp_path: Path) -> None:
    """Whoever's flag names it uses it."""
    unit = "[Service]\nExecStart=kubelet --kubeconfig=/root/.kube/config\n"
    found = node(tree(tmp_path, {"/etc/systemd/system/k.service": unit, "/root/.kube/config": KUBECONFIG}))
    assert uses(found) == {"/root/.kube/config": ("kubelet --kubeconfig kubeconfig api-client",)}


@pytest.mark.parametrize("target", ["/etc/kubernetes/ssl", "ssl", "../kubernetes/ssl"])
def test_a_file_is_there_once_however_many_links_lead_to_it(tmp_path: Path, target: str) -> None:
    """With kubespray they are in ssl, and pki is a link to it; they are called as they were found first."""
    tree(tmp_path, {"etc/kubernetes/ssl/ca.crt": PEM, "etc/kubernetes/ssl/ca.key": KEY})
    link(tmp_path, PKI, target)
    found = node(tmp_path).files.values()
    assert [(file.path, file.moved) for file in found] == [
        (f"{PKI}/{name}", f"/etc/kubernetes/ssl/{name}" if target.startswith("/") else "") for name in ("ca.crt", "ca.key")
    ]

"""One certificate signed again: what is asked for changes, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography import x509

from tests.builders import NOW
from tests.clusters.certificates import authority
from tests.clusters.judging import embedded, field, mode, same_key, text, verifies
from tests.clusters.k3s import k3s
from tests.clusters.keys import key
from tests.clusters.kubeadm import kubeadm
from tests.clusters.mint import followed, reissue

PKI: Final = "cp-1/etc/kubernetes/pki"
OTHER: Final = authority("other", key("ca/other"))


@pytest.mark.parametrize(
    ("changes", "old", "new"),
    [
        ({"common_name": "nobody"}, "Subject: CN = kube-apiserver", "Subject: CN = nobody"),
        ({"organizations": ["a", "b"]}, "Subject: CN = kube-apiserver", "Subject: O = a, O = b, CN = kube-apiserver"),
        ({"more_sans": ["dns:x.example"]}, "IP Address:192.0.2.11\n", "IP Address:192.0.2.11, DNS:x.example\n"),
        ({"usages": ["client auth"]}, "TLS Web Server Authentication", "TLS Web Client Authentication"),
        ({"key_usages": ["digital_signature"]}, "Digital Signature, Key Encipherment", "Digital Signature"),
        ({"ca": True}, "CA:FALSE", "CA:TRUE"),
        ({"not_after": NOW + timedelta(days=1)}, "Not After : Nov 23 12:00:00 2027", "Not After : Nov 24 12:00:00 2026"),
        ({"not_before": NOW}, "Not Before: Nov 23 11:55:00 2026", "Not Before: Nov 23 12:00:00 2026"),
        ({"sha1": True}, "sha256WithRSAEncryption", "sha1WithRSAEncryption"),
        (
            {"without": [x509.ExtendedKeyUsage]},
            "            X509v3 Extended Key Usage: \n                TLS Web Server Authentication\n",
            "",
        ),
    ],
)
def test_only_what_is_asked_for_changes(tmp_path: Path, changes: dict[str, Any], old: str, new: str) -> None:
    """The text of the certificate differs in that place alone; file, mode and key stay."""
    kubeadm(tmp_path, workers=0)
    certificate = tmp_path / PKI / "apiserver.crt"
    before = text(certificate)
    reissue(certificate, **changes)
    assert (old in before, text(certificate)) == (True, before.replace(old, new))
    assert verifies(certificate, tmp_path / PKI / "ca.crt", at=NOW) == ""
    assert (same_key(certificate, tmp_path / PKI / "apiserver.key"), mode(certificate)) == (True, "0644")


def test_another_issuer(tmp_path: Path) -> None:
    """Name and key identifier of the issuer are the other's."""
    kubeadm(tmp_path, workers=0)
    certificate = tmp_path / PKI / "apiserver.crt"
    reissue(certificate, issuer=OTHER)
    (tmp_path / "other.crt").write_bytes(OTHER.pem)
    assert field(certificate, "issuer") == "CN = other"
    assert verifies(certificate, tmp_path / "other.crt", "server") == ""


def _beside(root: Path) -> tuple[Path, Path]:
    return root / PKI / "apiserver.crt", root / PKI / "apiserver.key"


def _in_one(root: Path) -> tuple[Path, Path]:
    combined = followed(root / "cp-1/var/lib/kubelet/pki/kubelet-client-current.pem")
    return combined, combined


@pytest.mark.parametrize("files", [_beside, _in_one])
def test_another_key(tmp_path: Path, files: Callable[[Path], tuple[Path, Path]]) -> None:
    """The key goes where the old one was."""
    kubeadm(tmp_path, workers=0)
    certificate, secret = files(tmp_path)
    before = secret.read_bytes()
    reissue(certificate, key=key("another"))
    assert secret.read_bytes() != before
    assert same_key(certificate, secret)


def test_a_kubeconfig(tmp_path: Path) -> None:
    """The certificate inside changes, with its key when asked, and the rest of the file does not."""
    kubeadm(tmp_path, workers=0)
    path = tmp_path / "cp-1/etc/kubernetes/admin.conf"
    before = path.read_bytes()
    reissue(path, organizations=["dev"], key=key("another"))
    (tmp_path / "leaf.crt").write_bytes(embedded(path, "client-certificate"))
    (tmp_path / "leaf.key").write_bytes(embedded(path, "client-key"))
    assert field(tmp_path / "leaf.crt", "subject") == "O = dev, CN = kubernetes-admin"
    assert same_key(tmp_path / "leaf.crt", tmp_path / "leaf.key")
    changed = [line for line, old in zip(path.read_bytes().splitlines(), before.splitlines(), strict=True) if line != old]
    assert [line.split(b":")[0].strip() for line in changed] == [b"client-certificate-data", b"client-key-data"]


def test_a_ca_and_then_what_it_signed(tmp_path: Path) -> None:
    """A CA signed again by its own key still signs: also with serial number 0."""
    k3s(tmp_path, agents=0)
    tls = tmp_path / "server-1/var/lib/rancher/k3s/server/tls"
    reissue(tls / "server-ca.crt", not_after=NOW + timedelta(days=3))
    reissue(tls / "serving-kube-apiserver.crt", more_sans=["dns:api.example"])
    assert (field(tls / "server-ca.crt", "serial"), field(tls / "server-ca.crt", "enddate")) == ("00", "Nov 26 12:00:00 2026 GMT")
    assert verifies(tls / "serving-kube-apiserver.crt", tls / "server-ca.crt", "server", name="api.example") == ""


def test_a_stranger_is_not_signed_again(tmp_path: Path) -> None:
    """Whose issuer's key is not known cannot be signed again."""
    kubeadm(tmp_path, workers=0)
    with pytest.raises(LookupError, match="nobody here signed CN=cp-1@1795435200"):
        reissue(tmp_path / "cp-1/var/lib/kubelet/pki/kubelet.crt", common_name="x")

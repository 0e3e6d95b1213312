"""What a hand does to a healthy cluster to break it in one place."""

from __future__ import annotations

import shutil
from base64 import b64encode
from datetime import timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from tests.builders import NOW
from tests.clusters import kubelet
from tests.clusters.certificates import authority
from tests.clusters.files import Root
from tests.clusters.keys import key, key_pem, public_pem
from tests.clusters.mint import certificate_of, followed, reissue, signer_of
from tests.discovered.changes import add_flag, drop, edit

KUBERNETES: Final = "cp-1/etc/kubernetes"
PKI: Final = f"{KUBERNETES}/pki"
MANIFESTS: Final = f"{KUBERNETES}/manifests"
API: Final = f"{MANIFESTS}/kube-apiserver.yaml"
MANAGER: Final = f"{MANIFESTS}/kube-controller-manager.yaml"
DAY: Final = timedelta(days=1)
#: A CA that nobody trusts, of the same name as the cluster's.
OTHER: Final = authority("kubernetes", key("ca/another"))
_ON_NODE: Final = "/etc/kubernetes/pki"


def another_key(path: Path) -> None:
    """A key that belongs to nothing here."""
    path.write_bytes(key_pem(key("another")))


def another_sa(path: Path) -> None:
    """Another pair for service accounts."""
    another_key(path.with_suffix(".key"))
    path.with_suffix(".pub").write_bytes(public_pem(key("another")))


def signed_by_the_cluster(root: Path) -> None:
    """The API server's client of etcd is signed by the CA of the cluster."""
    reissue(root / PKI / "apiserver-etcd-client.crt", issuer=signer_of(certificate_of(root / PKI / "apiserver.crt")))


def same_serial(root: Path) -> None:
    """Two certificates of one CA with one serial number."""
    reissue(root / PKI / "apiserver-kubelet-client.crt", serial=certificate_of(root / PKI / "apiserver.crt").serial_number)


def other_trust(root: Path) -> None:
    """The scheduler trusts another CA."""
    edit(root / KUBERNETES / "scheduler.conf", other_ca(root / PKI / "ca.crt"))


def regular_file(root: Path) -> None:
    """Somebody has put a file where the kubelet keeps a link."""
    link = root / "worker-1/var/lib/kubelet/pki/kubelet-client-current.pem"
    file = followed(link)
    link.unlink()
    shutil.copy2(file, link)


def embedded_kubelet(root: Path) -> None:
    """kubelet.conf has its certificate inside, which no rotation replaces."""
    shutil.copy2(root / KUBERNETES / "scheduler.conf", root / KUBERNETES / "kubelet.conf")
    reissue(root / KUBERNETES / "kubelet.conf", common_name="system:node:cp-1", organizations=["system:nodes"], serial=1 << 62)


def no_signer(root: Path) -> None:
    """Nobody signs for kubelets."""
    (root / PKI / "ca.key").unlink()
    flag = "--cluster-signing-%s-file="
    edit(root / MANAGER, (f"{flag % 'cert'}{_ON_NODE}/ca.crt", flag % "cert"), (f"{flag % 'key'}{_ON_NODE}/ca.key", flag % "key"))


def two_signers(root: Path) -> None:
    """The file that signs has two certificates."""
    (root / PKI / "signing.crt").write_bytes((root / PKI / "ca.crt").read_bytes() + OTHER.pem)
    edit(
        root / MANAGER,
        ("--cluster-signing-cert-file=/etc/kubernetes/pki/ca.crt", "--cluster-signing-cert-file=/etc/kubernetes/pki/signing.crt"),
    )


def one_ca(root: Path) -> None:
    """The CA of clients is that of front proxies, too."""
    flag = f"--requestheader-client-ca-file={_ON_NODE}/"
    for manifest in (API, MANAGER):
        edit(root / manifest, (f"{flag}front-proxy-ca.crt", f"{flag}ca.crt"))
    reissue(root / PKI / "front-proxy-client.crt", issuer=signer_of(certificate_of(root / PKI / "apiserver.crt")))


def other_token_key(root: Path) -> None:
    """The API server accepts tokens of another key."""
    (root / PKI / "tokens.pub").write_bytes(public_pem(key("another")))
    edit(
        root / API,
        ("--service-account-key-file=/etc/kubernetes/pki/sa.pub", "--service-account-key-file=/etc/kubernetes/pki/tokens.pub"),
    )


def pem_list(root: Path) -> None:
    """Etcd has a revocation list in PEM."""
    ca = signer_of(certificate_of(root / PKI / "etcd/server.crt"))
    builder = x509.CertificateRevocationListBuilder().issuer_name(ca.certificate.subject)
    made = builder.last_update(NOW - DAY).next_update(NOW + 30 * DAY).sign(ca.key, hashes.SHA256())
    (root / PKI / "etcd/crl.pem").write_bytes(made.public_bytes(Encoding.PEM))
    add_flag(root / MANIFESTS / "etcd.yaml", "etcd", "--client-crl-file=/etc/kubernetes/pki/etcd/crl.pem")


def unverified(root: Path) -> None:
    """The admin does not verify the server."""
    config = root / KUBERNETES / "admin.conf"
    drop(config, "certificate-authority-data")
    edit(config, ("    server:", "    insecure-skip-tls-verify: true\n    server:"))


def own_serving(root: Path) -> None:
    """The kubelet is told of no serving certificate, and makes one."""
    drop(root / "node01/var/lib/kubelet/kubelet-config.yaml", "tlsCertFile", "tlsPrivateKeyFile")
    kubelet.serving(Root(path=root / "node01"), "node01", now=NOW)


def other_ca(ca: Path) -> tuple[str, str]:
    """The data of a CA in a kubeconfig, and that of another."""
    return b64encode(ca.read_bytes()).decode(), b64encode(OTHER.pem).decode()


def names_without(root: Path, name: str) -> list[str]:
    """The names of the API server's certificate but for one."""
    names = certificate_of(root / PKI / "apiserver.crt").extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    texts = [f"ip:{one.value}" if isinstance(one, x509.IPAddress) else f"dns:{one.value}" for one in names]
    return [text for text in texts if text.partition(":")[2] != name]

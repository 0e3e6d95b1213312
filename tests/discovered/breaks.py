"""One way to break a cluster for each health check: what a hand does to a healthy one, and what is found then."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from cryptography import x509

from tests.builders import NOW
from tests.clusters import kubelet
from tests.clusters.by_hand import by_hand
from tests.clusters.keys import key
from tests.clusters.kubeadm import kubeadm
from tests.clusters.mint import reissue
from tests.discovered.changes import drop
from tests.discovered.hands import (
    API,
    DAY,
    KUBERNETES,
    MANIFESTS,
    OTHER,
    PKI,
    another_key,
    another_sa,
    embedded_kubelet,
    names_without,
    no_signer,
    one_ca,
    other_token_key,
    other_trust,
    own_serving,
    pem_list,
    regular_file,
    same_serial,
    signed_by_the_cluster,
    two_signers,
    unverified,
)
from tests.discovered.model import Break, row

UNITS: Final = "controlplane/etc/systemd/system"
ON_NODE: Final = "/etc/kubernetes/pki"


def two_planes(directory: Path) -> Path:
    """Two control planes and nobody else."""
    return kubeadm(directory, control_planes=2, workers=0)


def newest(directory: Path) -> Path:
    """The release with etcd 3.6."""
    return kubeadm(directory, version="1.36")


BREAKS: Final[tuple[Break, ...]] = (
    Break(
        name="601-missing",
        hand=lambda root: (root / PKI / "front-proxy-client.key").unlink(),
        found=(row("error", 601, f"{ON_NODE}/front-proxy-client.key"),),
    ),
    Break(
        name="602-unreadable",
        hand=lambda root: (root / PKI / "apiserver.crt").write_text("nothing\n", encoding="utf-8"),
        found=(row("error", 602, f"{ON_NODE}/apiserver.crt"),),
    ),
    Break(
        name="603-configuration",
        hand=lambda root: (root / MANIFESTS / "kube-scheduler.yaml").write_text("a: [\n", encoding="utf-8"),
        found=(row("warning", 603, "/etc/kubernetes/manifests/kube-scheduler.yaml"),),
    ),
    Break(
        name="604-expired",
        hand=lambda root: reissue(root / PKI / "apiserver-kubelet-client.crt", not_before=NOW - 366 * DAY, not_after=NOW - DAY),
        found=(row("error", 604, f"{ON_NODE}/apiserver-kubelet-client.crt"),),
    ),
    Break(
        name="604-expired-ca",
        hand=lambda root: reissue(root / PKI / "front-proxy-ca.crt", not_before=NOW - 366 * DAY, not_after=NOW - DAY),
        found=(row("error", 604, f"{ON_NODE}/front-proxy-ca.crt"),),
    ),
    Break(
        name="605-soon",
        hand=lambda root: reissue(root / KUBERNETES / "scheduler.conf", not_after=NOW + 10 * DAY),
        found=(row("error", 605, "/etc/kubernetes/scheduler.conf#system:kube-scheduler"),),
    ),
    Break(
        name="606-future",
        hand=lambda root: reissue(root / PKI / "front-proxy-client.crt", not_before=NOW + DAY),
        found=(row("error", 606, f"{ON_NODE}/front-proxy-client.crt"),),
    ),
    Break(
        name="607-after-its-ca",
        hand=lambda root: reissue(root / PKI / "apiserver.crt", not_after=NOW + 4000 * DAY),
        found=(row("warning", 607, f"{ON_NODE}/apiserver.crt"),),
    ),
    Break(
        name="608-other-key",
        hand=lambda root: another_key(root / PKI / "apiserver.key"),
        found=(row("error", 608, f"{ON_NODE}/apiserver.crt"),),
    ),
    Break(
        name="609-issuer-of-another-domain",
        hand=signed_by_the_cluster,
        found=(row("error", 609, f"{ON_NODE}/apiserver-etcd-client.crt"),),
    ),
    Break(
        name="609-issuer-of-the-same-name",
        hand=lambda root: reissue(root / PKI / "apiserver-kubelet-client.crt", issuer=OTHER),
        found=(row("error", 609, f"{ON_NODE}/apiserver-kubelet-client.crt"),),
    ),
    Break(
        name="610-service-address",
        hand=lambda root: reissue(root / PKI / "apiserver.crt", sans=names_without(root, "10.96.0.1")),
        found=(row("error", 610, f"{ON_NODE}/apiserver.crt"),),
    ),
    Break(
        name="610-endpoint",
        hand=lambda root: reissue(root / PKI / "apiserver.crt", sans=names_without(root, "api.demo.internal")),
        found=(row("error", 610, f"{ON_NODE}/apiserver.crt"),),
    ),
    Break(
        name="610-etcd-loopback",
        hand=lambda root: reissue(root / PKI / "etcd/server.crt", sans=["dns:cp-1", "ip:192.0.2.11"]),
        found=(row("error", 610, f"{ON_NODE}/etcd/server.crt"),),
    ),
    Break(
        name="610-peer",
        hand=lambda root: reissue(root / PKI / "etcd/peer.crt", sans=["dns:cp-1", "ip:127.0.0.1"]),
        found=(row("error", 610, f"{ON_NODE}/etcd/peer.crt"),),
    ),
    Break(
        name="611-scheduler",
        hand=lambda root: reissue(root / KUBERNETES / "scheduler.conf", common_name="kube-scheduler"),
        found=(row("error", 611, "/etc/kubernetes/scheduler.conf#system:kube-scheduler"),),
    ),
    Break(
        name="611-front-proxy",
        hand=lambda root: reissue(root / PKI / "front-proxy-client.crt", common_name="aggregator"),
        found=(row("error", 611, f"{ON_NODE}/front-proxy-client.crt"),),
    ),
    Break(
        name="611-node-without-its-prefix",
        hand=lambda root: reissue(root / "worker-1" / kubelet.CURRENT.removeprefix("/"), common_name="worker-1"),
        found=(row("error", 611, kubelet.CURRENT, "worker-1"),),
    ),
    Break(
        name="611-node-without-its-group",
        hand=lambda root: reissue(root / "worker-1" / kubelet.CURRENT.removeprefix("/"), organizations=["nodes"]),
        found=(row("error", 611, kubelet.CURRENT, "worker-1"),),
    ),
    Break(
        name="612-etcd-server-is-no-client",
        hand=lambda root: reissue(root / PKI / "etcd/server.crt", usages=["server auth"]),
        found=(row("error", 612, f"{ON_NODE}/etcd/server.crt"),),
    ),
    Break(
        name="612-peer-is-no-client",
        hand=lambda root: reissue(root / PKI / "etcd/peer.crt", usages=["server auth"]),
        found=(row("error", 612, f"{ON_NODE}/etcd/peer.crt"),),
    ),
    Break(
        name="612-client-for-servers",
        hand=lambda root: reissue(root / PKI / "apiserver-kubelet-client.crt", usages=["server auth"]),
        found=(row("error", 612, f"{ON_NODE}/apiserver-kubelet-client.crt"),),
    ),
    Break(
        name="613-service-account-keys",
        maker=two_planes,
        hand=lambda root: another_sa(root / "cp-2/etc/kubernetes/pki/sa"),
        found=(row("error", 613, f"{ON_NODE}/sa.pub", ""),),
    ),
    Break(
        name="614-other-trust",
        hand=other_trust,
        found=(row("error", 614, "/etc/kubernetes/scheduler.conf#system:kube-scheduler"),),
    ),
    Break(
        name="615-open-key",
        hand=lambda root: (root / PKI / "apiserver.key").chmod(0o644),
        found=(row("warning", 615, f"{ON_NODE}/apiserver.key"),),
    ),
    Break(
        name="615-open-kubeconfig",
        hand=lambda root: (root / KUBERNETES / "admin.conf").chmod(0o644),
        found=(row("warning", 615, "/etc/kubernetes/admin.conf"),),
    ),
    Break(
        name="616-sha1",
        hand=lambda root: reissue(root / PKI / "apiserver.crt", sha1=True),
        found=(row("error", 616, f"{ON_NODE}/apiserver.crt"),),
    ),
    Break(
        name="616-small-key",
        hand=lambda root: reissue(root / PKI / "apiserver.crt", key=key("small", "rsa-1024")),
        found=(row("warning", 616, f"{ON_NODE}/apiserver.crt"),),
    ),
    Break(
        name="617-same-serial",
        hand=same_serial,
        found=(row("warning", 617, f"{ON_NODE}/apiserver-kubelet-client.crt"),),
    ),
    Break(
        name="617-counted",
        hand=lambda root: reissue(root / PKI / "apiserver.crt", serial=2),
        found=(row("notice", 617, f"{ON_NODE}/apiserver.crt"),),
    ),
    Break(
        name="618-identifiers",
        hand=lambda root: reissue(root / PKI / "apiserver.crt", without=[x509.AuthorityKeyIdentifier]),
        found=(row("notice", 618, f"{ON_NODE}/apiserver.crt"),),
    ),
    Break(
        name="619-regular-file",
        hand=regular_file,
        found=(row("warning", 619, kubelet.CURRENT, "worker-1"),),
    ),
    Break(
        name="619-embedded",
        hand=embedded_kubelet,
        found=(row("warning", 619, "/etc/kubernetes/kubelet.conf#system:kube-scheduler"),),
    ),
    Break(
        name="620-no-signer",
        hand=no_signer,
        found=(row("warning", 620, "/etc/kubernetes/manifests/kube-controller-manager.yaml"),),
    ),
    Break(
        name="621-own-serving",
        maker=by_hand,
        hand=own_serving,
        found=(row("error", 621, "/var/lib/kubelet/pki/kubelet.crt", "node01"),),
    ),
    Break(
        name="622-kubelets-unverified",
        maker=by_hand,
        hand=lambda root: drop(root / UNITS / "kube-apiserver.service", "--kubelet-certificate-authority"),
        found=(row("notice", 622, "/etc/systemd/system/kube-apiserver.service", "controlplane"),),
    ),
    Break(
        name="623-any-front-proxy",
        hand=lambda root: drop(root / API, "--requestheader-allowed-names"),
        found=(row("warning", 623, "/etc/kubernetes/manifests/kube-apiserver.yaml"),),
    ),
    Break(
        name="624-one-ca",
        hand=one_ca,
        found=(row("warning", 624, f"{ON_NODE}/ca.crt"),),
    ),
    Break(
        name="625-two-signers",
        hand=two_signers,
        found=(row("error", 625, f"{ON_NODE}/signing.crt"),),
    ),
    Break(
        name="626-masters",
        hand=lambda root: reissue(root / KUBERNETES / "admin.conf", organizations=["system:masters"]),
        found=(row("notice", 626, "/etc/kubernetes/admin.conf#kubernetes-admin"),),
    ),
    Break(
        name="627-tokens",
        hand=other_token_key,
        found=(row("error", 627, f"{ON_NODE}/sa.key"),),
    ),
    Break(
        name="628-list-as-pem",
        maker=newest,
        hand=pem_list,
        found=(row("error", 628, f"{ON_NODE}/etcd/crl.pem"),),
    ),
    Break(
        name="628-list-as-pem-for-an-old-etcd",
        hand=pem_list,
        found=(row("warning", 628, f"{ON_NODE}/etcd/crl.pem"),),
    ),
    Break(
        name="629-unverified",
        hand=unverified,
        found=(row("warning", 629, "/etc/kubernetes/admin.conf#kubernetes-admin"),),
    ),
    Break(
        name="630-open-etcd",
        hand=lambda root: drop(root / MANIFESTS / "etcd.yaml", "--client-cert-auth=true", "--trusted-ca-file"),
        found=(row("warning", 630, "/etc/kubernetes/manifests/etcd.yaml"),),
    ),
)

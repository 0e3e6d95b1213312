"""A k0s cluster with its own etcd: a controller and workers (k0s pkg/component/controller/certificates.go, cfssl)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from tests.builders import NOW
from tests.clusters import kubelet
from tests.clusters.certificates import BACKDATE, YEAR, Minted, authority, leaf
from tests.clusters.files import Root, embedded, embedded_pair, kubeconfig
from tests.clusters.keys import key

PKI: Final = "/var/lib/k0s/pki"
CONTROLLER: Final = "controller-1"
ADDRESS: Final = "192.0.2.11"
MASTERS: Final = ("system:masters",)
#: cfssl gives every certificate of k0s both.
_BOTH: Final = ("server auth", "client auth")

_CONFIGURATION: Final = f"""\
apiVersion: k0s.k0sproject.io/v1beta1
kind: ClusterConfig
metadata:
  name: k0s
spec:
  api:
    address: {ADDRESS}
    k0sApiPort: 9443
    port: 6443
    sans:
    - {ADDRESS}
  network:
    podCIDR: 10.244.0.0/16
    serviceCIDR: 10.96.0.0/12
  storage:
    etcd:
      peerAddress: {ADDRESS}
    type: etcd
"""
_UNIT: Final = """\
[Unit]
Description=k0s - Zero Friction Kubernetes
Documentation=https://docs.k0sproject.io
ConditionFileIsExecutable=/usr/local/bin/k0s

[Service]
ExecStart=/usr/local/bin/k0s {command}
Restart=always
RestartSec=10
Delegate=yes
KillMode=process

[Install]
WantedBy=multi-user.target
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorities:
    """The three CAs, and when everything was made."""

    kubernetes: Minted
    front_proxy: Minted
    etcd: Minted
    now: datetime

    def leaf(self, ca: Minted, common_name: str, *, organizations: Sequence[str] = (), sans: Sequence[str] = ()) -> Minted:
        """A certificate as cfssl writes it: with an identifier of its key and 160 bits of serial number."""
        return leaf(
            ca,
            common_name,
            key(f"k0s/{common_name}"),
            organizations=organizations,
            sans=sans,
            usages=_BOTH,
            not_before=self.now - BACKDATE,
            not_after=self.now - BACKDATE + YEAR,
            identified=True,
            serial_bits=159,
        )


def k0s(directory: Path, *, workers: int = 1, now: datetime = NOW) -> Path:
    """Writes ``directory/controller-1/…`` and ``directory/worker-1/…``.

    Args:
        directory: where the node roots go.
        workers: how many.
        now: when the cluster began, aware.

    Returns:
        The directory.
    """

    def ca(common_name: str) -> Minted:
        usages = ("key_cert_sign", "crl_sign")
        return authority(common_name, key(f"k0s/{common_name}"), now=now, key_usages=usages, named=False)

    cas = Authorities(kubernetes=ca("kubernetes-ca"), front_proxy=ca("kubernetes-front-proxy-ca"), etcd=ca("etcd-ca"), now=now)
    root = Root(path=directory / CONTROLLER)
    _certificates(root, cas)
    _kubeconfigs(root, cas)
    root.write("/etc/k0s/k0s.yaml", _CONFIGURATION, 0o600)
    root.write("/etc/systemd/system/k0scontroller.service", _UNIT.format(command="controller --config=/etc/k0s/k0s.yaml"))
    for i in range(workers):
        _worker(Root(path=directory / f"worker-{i + 1}"), cas, f"worker-{i + 1}")
    return directory


def _certificates(root: Root, cas: Authorities) -> None:
    for base, ca in {"ca": cas.kubernetes, "front-proxy-ca": cas.front_proxy, "etcd/ca": cas.etcd}.items():
        root.pair(f"{PKI}/{base}", ca)
    root.keypair(f"{PKI}/sa", key("k0s/sa"))
    service = (
        "dns:kubernetes",
        "dns:kubernetes.default",
        "dns:kubernetes.default.svc",
        "dns:kubernetes.default.svc.cluster.local",
    )
    more = ("dns:kubernetes.svc", "dns:kubernetes.svc.cluster.local", "dns:localhost")
    sans = (*service, *more, "ip:127.0.0.1", f"ip:{ADDRESS}", "ip:10.96.0.1")
    member = ("dns:localhost", f"dns:{CONTROLLER}", "ip:127.0.0.1", f"ip:{ADDRESS}")
    for base, ca, common_name, organizations, names in (
        ("server", cas.kubernetes, "kubernetes", ("kubernetes",), sans),
        ("k0s-api", cas.kubernetes, "k0s-api", ("kubernetes",), sans),
        ("apiserver-kubelet-client", cas.kubernetes, "apiserver-kubelet-client", MASTERS, ()),
        ("front-proxy-client", cas.front_proxy, "front-proxy-client", ("front-proxy-client",), ()),
        ("apiserver-etcd-client", cas.etcd, "apiserver-etcd-client", ("apiserver-etcd-client",), member),
        ("etcd/server", cas.etcd, "etcd-server", ("etcd-server",), member),
        ("etcd/peer", cas.etcd, CONTROLLER, ("etcd-peer",), member),
    ):
        root.pair(f"{PKI}/{base}", cas.leaf(ca, common_name, organizations=organizations, sans=names))


def _kubeconfigs(root: Root, cas: Authorities) -> None:
    """Each pair stands as files, too, beside the kubeconfig that embeds it."""
    for base, common_name, organizations in (
        ("admin", "kubernetes-admin", MASTERS),
        ("konnectivity", "kubernetes-konnectivity", MASTERS),
        ("ccm", "system:kube-controller-manager", ("system:kube-controller-manager",)),
        ("scheduler", "system:kube-scheduler", ("system:kube-scheduler",)),
    ):
        client = cas.leaf(cas.kubernetes, common_name, organizations=organizations)
        root.pair(f"{PKI}/{base}", client)
        text = kubeconfig(
            trust=embedded("certificate-authority", cas.kubernetes.pem),
            server="https://localhost:6443",
            user="user",
            credentials=embedded_pair(client),
            cluster="local",
            context="Default",
        )
        root.write(f"{PKI}/{base}.conf", text, 0o600)


def _worker(root: Root, cas: Authorities, node: str) -> None:
    """kubelet.conf by file, and the kubelet's own directory below k0s'."""
    directory = "/var/lib/k0s/kubelet/pki"
    root.certificate(f"{PKI}/ca", cas.kubernetes)
    current = f"{directory}/kubelet-client-current.pem"
    text = kubeconfig(
        trust=embedded("certificate-authority", cas.kubernetes.pem),
        server=f"https://{ADDRESS}:6443",
        user="default-auth",
        credentials=f"client-certificate: {current}\nclient-key: {current}",
        cluster="default-cluster",
        context="default-context",
    )
    root.write("/var/lib/k0s/kubelet.conf", text, 0o600)
    kubelet.client(root, cas.kubernetes, node, now=cas.now, joined=True, directory=directory)
    kubelet.serving(root, node, now=cas.now, directory=directory)
    root.write("/etc/systemd/system/k0sworker.service", _UNIT.format(command="worker --token-file=/etc/k0s/k0stoken"))

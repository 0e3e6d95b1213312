"""What k3s and RKE2 have in common: the certificates of k3s' supervisor (k3s pkg/daemons/control/deps, dynamiclistener/cert)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from tests.clusters.certificates import YEAR, Minted, authority, certificate_pem, leaf
from tests.clusters.files import Root, embedded, embedded_pair, kubeconfig
from tests.clusters.keys import key, key_pem

P256: Final = "ecdsa-p256"
BOTH: Final = ("server auth", "client auth")
SERVER: Final = ("server auth",)
MASTERS: Final = ("system:masters",)
SERVICE_ADDRESS: Final = "10.43.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorities:
    """The five CAs."""

    client: Minted
    server: Minted
    request_header: Minted
    etcd_server: Minted
    etcd_peer: Minted


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One machine with a control plane."""

    distribution: str
    """``k3s`` or ``rke2``."""
    root: Root
    node: str
    address: str
    now: datetime
    authorities: Authorities

    @property
    def data(self) -> str:
        """The data directory."""
        return f"/var/lib/rancher/{self.distribution}"

    @property
    def tls(self) -> str:
        """Where the server keeps its certificates."""
        return f"{self.data}/server/tls"

    def write(
        self,
        base: str,
        ca: Minted,
        common_name: str,
        *,
        organizations: Sequence[str] = (),
        sans: Sequence[str] = (),
        usages: Sequence[str] = ("client auth",),
    ) -> Minted:
        """Signs a certificate and writes it with its CA behind it; `base` is below the data directory."""
        made = self.signed(base, ca, common_name, organizations=organizations, sans=sans, usages=usages)
        self.root.pair(f"{self.data}/{base}", made, ca)
        return made

    def signed(
        self,
        name: str,
        ca: Minted,
        common_name: str,
        *,
        organizations: Sequence[str] = (),
        sans: Sequence[str] = (),
        usages: Sequence[str],
    ) -> Minted:
        """A leaf from the beginning of its CA on and without basic constraints (dynamiclistener NewSignedCert)."""
        return leaf(
            ca,
            common_name,
            key(f"{self.distribution}/{self.node}/{name}", P256),
            organizations=organizations,
            sans=sans,
            usages=usages,
            not_before=ca.not_before,
            not_after=self.now + YEAR,
            constrained=False,
        )


def authorities(distribution: str, now: datetime) -> Authorities:
    """CAs whose names hold the second in which they were made, and whose serial number is 0."""

    def ca(name: str) -> Minted:
        stamp = int(now.timestamp())
        secret = key(f"{distribution}/{name}", P256)
        return authority(f"{name}@{stamp}", secret, now=now, backdate=timedelta(), named=False, serial=0)

    return Authorities(
        client=ca(f"{distribution}-client-ca"),
        server=ca(f"{distribution}-server-ca"),
        request_header=ca(f"{distribution}-request-header-ca"),
        etcd_server=ca("etcd-server-ca"),
        etcd_peer=ca("etcd-peer-ca"),
    )


def write_server(server: Server) -> None:
    """Everything below ``server/tls``, the kubeconfigs that refer to it, and etcd's configuration."""
    _authorities(server)
    _clients(server)
    _servers(server)
    _credentials(server)
    server.root.write(f"{server.data}/server/db/etcd/config", _etcd(server), 0o600)


def _authorities(server: Server) -> None:
    cas = server.authorities
    for name, ca in {
        "client-ca": cas.client,
        "server-ca": cas.server,
        "request-header-ca": cas.request_header,
        "etcd/server-ca": cas.etcd_server,
        "etcd/peer-ca": cas.etcd_peer,
    }.items():
        server.root.pair(f"{server.tls}/{name}", ca)
    for name, ca in {"client-ca": cas.client, "server-ca": cas.server}.items():
        server.root.certificate(f"{server.tls}/{name}.nochain", ca)
    secret = key_pem(key(f"{server.distribution}/service"))
    server.root.write(f"{server.tls}/service.key", secret, 0o600)
    server.root.write(f"{server.tls}/service.current.key", secret, 0o600)


def _clients(server: Server) -> None:
    ca, name = server.authorities.client, server.distribution
    for base, common_name, organizations in (
        ("client-admin", "system:admin", MASTERS),
        ("client-supervisor", f"system:{name}-supervisor", MASTERS),
        ("client-controller", "system:kube-controller-manager", ()),
        ("client-scheduler", "system:kube-scheduler", ()),
        ("client-kube-apiserver", "system:apiserver", MASTERS),
        ("client-kube-proxy", "system:kube-proxy", ()),
        (f"client-{name}-controller", f"system:{name}-controller", ()),
        (f"client-{name}-cloud-controller", f"{name}-cloud-controller-manager", ()),
    ):
        server.write(f"server/tls/{base}", ca, common_name, organizations=organizations)
    server.write("server/tls/client-auth-proxy", server.authorities.request_header, "system:auth-proxy")


def _servers(server: Server) -> None:
    cas = server.authorities
    local = ("dns:localhost", "ip:127.0.0.1", "ip:::1")
    service = (
        "dns:kubernetes",
        "dns:kubernetes.default",
        "dns:kubernetes.default.svc",
        "dns:kubernetes.default.svc.cluster.local",
    )
    own = (f"dns:{server.node}", f"ip:{server.address}")
    serving = (*service, *own, *local, f"ip:{SERVICE_ADDRESS}")
    server.write("server/tls/serving-kube-apiserver", cas.server, "kube-apiserver", sans=serving, usages=SERVER)
    for name in ("kube-controller-manager", "kube-scheduler"):
        server.write(f"server/tls/{name}/{name}", cas.server, name, sans=local, usages=SERVER)
    server.write("server/tls/etcd/server-client", cas.etcd_server, "etcd-server", sans=(*own, *local), usages=BOTH)
    server.write("server/tls/etcd/peer-server-client", cas.etcd_peer, "etcd-peer", sans=(*own, *local), usages=BOTH)
    server.write("server/tls/etcd/client", cas.etcd_server, "etcd-client")


def _credentials(server: Server) -> None:
    for name, base in {
        "admin": "client-admin",
        "supervisor": "client-supervisor",
        "controller": "client-controller",
        "scheduler": "client-scheduler",
        "cloud-controller": f"client-{server.distribution}-cloud-controller",
    }.items():
        text = by_file(f"{server.tls}/server-ca.crt", f"{server.tls}/{base}", "https://127.0.0.1:6443")
        server.root.write(f"{server.data}/server/cred/{name}.kubeconfig", text, 0o600)
    admin = server.signed("admin", server.authorities.client, "system:admin", organizations=MASTERS, usages=("client auth",))
    text = kubeconfig(
        trust=embedded("certificate-authority", server.authorities.server.pem),
        server="https://127.0.0.1:6443",
        user="default",
        credentials=embedded_pair(admin, server.authorities.client),
        cluster="default",
        context="default",
    )
    server.root.write(f"/etc/rancher/{server.distribution}/{server.distribution}.yaml", text, 0o600)


def write_agent(server: Server) -> None:
    """What every node has below ``agent``: the kubelet's certificates and three kubeconfigs by file."""
    cas, agent, name = server.authorities, f"{server.data}/agent", server.distribution
    server.root.write(f"{agent}/client-ca.crt", certificate_pem(cas.client.certificate))
    server.root.write(f"{agent}/server-ca.crt", certificate_pem(cas.server.certificate))
    identity = f"system:node:{server.node}"
    server.write("agent/client-kubelet", cas.client, identity, organizations=("system:nodes",))
    sans = (f"dns:{server.node}", "dns:localhost", "ip:127.0.0.1", f"ip:{server.address}")
    server.write("agent/serving-kubelet", cas.server, server.node, sans=sans, usages=SERVER)
    server.write("agent/client-kube-proxy", cas.client, "system:kube-proxy")
    server.write(f"agent/client-{name}-controller", cas.client, f"system:{name}-controller")
    for file, base in {
        "kubelet": "client-kubelet",
        "kubeproxy": "client-kube-proxy",
        f"{name}controller": f"client-{name}-controller",
    }.items():
        text = by_file(f"{agent}/server-ca.crt", f"{agent}/{base}", "https://127.0.0.1:6443")
        server.root.write(f"{agent}/{file}.kubeconfig", text, 0o600)


def by_file(trust: str, base: str, url: str) -> str:
    """A kubeconfig that names a CA and a pair as files."""
    return kubeconfig(
        trust=f"certificate-authority: {trust}",
        server=url,
        user="user",
        credentials=f"client-certificate: {base}.crt\nclient-key: {base}.key",
        cluster="local",
        context="Default",
    )


def _etcd(server: Server) -> str:
    tls, address = f"{server.tls}/etcd", server.address
    return f"""\
advertise-client-urls: https://{address}:2379
client-transport-security:
  cert-file: {tls}/server-client.crt
  client-cert-auth: true
  key-file: {tls}/server-client.key
  trusted-ca-file: {tls}/server-ca.crt
data-dir: {server.data}/server/db/etcd
election-timeout: 5000
heartbeat-interval: 500
initial-advertise-peer-urls: https://{address}:2380
initial-cluster: {server.node}-4d2c1a0b=https://{address}:2380
initial-cluster-state: new
listen-client-http-urls: https://127.0.0.1:2382
listen-client-urls: https://127.0.0.1:2379,https://{address}:2379
listen-metrics-urls: http://127.0.0.1:2381
listen-peer-urls: https://127.0.0.1:2380,https://{address}:2380
log-outputs:
- stderr
logger: zap
name: {server.node}-4d2c1a0b
peer-transport-security:
  cert-file: {tls}/peer-server-client.crt
  client-cert-auth: true
  key-file: {tls}/peer-server-client.key
  trusted-ca-file: {tls}/peer-ca.crt
snapshot-count: 10000
"""

"""A cluster as ``kubeadm init`` and ``kubeadm join`` leave it on the disks of its nodes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tests.builders import NOW
from tests.clusters import keys, kubelet, manifests, versions
from tests.clusters.certificates import BACKDATE, YEAR, Minted, authority, certificate_pem, leaf
from tests.clusters.files import Root, embedded, embedded_pair, kubeconfig
from tests.clusters.manifests import KUBERNETES, PKI
from tests.clusters.versions import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """What is decided before any file is written."""

    version: Version
    endpoint: str
    algorithm: str
    now: datetime
    external_ca: bool
    kubernetes: Minted
    front_proxy: Minted
    etcd: Minted

    def leaf(
        self,
        ca: Minted,
        common_name: str,
        name: str,
        *,
        organizations: tuple[str, ...] = (),
        sans: tuple[str, ...] = (),
        usages: tuple[str, ...] = ("client auth",),
    ) -> Minted:
        """A leaf of this cluster; its key is that of its name."""
        old = versions.begins_with_its_ca(self.version)
        return leaf(
            ca,
            common_name,
            keys.key(name, self.algorithm),
            organizations=organizations,
            sans=sans,
            usages=usages,
            not_before=ca.not_before if old else self.now - BACKDATE,
            not_after=self.now + YEAR,
        )


def kubeadm(
    directory: Path,
    *,
    version: str = "1.31",
    control_planes: int = 1,
    workers: int = 1,
    external_etcd: bool = False,
    external_ca: bool = False,
    now: datetime = NOW,
    created: datetime | None = None,
    key: str = "rsa-2048",
    endpoint: str = "api.demo.internal:6443",
) -> Path:
    """Writes ``directory/<node>/…`` for cp-1 to cp-3, worker-1 … and, outside the control plane, etcd-1 to etcd-3.

    Args:
        directory: where the node roots go.
        version: a minor release of Kubernetes, or a patch release.
        control_planes: how many.
        workers: how many.
        external_etcd: whether etcd has machines of its own, as kubeadm's guide for them sets it up.
        external_ca: whether the keys of all three CAs are kept elsewhere.
        now: when the leaves were made, aware.
        created: when the cluster was; `now` when left out, earlier for leaves that were renewed.
        key: the algorithm of every key but the kubelet's.
        endpoint: controlPlaneEndpoint.

    Returns:
        The directory.
    """
    cluster = _cluster(versions.parse(version), endpoint, algorithm=key, created=created or now, now=now, external_ca=external_ca)
    planes = {f"cp-{i + 1}": f"192.0.2.{11 + i}" for i in range(control_planes)}
    members = {f"etcd-{i + 1}": f"192.0.2.{31 + i}" for i in range(3)} if external_etcd else planes
    for i, (node, address) in enumerate(planes.items()):
        root = Root(path=directory / node)
        _control_plane(root, cluster, node, address)
        _kubeconfigs(root, cluster, node, address, first=i == 0)
        _etcd_client(root, cluster, node, members, external=external_etcd)
        _kubelet(root, cluster, node, joined=i > 0)
        if not external_etcd:
            _etcd(root, cluster, node, members, ca_key=not external_ca)
    for i in range(workers):
        root = Root(path=directory / f"worker-{i + 1}")
        root.certificate(f"{PKI}/ca", cluster.kubernetes)
        _kubelet(root, cluster, f"worker-{i + 1}", joined=True)
    if external_etcd:
        for i, node in enumerate(members):
            root = Root(path=directory / node)
            _etcd(root, cluster, node, members, ca_key=i == 0 and not external_ca)
            kubelet.service_manager(root)
    return directory


def _cluster(version: Version, endpoint: str, *, algorithm: str, created: datetime, now: datetime, external_ca: bool) -> Cluster:
    def ca(common_name: str) -> Minted:
        return authority(common_name, keys.key(f"ca/{common_name}", algorithm), now=created)

    return Cluster(
        version=version,
        endpoint=endpoint,
        algorithm=algorithm,
        now=now,
        external_ca=external_ca,
        kubernetes=ca("kubernetes"),
        front_proxy=ca("front-proxy-ca"),
        etcd=ca("etcd-ca"),
    )


def _control_plane(root: Root, cluster: Cluster, node: str, address: str) -> None:
    """CAs, what the API server presents, the key of service accounts and two manifests."""
    for base, ca in {"ca": cluster.kubernetes, "front-proxy-ca": cluster.front_proxy}.items():
        if cluster.external_ca:
            root.certificate(f"{PKI}/{base}", ca)
        else:
            root.pair(f"{PKI}/{base}", ca)
    root.keypair(f"{PKI}/sa", keys.key("sa", cluster.algorithm))
    host = cluster.endpoint.rpartition(":")[0]
    service = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")
    numeric = host.replace(".", "").isdecimal()
    names = sorted({node, *service, *(() if numeric else (host,))})
    sans = (*(f"dns:{name}" for name in names), "ip:10.96.0.1", f"ip:{address}", *((f"ip:{host}",) if numeric else ()))
    serving = cluster.leaf(cluster.kubernetes, "kube-apiserver", f"{node}/apiserver", sans=sans, usages=("server auth",))
    root.pair(f"{PKI}/apiserver", serving)
    organizations = versions.kubelet_client(cluster.version)
    name = "apiserver-kubelet-client"
    root.pair(f"{PKI}/{name}", cluster.leaf(cluster.kubernetes, f"kube-{name}", f"{node}/{name}", organizations=organizations))
    name = "front-proxy-client"
    root.pair(f"{PKI}/{name}", cluster.leaf(cluster.front_proxy, name, f"{node}/{name}"))
    manifest = f"{KUBERNETES}/manifests/kube-%s.yaml"
    signs = not cluster.external_ca
    root.write(manifest % "controller-manager", manifests.controller_manager(cluster.version, signs=signs), 0o600)
    root.write(manifest % "scheduler", manifests.scheduler(cluster.version), 0o600)


def _etcd_client(root: Root, cluster: Cluster, node: str, members: dict[str, str], *, external: bool) -> None:
    """The API server's manifest and its client certificate for etcd: everybody's the same where etcd is elsewhere."""
    name = "apiserver-etcd-client"
    organizations = versions.etcd_clients(cluster.version)
    owner = "etcd" if external else node
    root.pair(f"{PKI}/{name}", cluster.leaf(cluster.etcd, f"kube-{name}", f"{owner}/{name}", organizations=organizations))
    if external:
        root.certificate(f"{PKI}/etcd/ca", cluster.etcd)
    servers = [f"https://{address}:2379" for address in members.values()] if external else ["https://127.0.0.1:2379"]
    address = f"192.0.2.{10 + int(node.rpartition('-')[2])}"
    manifest = manifests.api_server(cluster.version, address=address, etcd_servers=servers)
    root.write(f"{KUBERNETES}/manifests/kube-apiserver.yaml", manifest, 0o600)


def _etcd(root: Root, cluster: Cluster, node: str, members: dict[str, str], *, ca_key: bool) -> None:
    """A member of etcd: its CA, three leaves and its manifest."""
    if ca_key:
        root.pair(f"{PKI}/etcd/ca", cluster.etcd)
    else:
        root.certificate(f"{PKI}/etcd/ca", cluster.etcd)
    address = members[node]
    sans = (*(f"dns:{name}" for name in sorted({node, "localhost"})), f"ip:{address}", "ip:127.0.0.1", "ip:::1")
    for name in ("server", "peer"):
        member = cluster.leaf(cluster.etcd, node, f"{node}/etcd-{name}", sans=sans, usages=("server auth", "client auth"))
        root.pair(f"{PKI}/etcd/{name}", member)
    organizations = versions.etcd_clients(cluster.version)
    name = "healthcheck-client"
    healthcheck = cluster.leaf(cluster.etcd, f"kube-etcd-{name}", f"{node}/etcd-{name}", organizations=organizations)
    root.pair(f"{PKI}/etcd/{name}", healthcheck)
    known = dict(list(members.items())[: list(members).index(node) + 1])  # a member that joins names those before it
    manifest = manifests.etcd(cluster.version, name=node, address=address, members=members if node.startswith("etcd") else known)
    root.write(f"{KUBERNETES}/manifests/etcd.yaml", manifest, 0o600)


def _kubeconfigs(root: Root, cluster: Cluster, node: str, address: str, *, first: bool) -> None:
    """The kubeconfigs of people and of components, with everything inside."""
    shared, local = f"https://{cluster.endpoint}", f"https://{address}:6443"
    rows = [
        ("admin", "kubernetes-admin", versions.admins(cluster.version), shared),
        ("controller-manager", "system:kube-controller-manager", (), local),
        ("scheduler", "system:kube-scheduler", (), local),
    ]
    if first and versions.super_admin(cluster.version):
        rows.append(("super-admin", "kubernetes-super-admin", (versions.MASTERS,), shared))
    for name, common_name, organizations, server in rows:
        client = cluster.leaf(cluster.kubernetes, common_name, f"{node}/{name}", organizations=organizations)
        text = kubeconfig(
            trust=embedded("certificate-authority", cluster.kubernetes.pem),
            server=server,
            user=common_name,
            credentials=embedded_pair(client),
        )
        root.write(f"{KUBERNETES}/{name}.conf", text, 0o600)


def _kubelet(root: Root, cluster: Cluster, node: str, *, joined: bool) -> None:
    """kubelet.conf, which refers to the kubelet's own files, and these."""
    user = "default-auth" if joined else f"system:node:{node}"
    text = kubeconfig(
        trust=embedded("certificate-authority", certificate_pem(cluster.kubernetes.certificate)),
        server=f"https://{cluster.endpoint}",
        user=user,
        credentials=kubelet.REFERENCES,
        cluster="default-cluster" if joined else "kubernetes",
        context="default-context" if joined else "",
    )
    root.write(f"{KUBERNETES}/kubelet.conf", text, 0o600)
    kubelet.configuration(root, cluster.version)
    kubelet.client(root, cluster.kubernetes, node, now=cluster.now, joined=joined)
    kubelet.serving(root, node, now=cluster.now)

"""A cluster set up by hand, as the courses for the CKA teach it: openssl for the certificates, systemd for the programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.builders import NOW
from tests.clusters import course_settings as settings
from tests.clusters import units
from tests.clusters.certificates import Minted, load_pem, remember
from tests.clusters.course_settings import ADDRESSES, CONTROL_PLANE, ETCD, HOME, PKI, SERVER, WORKER
from tests.clusters.files import Root, embedded, kubeconfig
from tests.clusters.keys import read_key
from tests.clusters.openssl import OpenSSL

_API_NAMES: Final = (
    *("DNS:kubernetes", "DNS:kubernetes.default", "DNS:kubernetes.default.svc", "DNS:kubernetes.default.svc.cluster.local"),
    *("IP:10.96.0.1", f"IP:{ADDRESSES[CONTROL_PLANE]}", "IP:127.0.0.1"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What the commands of the course left in their directory."""

    files: Mapping[str, bytes]

    def install(self, root: Root, directory: str, *names: str) -> None:
        """Copies certificates and, where there is one of that name, keys to a node: ``ca.crt``, ``kube-apiserver``."""
        for name in names:
            files = (name,) if name.endswith(".crt") else (f"{name}.crt", f"{name}.key")
            for file in files:
                root.write(f"{directory}/{file}", self.files[file], 0o600)


def by_hand(
    directory: Path,
    *,
    one_ca: bool = True,
    v1_ca: bool = False,
    now: datetime | None = NOW,
    etcd_names: Sequence[str] = (),
) -> Path:
    """Writes ``directory/controlplane/…`` and ``directory/node01/…``.

    Args:
        directory: where the node roots go.
        one_ca: whether one CA signs everything; else etcd and the front proxy have their own.
        v1_ca: whether CAs are made by ``x509 -req -signkey``, so that they have no extensions.
        now: the time that openssl believes; None for that of this machine.
        etcd_names: more names for the certificate of etcd, as openssl.cnf has them: ``DNS:x`` and ``IP:y``.

    Returns:
        The directory.
    """
    course = Course(files=_signed(one_ca=one_ca, v1_ca=v1_ca, now=now, etcd_names=tuple(etcd_names)))
    _control_plane(Root(path=directory / CONTROL_PLANE), course, one_ca=one_ca)
    _worker(Root(path=directory / WORKER), course)
    return directory


@cache
def _signed(*, one_ca: bool, v1_ca: bool, now: datetime | None, etcd_names: tuple[str, ...]) -> Mapping[str, bytes]:
    """Runs the commands of the course, once a process for the same arguments."""
    with TemporaryDirectory() as scratch:
        openssl = OpenSSL(directory=Path(scratch), now=now)
        etcd_ca, front_proxy_ca = ("ca", "ca") if one_ca else ("etcd-ca", "front-proxy-ca")
        subjects = {"ca": "/CN=KUBERNETES-CA/O=Kubernetes", "etcd-ca": "/CN=ETCD-CA", "front-proxy-ca": "/CN=FRONT-PROXY-CA"}
        for name in dict.fromkeys(("ca", etcd_ca, front_proxy_ca)):
            (openssl.old_root if v1_ca else openssl.root)(name, subjects[name], days=3650)
        _clients(openssl)
        _servers(openssl, etcd_ca, etcd_names)
        if not one_ca:
            configuration = openssl.configuration("openssl-front-proxy.cnf", (), usages="clientAuth")
            openssl.leaf("front-proxy-client", "/CN=front-proxy-client", ca=front_proxy_ca, configuration=configuration)
        files = {path.name: path.read_bytes() for path in sorted(Path(scratch).iterdir())}
    for name in dict.fromkeys(("ca", etcd_ca, front_proxy_ca)):
        remember(Minted(certificate=load_pem(files[f"{name}.crt"])[0], key=read_key(files[f"{name}.key"])))
    return files


def _clients(openssl: OpenSSL) -> None:
    """People and components: without a single extension, but for the API server's when it calls kubelets."""
    openssl.leaf("admin", "/CN=admin/O=system:masters")
    for name, group in {
        "kube-controller-manager": "system:kube-controller-manager",
        "kube-scheduler": "system:kube-scheduler",
        "kube-proxy": "system:node-proxier",
    }.items():
        openssl.leaf(name, f"/CN=system:{name}/O={group}")
    openssl.leaf("service-account", "/CN=service-accounts/O=Kubernetes")
    configuration = openssl.configuration("openssl-kubelet.cnf", (), usages="clientAuth")
    name = "apiserver-kubelet-client"
    openssl.leaf(name, f"/CN=kube-{name}/O=system:masters", configuration=configuration)


def _servers(openssl: OpenSSL, etcd_ca: str, etcd_names: Sequence[str]) -> None:
    """Who has names. etcd's certificate is everything at once: server, peer and the API server's client."""
    configuration = openssl.configuration("openssl.cnf", _API_NAMES, usages="serverAuth")
    openssl.leaf("kube-apiserver", "/CN=kube-apiserver/O=Kubernetes", configuration=configuration)
    address = f"IP:{ADDRESSES[CONTROL_PLANE]}"
    configuration = openssl.configuration("openssl-etcd.cnf", (address, "IP:127.0.0.1", *etcd_names))
    openssl.leaf("etcd-server", "/CN=etcd-server/O=Kubernetes", ca=etcd_ca, configuration=configuration)
    configuration = openssl.configuration("openssl-node01.cnf", (f"DNS:{WORKER}", f"IP:{ADDRESSES[WORKER]}"))
    openssl.leaf(WORKER, f"/CN=system:node:{WORKER}/O=system:nodes", configuration=configuration)


def _control_plane(root: Root, course: Course, *, one_ca: bool) -> None:
    components = ("kube-controller-manager", "kube-scheduler")
    course.install(root, PKI, "ca", "kube-apiserver", "apiserver-kubelet-client", "etcd-server", "service-account", *components)
    if not one_ca:
        course.install(root, PKI, "etcd-ca.crt", "front-proxy-ca", "front-proxy-client")
    course.install(root, ETCD, "etcd-server", *(("ca.crt",) if one_ca else ("etcd-ca",)))
    for name in components:
        root.write(f"{HOME}/{name}.kubeconfig", _by_file(name, f"system:{name}", "https://127.0.0.1:6443"), 0o600)
    root.write("/root/.kube/config", _inside(course, "admin", "admin"), 0o600)
    authority = f"{PKI}/ca.crt" if one_ca else f"{PKI}/etcd-ca.crt"
    root.write(
        f"{units.DIRECTORY}/kube-apiserver.service",
        units.continued("kube-apiserver", settings.api_server(authority, one_ca=one_ca)),
    )
    root.write(
        f"{units.DIRECTORY}/kube-controller-manager.service",
        units.quoted("kube-controller-manager", settings.controller_manager()),
    )
    root.write(f"{units.DIRECTORY}/kube-scheduler.service", units.by_environment("kube-scheduler", "/etc/default/kube-scheduler"))
    root.write(
        "/etc/default/kube-scheduler",
        units.environment({"kubeconfig": f"{HOME}/kube-scheduler.kubeconfig", "leader-elect": "true"}),
    )
    trusted = f"{ETCD}/ca.crt" if one_ca else f"{ETCD}/etcd-ca.crt"
    peers, clients = settings.etcd(trusted)
    before = f"Type=notify\nEnvironmentFile={ETCD}/etcd.env\n"
    root.write(f"{units.DIRECTORY}/etcd.service", units.continued("etcd", clients, before=before))
    root.write(f"{ETCD}/etcd.env", units.etcd_environment(peers))


def _worker(root: Root, course: Course) -> None:
    course.install(root, PKI, "ca.crt", WORKER)
    root.write("/var/lib/kubelet/kubeconfig", _by_file(WORKER, f"system:node:{WORKER}", SERVER), 0o600)
    root.write("/var/lib/kubelet/kubelet-config.yaml", settings.KUBELET)
    flags = {"config": "/var/lib/kubelet/kubelet-config.yaml", "kubeconfig": "/var/lib/kubelet/kubeconfig"}
    own = {"hostname-override": WORKER, "node-ip": ADDRESSES[WORKER], "v": "2"}
    root.write(f"{units.DIRECTORY}/kubelet.service", units.continued("kubelet", {**flags, **own}))
    root.write("/var/lib/kube-proxy/kubeconfig", _inside(course, "kube-proxy", "system:kube-proxy"), 0o600)
    root.write("/var/lib/kube-proxy/kube-proxy-config.yaml", settings.KUBE_PROXY)
    proxy = {"config": "/var/lib/kube-proxy/kube-proxy-config.yaml"}
    root.write(f"{units.DIRECTORY}/kube-proxy.service", units.continued("kube-proxy", proxy))


def _by_file(name: str, user: str, server: str) -> str:
    """What ``kubectl config`` writes without --embed-certs."""
    return kubeconfig(
        trust=f"certificate-authority: {PKI}/ca.crt",
        server=server,
        user=user,
        credentials=f"client-certificate: {PKI}/{name}.crt\nclient-key: {PKI}/{name}.key",
        cluster="kubernetes-the-hard-way",
        context="default",
    )


def _inside(course: Course, name: str, user: str) -> str:
    """What ``kubectl config`` writes with ``--embed-certs=true``."""
    pair = (
        embedded("client-certificate", course.files[f"{name}.crt"]),
        embedded("client-key", course.files[f"{name}.key"]),
    )
    return kubeconfig(
        trust=embedded("certificate-authority", course.files["ca.crt"]),
        server=SERVER,
        user=user,
        credentials="\n".join(pair),
        cluster="kubernetes-the-hard-way",
        context="default",
    )

"""A cluster as kubeadm makes it, in values: a draft to break in one place, then `cluster()`.

Certificates are those of `tests.builders`, dated so that everything is sound at its NOW.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Final

from reconciler.cluster.model import Cluster, Content, Entry, File, Kubeconfig, Layout, Node, Process, Role, Unread, Use
from reconciler.observed.model import Absent, Certificates, CombinedPair, FileMeta, Key, PublicKey
from reconciler.x509.keys import PrivateKey
from tests.builders import Pair, make_ca, make_key, make_leaf, make_serial

PKI: Final = "/etc/kubernetes/pki"
CURRENT: Final = "/var/lib/kubelet/pki/kubelet-client-current.pem"
MANIFESTS: Final = "/etc/kubernetes/manifests"
ENDPOINT: Final = "https://api.demo.internal:6443"
ADMINS: Final = "kubeadm:cluster-admins"
DAY: Final = timedelta(days=1)
ADDRESSES: Final = {"cp-1": "192.0.2.11", "cp-2": "192.0.2.12"}

CA: Final = make_ca("kubernetes")
ETCD: Final = make_ca("etcd-ca")
FRONT: Final = make_ca("front-proxy-ca")
#: One of the same name with another key, and one of another name.
IMPOSTOR: Final = make_ca("kubernetes", key=make_key("impostor"))
STRANGER: Final = make_ca("stranger")

_API: Final = "kube-apiserver"
_KCM: Final = "kube-controller-manager"
_SCHEDULER: Final = "kube-scheduler"
_SERVICE: Final = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")

Row = tuple[str, str, Role, str]
#: Which process names a file below PKI by which flag, in which role, for what.
_USES: Final[dict[str, tuple[Row, ...]]] = {
    "ca.crt": (
        (_API, "--client-ca-file", "trust", "client-ca"),
        (_KCM, "--client-ca-file", "trust", "client-ca"),
        (_KCM, "--cluster-signing-cert-file", "signing-certificate", "signing"),
        (_KCM, "--root-ca-file", "trust", "root-ca"),
        ("kubelet", "authentication.x509.clientCAFile", "trust", "client-ca"),
    ),
    "ca.key": ((_KCM, "--cluster-signing-key-file", "signing-key", "signing"),),
    "apiserver.crt": ((_API, "--tls-cert-file", "certificate", "serving"),),
    "apiserver.key": ((_API, "--tls-private-key-file", "key", "serving"),),
    "apiserver-kubelet-client.crt": ((_API, "--kubelet-client-certificate", "certificate", "kubelet-client"),),
    "apiserver-kubelet-client.key": ((_API, "--kubelet-client-key", "key", "kubelet-client"),),
    "apiserver-etcd-client.crt": ((_API, "--etcd-certfile", "certificate", "etcd-client"),),
    "apiserver-etcd-client.key": ((_API, "--etcd-keyfile", "key", "etcd-client"),),
    "front-proxy-ca.crt": ((_API, "--requestheader-client-ca-file", "trust", "front-proxy-ca"),),
    "front-proxy-client.crt": ((_API, "--proxy-client-cert-file", "certificate", "front-proxy"),),
    "front-proxy-client.key": ((_API, "--proxy-client-key-file", "key", "front-proxy"),),
    "etcd/ca.crt": (
        ("etcd", "--trusted-ca-file", "trust", "client-ca"),
        ("etcd", "--peer-trusted-ca-file", "trust", "peer-ca"),
        (_API, "--etcd-cafile", "trust", "etcd-client"),
    ),
    "etcd/server.crt": (("etcd", "--cert-file", "certificate", "serving"),),
    "etcd/server.key": (("etcd", "--key-file", "key", "serving"),),
    "etcd/peer.crt": (("etcd", "--peer-cert-file", "certificate", "peer"),),
    "etcd/peer.key": (("etcd", "--peer-key-file", "key", "peer"),),
    "sa.key": (
        (_API, "--service-account-signing-key-file", "token-key", "service-account"),
        (_KCM, "--service-account-private-key-file", "token-key", "service-account"),
    ),
    "sa.pub": ((_API, "--service-account-key-file", "token-verification", "service-account"),),
}


def meta(mode: int = 0o644, gid: int = 0) -> FileMeta:
    """What `stat` says of a file of root's."""
    return FileMeta(mode=mode, uid=0, gid=gid)


def certificates(*pairs: Pair, mode: int = 0o644) -> Certificates:
    """A file with their certificates."""
    return Certificates(chain=tuple(pair.certificate.facts for pair in pairs), meta=meta(mode))


def key(of: Pair | PrivateKey, *, mode: int = 0o600, gid: int = 0) -> Key:
    """A file with a key."""
    return Key(facts=(of.key if isinstance(of, Pair) else of).facts, meta=meta(mode, gid))


def combined(pair: Pair, *, mode: int = 0o600) -> CombinedPair:
    """A file with both."""
    return CombinedPair(certificate=certificates(pair, mode=mode), key=key(pair, mode=mode))


def public(*keys: PrivateKey) -> PublicKey:
    """A ``.pub`` file."""
    first, *others = (each.facts.spki_sha256 for each in keys)
    return PublicKey(spki_sha256=first, others=tuple(others), meta=meta(0o600))


def entry(user: str, pair: Pair | None, *, trust: Sequence[Pair] = (CA,), server: str = ENDPOINT, **fields: object) -> Entry:
    """An entry with everything embedded."""
    given: dict[str, object] = {
        "context": f"{user}@kubernetes",
        "current": True,
        "user": user,
        "cluster": "kubernetes",
        "server": server,
        "trust": certificates(*trust) if trust else Absent(),
        "certificate": certificates(pair) if pair else Absent(),
        "key": key(pair) if pair else Absent(),
    }
    return Entry(**{**given, **fields})  # type: ignore[arg-type]


def kubeconfig(*entries: Entry, mode: int = 0o600) -> Kubeconfig:
    """A kubeconfig."""
    return Kubeconfig(entries=entries, meta=meta(mode))


@cache
def client(name: str, *, ca: Pair = CA, organizations: Sequence[str] = (), **fields: object) -> Pair:
    """A client's certificate."""
    given: dict[str, object] = {"organizations": organizations, "sans": (), "usages": ("client auth",), **fields}
    return make_leaf(ca, name, **given)  # type: ignore[arg-type]


@cache
def kubelet_client(node: str, *, ca: Pair = CA, **fields: object) -> Pair:
    """That of a kubelet."""
    return client(f"system:node:{node}", ca=ca, organizations=("system:nodes",), **fields)


@cache
def api_server(node: str = "cp-1", *, ca: Pair = CA, without: Sequence[str] = (), **fields: object) -> Pair:
    """The serving certificate of an API server."""
    names = [*(f"dns:{name}" for name in (node, *_SERVICE, "api.demo.internal")), "ip:10.96.0.1", f"ip:{ADDRESSES[node]}"]
    given: dict[str, object] = {"sans": [name for name in names if name not in without], **fields}
    return make_leaf(ca, "kube-apiserver", **given)  # type: ignore[arg-type]


@cache
def member(node: str = "cp-1", *, ca: Pair = ETCD, without: Sequence[str] = (), **fields: object) -> Pair:
    """A certificate of a member of etcd."""
    names = [f"dns:{node}", "dns:localhost", f"ip:{ADDRESSES[node]}", "ip:127.0.0.1", "ip:::1"]
    given: dict[str, object] = {
        "sans": [name for name in names if name not in without],
        "usages": ("client auth", "server auth"),
        **fields,
    }
    return make_leaf(ca, node, **given)  # type: ignore[arg-type]


@cache
def self_signed_kubelet(node: str) -> tuple[Pair, Pair]:
    """What a kubelet makes when it finds nothing: a leaf, and the CA above it that lies nowhere else."""
    above = make_ca(f"{node}-ca@1795435200", lifetime=365 * DAY)
    return make_leaf(above, f"{node}@1795435200", sans=(f"dns:{node}",)), above


@dataclass
class Machine:
    """One node of a draft."""

    layout: Layout = "kubeadm"
    processes: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=dict)
    files: dict[str, File] = field(default_factory=dict)
    unread: tuple[Unread, ...] = ()
    addresses: tuple[str, ...] = ()


@dataclass
class Draft:
    """A cluster that can still be changed."""

    machines: dict[str, Machine] = field(default_factory=dict)
    version: str = "1.31.4"

    def put(self, path: str, content: Content, *, on: str = "cp-1", link: str | None = None, **fields: object) -> None:
        """Replaces what is at a path, or adds it; its uses stay."""
        files = self.machines[on].files
        old = files.get(path) or File(path=path, content=content)
        given: dict[str, object] = {"uses": old.uses, "link": old.link if link is None else link, **fields}
        files[path] = File(path=path, content=content, **given)  # type: ignore[arg-type]

    def put_pair(self, base: str, pair: Pair, *, on: str = "cp-1") -> None:
        """Replaces a certificate and its key below PKI."""
        self.put(f"{PKI}/{base}.crt", certificates(pair), on=on)
        self.put(f"{PKI}/{base}.key", key(pair), on=on)

    def put_user(self, name: str, *entries: Entry, on: str = "cp-1", mode: int = 0o600) -> None:
        """Replaces a kubeconfig below /etc/kubernetes."""
        self.put(f"/etc/kubernetes/{name}", kubeconfig(*entries, mode=mode), on=on)

    def use(self, path: str, *rows: Row, on: str = "cp-1") -> None:
        """Says that processes use a file, instead of what was said before."""
        files = self.machines[on].files
        files[path] = File(path=path, content=files[path].content, uses=tuple(_use(row) for row in rows), link=files[path].link)

    def set(self, process: str, setting: str, *values: str, on: str = "cp-1") -> None:
        """Sets a flag or field; without values it is removed."""
        settings = self.machines[on].processes[process]
        settings.pop(setting, None)
        if values:
            settings[setting] = values

    def drop(self, *paths: str, on: str = "cp-1") -> None:
        """Takes files away without a trace."""
        for path in paths:
            del self.machines[on].files[path]

    def cluster(self) -> Cluster:
        """The value."""
        return Cluster(nodes=tuple(self._node(name, machine) for name, machine in sorted(self.machines.items())))

    def _node(self, name: str, machine: Machine) -> Node:
        return Node(
            name=name,
            layout=machine.layout,
            processes=tuple(
                Process(
                    name=process,
                    source=_source(process),
                    settings=settings,
                    version=self.version if process == _API else "",
                )
                for process, settings in machine.processes.items()
            ),
            files=dict(sorted(machine.files.items())),
            unread=machine.unread,
            addresses=machine.addresses,
        )


def kubeadm(*, control_planes: int = 1) -> Draft:
    """Control-plane nodes with etcd, and one worker; nothing is wrong with it."""
    draft = Draft()
    for number in range(1, control_planes + 1):
        _control_plane(draft, f"cp-{number}")
    add_kubelet(draft, "w-1")
    return draft


def _control_plane(draft: Draft, node: str) -> None:
    address = ADDRESSES[node]
    tokens = make_key("sa")
    draft.machines[node] = Machine(addresses=(address,), processes=_processes(address))
    leaves = {
        "ca": CA,
        "apiserver": api_server(node, serial=make_serial(node, "apiserver")),
        "apiserver-kubelet-client": client(
            "kube-apiserver-kubelet-client", organizations=(ADMINS,), serial=make_serial(node, "kubelet-client")
        ),
        "apiserver-etcd-client": client("kube-apiserver-etcd-client", ca=ETCD, serial=make_serial(node, "etcd-client")),
        "front-proxy-ca": FRONT,
        "front-proxy-client": client("front-proxy-client", ca=FRONT, serial=make_serial(node, "front-proxy")),
        "etcd/ca": ETCD,
        "etcd/server": member(node),
        "etcd/peer": member(node, key=make_key(f"{node}-peer"), serial=make_serial(node, "peer")),
    }
    for base, pair in leaves.items():
        draft.put_pair(base, pair, on=node)
    draft.put(f"{PKI}/sa.key", key(tokens), on=node)
    draft.put(f"{PKI}/sa.pub", public(tokens), on=node)
    for name, rows in _USES.items():
        draft.use(f"{PKI}/{name}", *rows, on=node)
    local = f"https://{address}:6443"
    admin = client("kubernetes-admin", organizations=(ADMINS,), serial=make_serial(node, "admin"))
    draft.put_user("admin.conf", entry("kubernetes-admin", admin), on=node)
    for name, process in (("controller-manager.conf", _KCM), ("scheduler.conf", _SCHEDULER)):
        user = f"system:{process}"
        draft.put_user(name, entry(user, client(user, serial=make_serial(node, process)), server=local), on=node)
        draft.use(f"/etc/kubernetes/{name}", (process, "--kubeconfig", "kubeconfig", "api-client"), on=node)
    draft.use("/etc/kubernetes/admin.conf", ("", "--kubeconfig", "kubeconfig", "person"), on=node)
    add_kubelet(draft, node)


def add_kubelet(draft: Draft, node: str) -> None:
    """A kubelet that joined, and serves with what it signed itself."""
    machine = draft.machines.setdefault(node, Machine())
    machine.processes["kubelet"] = {"rotateCertificates": ("true",), "clusterDomain": ("cluster.local",)}
    user = entry("default-auth", kubelet_client(node), certificate_path=CURRENT, key_path=CURRENT)
    draft.put_user("kubelet.conf", user, on=node)
    draft.use("/etc/kubernetes/kubelet.conf", ("kubelet", "--kubeconfig", "kubeconfig", "api-client"), on=node)
    draft.put(CURRENT, combined(kubelet_client(node)), on=node, link=CURRENT.replace("current", "2026-11-23-11-55-00"))
    draft.use(
        CURRENT,
        ("kubelet", "users[default-auth].client-certificate", "certificate", "api-client"),
        ("kubelet", "users[default-auth].client-key", "key", "api-client"),
        on=node,
    )
    if f"{PKI}/ca.crt" not in machine.files:
        draft.put(f"{PKI}/ca.crt", certificates(CA), on=node)
        draft.use(f"{PKI}/ca.crt", _USES["ca.crt"][-1], on=node)
    leaf, above = self_signed_kubelet(node)
    draft.put("/var/lib/kubelet/pki/kubelet.crt", certificates(leaf, above), on=node)
    draft.use("/var/lib/kubelet/pki/kubelet.crt", ("kubelet", "--cert-dir", "certificate", "serving"), on=node)
    draft.put("/var/lib/kubelet/pki/kubelet.key", key(leaf), on=node)
    draft.use("/var/lib/kubelet/pki/kubelet.key", ("kubelet", "--cert-dir", "key", "serving"), on=node)


def _processes(address: str) -> dict[str, dict[str, tuple[str, ...]]]:
    return {
        _API: {
            "advertise-address": (address,),
            "etcd-servers": ("https://127.0.0.1:2379",),
            "kubelet-client-certificate": (f"{PKI}/apiserver-kubelet-client.crt",),
            "requestheader-client-ca-file": (f"{PKI}/front-proxy-ca.crt",),
            "requestheader-allowed-names": ("front-proxy-client",),
            "service-cluster-ip-range": ("10.96.0.0/12",),
        },
        _KCM: {"kubeconfig": ("/etc/kubernetes/controller-manager.conf",)},
        _SCHEDULER: {"kubeconfig": ("/etc/kubernetes/scheduler.conf",)},
        "etcd": {
            "cert-file": (f"{PKI}/etcd/server.crt",),
            "peer-cert-file": (f"{PKI}/etcd/peer.crt",),
            "trusted-ca-file": (f"{PKI}/etcd/ca.crt",),
            "peer-trusted-ca-file": (f"{PKI}/etcd/ca.crt",),
            "listen-client-urls": (f"https://127.0.0.1:2379,https://{address}:2379",),
            "listen-peer-urls": (f"https://{address}:2380",),
            "advertise-client-urls": (f"https://{address}:2379",),
            "initial-advertise-peer-urls": (f"https://{address}:2380",),
        },
    }


def _use(row: Row) -> Use:
    process, setting, role, purpose = row
    return Use(process=process, setting=setting, role=role, purpose=purpose, source=_source(process))


def _source(process: str) -> str:
    return "/var/lib/kubelet/config.yaml" if process == "kubelet" else f"{MANIFESTS}/{process}.yaml"

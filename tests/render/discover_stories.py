"""A cluster of two nodes with a little of everything, as its files would describe it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from reconciler.cluster.model import Cluster, Entry, File, Kubeconfig, Node, Process, Role, Unread, Use
from reconciler.health.document import DiscoveryDocument
from reconciler.health.document_of import document_of
from reconciler.health.model import HealthFinding
from reconciler.observed.model import (
    Absent,
    Certificates,
    CombinedPair,
    FileMeta,
    Key,
    PublicKey,
    RevocationLists,
    Unusable,
)
from reconciler.x509.facts import CertificateFacts, CrlFacts, KeyFacts
from reconciler.x509.names import Subject

NOW: Final = datetime(2026, 11, 20, 10, 0, 0, tzinfo=UTC)
DAY: Final = timedelta(days=1)
PKI: Final = "/etc/kubernetes/pki"
MANIFESTS: Final = "/etc/kubernetes/manifests"
HOSTILE: Final = "</td><script>alert(1)</script>\x1b[2J\"' onclick=x &amp;"


def digest(name: str) -> str:
    """64 hex digits that belong to a name."""
    return f"{int.from_bytes(name.encode()[-24:], 'big'):064x}"


def facts(
    name: str,
    *,
    issuer: str = "kubernetes",
    left: timedelta = 364 * DAY,
    life: timedelta = 365 * DAY,
    organizations: tuple[str, ...] = (),
    **fields: Any,  # noqa: ANN401 - fields of any type
) -> CertificateFacts:
    """A certificate by what it says; its key belongs to its name."""
    said: dict[str, Any] = {
        "fingerprint": digest(f"{name} {issuer} {left}"),
        "spki_sha256": digest(name),
        "subject": Subject(common_name=name, organizations=organizations),
        "issuer": Subject(common_name=issuer),
        "serial": digest(name)[-8:],
        "not_before": NOW + left - life,
        "not_after": NOW + left,
        "sans": (),
        "usages": ("client auth",),
        "key_usages": ("digital signature", "key encipherment"),
        "key": "rsa-2048",
        "signature_hash": "sha256",
        "is_ca": False,
        "path_length": None,
        "ski": "",
        "aki": digest(issuer)[-40:],
        "self_signed": False,
    }
    return CertificateFacts(**(said | fields))


def authority(name: str) -> CertificateFacts:
    """A CA that signed itself."""
    return facts(
        name, issuer=name, left=3284 * DAY, life=3650 * DAY, is_ca=True, self_signed=True, sans=(f"dns:{name}",), usages=()
    )


def meta(mode: int = 0o644) -> FileMeta:
    """Of a file of root."""
    return FileMeta(mode=mode, uid=0, gid=0)


def held(*chain: CertificateFacts) -> Certificates:
    """What a file with these certificates holds."""
    return Certificates(chain=chain, meta=meta())


def key_of(name: str, mode: int = 0o600) -> Key:
    """The key that belongs to a name."""
    return Key(facts=KeyFacts(spki_sha256=digest(name), key="rsa-2048"), meta=meta(mode))


def use(process: str, setting: str, role: Role, purpose: str) -> Use:
    """A setting of a static pod."""
    return Use(process=process, setting=setting, role=role, purpose=purpose, source=f"{MANIFESTS}/{process}.yaml")


def entry(user: str, certificate: Certificates | Unusable | Absent, **fields: Any) -> Entry:  # noqa: ANN401 - fields of any type
    """The only context of a kubeconfig."""
    said: dict[str, Any] = {
        "context": f"{user}@demo",
        "current": True,
        "user": user,
        "cluster": "demo",
        "server": "https://api.demo.internal:6443",
        "trust": held(KUBERNETES),
        "certificate": certificate,
        "key": key_of(user) if isinstance(certificate, Certificates) else Absent(),
    }
    return Entry(**(said | fields))


KUBERNETES: Final = authority("kubernetes")
PERSON: Final = Use(process="", setting="--kubeconfig", role="kubeconfig", purpose="person", source="")
CLIENT_CURRENT: Final = "/var/lib/kubelet/pki/kubelet-client-current.pem"
APISERVER: Final = facts(
    "kube-apiserver",
    left=12 * DAY,
    sans=(
        "dns:api.demo.internal", "dns:cp-1", "dns:kubernetes", "dns:kubernetes.default", "dns:kubernetes.default.svc",
        "dns:kubernetes.default.svc.cluster.local", "ip:10.96.0.1", "ip:192.0.2.11",
    ),
    usages=("server auth",),
)  # fmt: skip
CONTROL_PLANE_FILES: Final = (
    File(
        path="/etc/kubernetes/admin.conf",
        content=Kubeconfig(
            entries=(entry("kubernetes-admin", held(facts("kubernetes-admin", organizations=("kubeadm:cluster-admins",)))),),
            meta=meta(0o600),
        ),
        uses=(PERSON,),
    ),
    File(
        path="/etc/kubernetes/kubelet.conf",
        content=Kubeconfig(
            entries=(entry("system:node:cp-1", Absent(), certificate_path=CLIENT_CURRENT, key_path=CLIENT_CURRENT),),
            meta=meta(0o600),
        ),
        uses=(use("kubelet", "--kubeconfig", "kubeconfig", "api-client"),),
    ),
    File(
        path=f"{PKI}/apiserver.crt",
        content=held(APISERVER),
        uses=(use("kube-apiserver", "--tls-cert-file", "certificate", "serving"),),
    ),
    File(
        path=f"{PKI}/apiserver.key",
        content=key_of("kube-apiserver"),
        uses=(use("kube-apiserver", "--tls-private-key-file", "key", "serving"),),
    ),
    File(
        path=f"{PKI}/ca.crt",
        content=held(KUBERNETES),
        uses=(
            use("kube-apiserver", "--client-ca-file", "trust", "client-ca"),
            use("kube-controller-manager", "--cluster-signing-cert-file", "signing-certificate", "signing"),
            use("kube-controller-manager", "--root-ca-file", "trust", "root-ca"),
            use("kubelet", "authentication.x509.clientCAFile", "trust", "client-ca"),
        ),
    ),
    File(
        path=f"{PKI}/etcd/server.crt",
        content=held(
            facts(
                "cp-1", issuer="etcd-ca", left=-3 * DAY, usages=("client auth", "server auth"), sans=("dns:cp-1", "ip:127.0.0.1")
            )
        ),
        uses=(use("etcd", "--cert-file", "certificate", "serving"),),
    ),
    File(
        path=f"{PKI}/front-proxy-ca.crt",
        content=Absent(),
        uses=(use("kube-apiserver", "--requestheader-client-ca-file", "trust", "front-proxy-ca"),),
    ),
    File(
        path=f"{PKI}/jane.crt",
        content=held(facts(HOSTILE, subject=Subject(common_name=HOSTILE, countries=("DE",)), sans=(f"uri:{HOSTILE}",))),
    ),
    File(
        path=f"{PKI}/old.crl",
        content=RevocationLists(
            lists=(
                CrlFacts(
                    fingerprint=digest("crl"),
                    number=7,
                    this_update=NOW - 3 * DAY,
                    next_update=NOW + 4 * DAY,
                    aki="",
                    signature_hash="sha256",
                    entries=(),
                ),
            ),
            signers=("",),
            meta=meta(),
        ),
    ),
    File(
        path=f"{PKI}/sa.key",
        content=key_of("sa"),
        uses=(use("kube-apiserver", "--service-account-signing-key-file", "token-key", "service-account"),),
    ),
    File(
        path=f"{PKI}/sa.pub",
        content=PublicKey(spki_sha256=digest("sa"), meta=meta(0o600)),
        uses=(use("kube-apiserver", "--service-account-key-file", "token-verification", "service-account"),),
    ),
    File(path=f"{PKI}/torn.crt", content=Unusable(problem="truncated", detail="the file ends in the middle of a certificate")),
    File(
        path=CLIENT_CURRENT,
        content=CombinedPair(
            certificate=held(facts("system:node:cp-1", organizations=("system:nodes",), left=200 * DAY)),
            key=key_of("system:node:cp-1"),
        ),
        uses=(use("kubelet", "users[system:node:cp-1].client-certificate", "certificate", "api-client"),),
        link="kubelet-client-2026-06-08-10-00-00.pem",
    ),
)
WORKER_FILES: Final = (
    File(
        path="/home/jane/.kube/config",
        content=Kubeconfig(
            entries=(
                entry("jane", held(facts("jane", organizations=("dev", "ops"), left=timedelta(hours=11)))),
                entry("robot", Absent(), cluster="other", trust=Absent(), other_credential="token", current=False),
            ),
            meta=meta(0o644),
        ),
        uses=(PERSON,),
    ),
    File(
        path=f"{PKI}/ca.crt",
        content=held(KUBERNETES, authority("kubernetes-old")),
        uses=(use("kubelet", "authentication.x509.clientCAFile", "trust", "client-ca"),),
    ),
)
CLUSTER: Final = Cluster(
    nodes=(
        Node(
            name="cp-1",
            layout="kubeadm",
            processes=(
                Process(name="etcd", source=f"{MANIFESTS}/etcd.yaml", settings={}, version="3.5.15"),
                Process(name="kube-apiserver", source=f"{MANIFESTS}/kube-apiserver.yaml", settings={}, version="1.31.2"),
                Process(name="kubelet", source="/var/lib/kubelet/config.yaml", settings={}),
            ),
            files={file.path: file for file in CONTROL_PLANE_FILES},
            unread=(Unread(path="/etc/systemd/system/kubelet.service.d/20-odd.conf", problem="a quote is never closed"),),
            addresses=("192.0.2.11",),
        ),
        Node(
            name="w-1",
            layout="kubeadm",
            processes=(Process(name="kubelet", source="/var/lib/kubelet/config.yaml", settings={}),),
            files={file.path: file for file in WORKER_FILES},
        ),
    )
)
EXPIRED: Final = HealthFinding(
    code="CPK604",
    severity="error",
    node="cp-1",
    path=f"{PKI}/etcd/server.crt",
    setting="etcd --cert-file",
    message="the certificate of etcd expired 3 days ago, on 2026-11-17",
    breaks="kube-apiserver cannot connect to etcd on cp-1",
    when=NOW - 3 * DAY,
    mend="make a new certificate for the same names and restart nothing: etcd reads it at the next handshake",
)
SOON: Final = HealthFinding(
    code="CPK605",
    severity="warning",
    node="cp-1",
    path=f"{PKI}/apiserver.crt",
    setting="kube-apiserver --tls-cert-file",
    message="the certificate ends in 12 days",
    breaks="every client of the API server refuses it",
    when=NOW + 12 * DAY,
    mend="renew it",
)
READABLE: Final = HealthFinding(
    code="CPK615",
    severity="warning",
    node="w-1",
    path="/home/jane/.kube/config#jane",
    message="everybody on the machine can read the key of jane",
    breaks="whoever copies it is jane until it ends",
    mend="chmod 0600 /home/jane/.kube/config",
)
OLD: Final = tuple(
    HealthFinding(
        code="CPK622",
        severity="notice",
        node=node,
        path=f"{PKI}/ca.crt",
        setting="kubelet authentication.x509.clientCAFile",
        message="nobody says which CA signs the serving certificates of kubelets, so that the API server takes any it is given",
        breaks="somebody in the network can read what goes to kubelets",
        mend="sign them by the cluster's CA and set --kubelet-certificate-authority",
    )
    for node in ("cp-1", "w-1")
)
FINDINGS: Final = (EXPIRED, SOON, READABLE, *OLD)


def document(cluster: Cluster = CLUSTER, findings: tuple[HealthFinding, ...] = FINDINGS) -> DiscoveryDocument:
    """The document of it."""
    return document_of(cluster, findings, name="", now=NOW, expiring=30 * DAY, roots={"cp-1": "snapshot/cp-1"})

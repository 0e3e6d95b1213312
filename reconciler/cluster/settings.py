"""Which setting of which program names a file, and what the program makes of it: one literal table.

Sources: the flags of the programs of Kubernetes (cmd/*/app/options), KubeletConfiguration, KubeSchedulerConfiguration and
KubeProxyConfiguration of its API, and etcd's ``server/etcdmain/config.go`` and ``server/embed/config.go``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from reconciler.cluster.model import Process, Role, Use


class Row(NamedTuple):
    """A setting that names a file with certificates, keys or credentials."""

    setting: str
    """A flag without dashes, or the dotted name in a configuration file."""
    role: Role
    purpose: str
    instead: str = ""
    """A setting that this one stands in for: not looked at while the other is set."""


_SERVING: Final = (Row("tls-cert-file", "certificate", "serving"), Row("tls-private-key-file", "key", "serving"))
_DELEGATING: Final = (
    Row("kubeconfig", "kubeconfig", "api-client"),
    Row("authentication-kubeconfig", "kubeconfig", "api-client"),
    Row("authorization-kubeconfig", "kubeconfig", "api-client"),
    Row("client-ca-file", "trust", "client-ca"),
    Row("requestheader-client-ca-file", "trust", "front-proxy-ca"),
    *_SERVING,
)
_CONNECTION: Final = Row("clientConnection.kubeconfig", "kubeconfig", "api-client")

TABLE: Final[Mapping[str, tuple[Row, ...]]] = {
    "kube-apiserver": (
        *_SERVING,
        Row("client-ca-file", "trust", "client-ca"),
        Row("requestheader-client-ca-file", "trust", "front-proxy-ca"),
        Row("proxy-client-cert-file", "certificate", "front-proxy"),
        Row("proxy-client-key-file", "key", "front-proxy"),
        Row("kubelet-client-certificate", "certificate", "kubelet-client"),
        Row("kubelet-client-key", "key", "kubelet-client"),
        Row("kubelet-certificate-authority", "trust", "kubelet-ca"),
        Row("etcd-cafile", "trust", "etcd-client"),
        Row("etcd-certfile", "certificate", "etcd-client"),
        Row("etcd-keyfile", "key", "etcd-client"),
        Row("service-account-signing-key-file", "token-key", "service-account"),
        Row("service-account-key-file", "token-verification", "service-account"),
        Row("oidc-ca-file", "trust", "oidc-ca"),
        Row("authentication-token-webhook-config-file", "kubeconfig", "webhook"),
        Row("authorization-webhook-config-file", "kubeconfig", "webhook"),
        Row("audit-webhook-config-file", "kubeconfig", "webhook"),
    ),
    "kube-controller-manager": (
        *_DELEGATING,
        Row("root-ca-file", "trust", "root-ca"),
        Row("cluster-signing-cert-file", "signing-certificate", "signing"),
        Row("cluster-signing-key-file", "signing-key", "signing"),
        Row("cluster-signing-kubelet-serving-cert-file", "signing-certificate", "signing-kubelet-serving"),
        Row("cluster-signing-kubelet-serving-key-file", "signing-key", "signing-kubelet-serving"),
        Row("cluster-signing-kubelet-client-cert-file", "signing-certificate", "signing-kubelet-client"),
        Row("cluster-signing-kubelet-client-key-file", "signing-key", "signing-kubelet-client"),
        Row("cluster-signing-kube-apiserver-client-cert-file", "signing-certificate", "signing-kube-apiserver-client"),
        Row("cluster-signing-kube-apiserver-client-key-file", "signing-key", "signing-kube-apiserver-client"),
        Row("cluster-signing-legacy-unknown-cert-file", "signing-certificate", "signing-legacy-unknown"),
        Row("cluster-signing-legacy-unknown-key-file", "signing-key", "signing-legacy-unknown"),
        Row("service-account-private-key-file", "token-key", "service-account"),
    ),
    "kube-scheduler": (*_DELEGATING, _CONNECTION._replace(instead="kubeconfig")),
    "cloud-controller-manager": _DELEGATING,
    "etcd": (
        Row("cert-file", "certificate", "serving"),
        Row("key-file", "key", "serving"),
        Row("trusted-ca-file", "trust", "client-ca"),
        Row("client-cert-file", "certificate", "client"),
        Row("client-key-file", "key", "client"),
        Row("client-crl-file", "crl", "client-crl"),
        Row("peer-cert-file", "certificate", "peer"),
        Row("peer-key-file", "key", "peer"),
        Row("peer-trusted-ca-file", "trust", "peer-ca"),
        Row("peer-client-cert-file", "certificate", "peer-client"),
        Row("peer-client-key-file", "key", "peer-client"),
        Row("peer-crl-file", "crl", "peer-crl"),
        Row("client-transport-security.cert-file", "certificate", "serving"),
        Row("client-transport-security.key-file", "key", "serving"),
        Row("client-transport-security.trusted-ca-file", "trust", "client-ca"),
        Row("client-transport-security.client-cert-file", "certificate", "client"),
        Row("client-transport-security.client-key-file", "key", "client"),
        Row("peer-transport-security.cert-file", "certificate", "peer"),
        Row("peer-transport-security.key-file", "key", "peer"),
        Row("peer-transport-security.trusted-ca-file", "trust", "peer-ca"),
        Row("peer-transport-security.client-cert-file", "certificate", "peer-client"),
        Row("peer-transport-security.client-key-file", "key", "peer-client"),
    ),
    "kubelet": (
        Row("kubeconfig", "kubeconfig", "api-client"),
        Row("bootstrap-kubeconfig", "kubeconfig", "bootstrap"),
        Row("client-ca-file", "trust", "client-ca"),
        Row("authentication.x509.clientCAFile", "trust", "client-ca", instead="client-ca-file"),
        *_SERVING,
        Row("tlsCertFile", "certificate", "serving", instead="tls-cert-file"),
        Row("tlsPrivateKeyFile", "key", "serving", instead="tls-private-key-file"),
    ),
    "kube-proxy": (Row("kubeconfig", "kubeconfig", "api-client"), _CONNECTION._replace(instead="kubeconfig")),
    "k3s": (Row("kubeconfig", "kubeconfig", "api-client"),),
    "rke2": (Row("kubeconfig", "kubeconfig", "api-client"),),
    "konnectivity-server": (Row("kubeconfig", "kubeconfig", "api-client"),),
}

#: Settings with the path of a file or directory that holds no certificate itself, by process.
PATHS: Final[Mapping[str, frozenset[str]]] = {
    "kube-apiserver": frozenset(
        {
            *("cert-dir", "authentication-config", "authorization-config", "admission-control-config-file"),
            *("egress-selector-config-file", "encryption-provider-config"),
        }
    ),
    "kube-controller-manager": frozenset({"cert-dir"}),
    "kube-scheduler": frozenset({"cert-dir", "config"}),
    "etcd": frozenset({"data-dir", "config-file"}),
    "kubelet": frozenset({"cert-dir", "config", "config-dir", "pod-manifest-path", "staticPodPath", "root-dir"}),
    "kube-proxy": frozenset({"config"}),
}

#: ``cert,key[:names]``.
SNI: Final = "tls-sni-cert-key"


NOWHERE_ELSE: Final[Mapping[str, str]] = {}


class Named(NamedTuple):
    """A file that a setting names, and for what."""

    path: str
    use: Use


def path_settings(process: str) -> frozenset[str]:
    """The settings of a process whose values are paths, pairs of paths apart."""
    return PATHS.get(process, frozenset()) | {row.setting for row in TABLE.get(process, ())}


def named_files(process: Process, origins: Mapping[str, str] = NOWHERE_ELSE) -> Iterator[Named]:
    """The files that a process uses for its certificates, in the order of the table.

    Args:
        process: with the node's paths.
        origins: files that say so other than the process' own source, by setting.
    """
    for row in TABLE.get(process.name, ()):
        if row.instead and process.value(row.instead):
            continue
        repeated = row.role == "token-verification"
        values = process.values(row.setting) if repeated else process.values(row.setting)[-1:]
        for value in values:
            if value:
                yield _named(process, row, value, origins.get(row.setting, process.source))
    for value in process.values(SNI):
        certificate, key = sni_paths(value)
        if certificate and key:
            yield _named(process, Row(SNI, "certificate", "sni"), certificate, process.source)
            yield _named(process, Row(SNI, "key", "sni"), key, process.source)


def sni_paths(value: str) -> tuple[str, str]:
    """The files of ``cert,key[:names]`` (component-base/cli/flag/namedcertkey_flag.go); empty strings for anything else."""
    certificate, comma, key = value.partition(":")[0].partition(",")
    return (certificate.strip(), key.strip()) if comma and "," not in key else ("", "")


def spelled(setting: str) -> str:
    """A setting as its documentation spells it: a flag with its dashes, a field of a file as it is."""
    dotted = "." in setting or any(character.isupper() for character in setting)
    return setting if dotted else f"--{setting}"


def _named(process: Process, row: Row, path: str, source: str) -> Named:
    use = Use(process=process.name, setting=spelled(row.setting), role=row.role, purpose=row.purpose, source=source)
    return Named(path, use)

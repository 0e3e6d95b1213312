"""Who reads which file in a Kubernetes cluster, and when it reads it again. Data.

The reload classes are those of the programs' own code: dynamic files of the generic API server (apiserver
pkg/server/dynamiccertificates: looked at each minute), client-go (transport/cert_rotation.go and ca_rotation.go: every
5 minutes), etcd (client/pkg/transport/listener.go: pairs at each handshake, pools at start). What a kubeconfig embeds is
never read again.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

Version = tuple[int, int]

#: Every version that the preset knows.
ALWAYS: Final[Version] = (1, 0)
#: The release whose client-go, 0.36, is the first that reads a CA file again (gate ClientsAllowCARotation).
CA_RELOAD: Final[Version] = (1, 36)

ETCD: Final = "etcd"
ETCDCTL: Final = "etcdctl"
APISERVER: Final = "kube-apiserver"
CONTROLLER_MANAGER: Final = "kube-controller-manager"
SCHEDULER: Final = "kube-scheduler"
KUBELET: Final = "kubelet"
KUBE_PROXY: Final = "kube-proxy"

#: In the order in which they are restarted: who is asked before who asks.
PROGRAMS: Final = (ETCD, ETCDCTL, APISERVER, CONTROLLER_MANAGER, SCHEDULER, KUBELET, KUBE_PROXY)
#: What is waited for after a restart: at most one etcd member and one API server are down at a time. What is called anew
#: each time has none.
GATES: Final[dict[str, str]] = {
    ETCD: "wait until it is healthy, then the next",
    APISERVER: "wait until it is ready, then the next",
    CONTROLLER_MANAGER: "wait until it is healthy",
    SCHEDULER: "wait until it is healthy",
    KUBELET: "wait until the node is Ready",
    KUBE_PROXY: "wait until it is ready",
}
#: Programs whose flags stand in a manifest or unit that the kubelet follows: changing it restarts them.
STATIC_PODS: Final = frozenset({ETCD, APISERVER, CONTROLLER_MANAGER, SCHEDULER})

Holds = Literal["trust", "pair", "kubeconfig", "signing", "public keys", "signing key"]


class Input(msgspec.Struct, frozen=True, kw_only=True):
    """One file that a program is told to read."""

    program: str
    setting: str
    """The flag, or the field of a configuration file."""
    holds: Holds
    source: str
    """Name of the bundle (which is that of its CA), component, kubeconfig, CA or keypair."""
    file: str
    """Where kubeadm has it, absolute."""
    since: Version | None
    """The first version that reads it again by itself; None when it is read only at start."""
    within: str = ""
    """How soon it reads it again."""
    only_if: str = ""
    """What must be so for it to be read at all; empty when kubeadm sets it."""


_PKI: Final = "/etc/kubernetes/pki"
_MINUTE: Final = "within 1 minute"
_CLIENT_GO: Final = "within 5 minutes"
_CA, _ETCD_CA, _FRONT_PROXY_CA = f"{_PKI}/ca.crt", f"{_PKI}/etcd/ca.crt", f"{_PKI}/front-proxy-ca.crt"

INPUTS: Final[tuple[Input, ...]] = (
    Input(program=ETCD, setting="--trusted-ca-file", holds="trust", source="etcd", file=_ETCD_CA, since=None),
    Input(program=ETCD, setting="--peer-trusted-ca-file", holds="trust", source="etcd", file=_ETCD_CA, since=None),
    Input(
        program=ETCD,
        setting="--cert-file",
        holds="pair",
        source="etcd-server",
        file=f"{_PKI}/etcd/server.crt",
        since=ALWAYS,
        within="at the next handshake",
    ),
    Input(
        program=ETCD,
        setting="--peer-cert-file",
        holds="pair",
        source="etcd-peer",
        file=f"{_PKI}/etcd/peer.crt",
        since=ALWAYS,
        within="at the next handshake",
    ),
    Input(
        program=ETCDCTL,
        setting="--cert",
        holds="pair",
        source="etcd-healthcheck-client",
        file=f"{_PKI}/etcd/healthcheck-client.crt",
        since=ALWAYS,
        within="at the next call",
    ),
    Input(
        program=ETCDCTL,
        setting="--cacert",
        holds="trust",
        source="etcd",
        file=_ETCD_CA,
        since=ALWAYS,
        within="at the next call",
    ),
    Input(program=APISERVER, setting="--etcd-cafile", holds="trust", source="etcd", file=_ETCD_CA, since=None),
    Input(
        program=APISERVER,
        setting="--etcd-certfile",
        holds="pair",
        source="apiserver-etcd-client",
        file=f"{_PKI}/apiserver-etcd-client.crt",
        since=ALWAYS,
        within="at the next connection",
    ),
    Input(
        program=APISERVER,
        setting="--client-ca-file",
        holds="trust",
        source="kubernetes",
        file=_CA,
        since=ALWAYS,
        within=_MINUTE,
    ),
    Input(
        program=APISERVER,
        setting="--kubelet-certificate-authority",
        holds="trust",
        source="kubernetes",
        file=_CA,
        since=CA_RELOAD,
        within=_CLIENT_GO,
        only_if="set",
    ),
    Input(
        program=APISERVER,
        setting="--tls-cert-file",
        holds="pair",
        source="apiserver",
        file=f"{_PKI}/apiserver.crt",
        since=ALWAYS,
        within=_MINUTE,
    ),
    Input(
        program=APISERVER,
        setting="--kubelet-client-certificate",
        holds="pair",
        source="apiserver-kubelet-client",
        file=f"{_PKI}/apiserver-kubelet-client.crt",
        since=ALWAYS,
        within=_CLIENT_GO,
    ),
    Input(
        program=APISERVER,
        setting="--requestheader-client-ca-file",
        holds="trust",
        source="front-proxy",
        file=_FRONT_PROXY_CA,
        since=ALWAYS,
        within=_MINUTE,
    ),
    Input(
        program=APISERVER,
        setting="--proxy-client-cert-file",
        holds="pair",
        source="front-proxy-client",
        file=f"{_PKI}/front-proxy-client.crt",
        since=ALWAYS,
        within=_MINUTE,
    ),
    Input(
        program=APISERVER,
        setting="--service-account-key-file",
        holds="public keys",
        source="sa",
        file=f"{_PKI}/sa.pub",
        since=None,
    ),
    Input(
        program=APISERVER,
        setting="--service-account-signing-key-file",
        holds="signing key",
        source="sa",
        file=f"{_PKI}/sa.key",
        since=None,
    ),
    Input(program=CONTROLLER_MANAGER, setting="--root-ca-file", holds="trust", source="kubernetes", file=_CA, since=None),
    Input(
        program=CONTROLLER_MANAGER,
        setting="--client-ca-file",
        holds="trust",
        source="kubernetes",
        file=_CA,
        since=ALWAYS,
        within=_MINUTE,
    ),
    Input(
        program=CONTROLLER_MANAGER,
        setting="--requestheader-client-ca-file",
        holds="trust",
        source="front-proxy",
        file=_FRONT_PROXY_CA,
        since=ALWAYS,
        within=_MINUTE,
    ),
    Input(
        program=CONTROLLER_MANAGER,
        setting="--cluster-signing-cert-file",
        holds="signing",
        source="kubernetes",
        file=_CA,
        since=ALWAYS,
        within=_MINUTE,
    ),
    Input(
        program=CONTROLLER_MANAGER,
        setting="--cluster-signing-key-file",
        holds="signing",
        source="kubernetes",
        file=f"{_PKI}/ca.key",
        since=ALWAYS,
        within=_MINUTE,
    ),
    Input(
        program=CONTROLLER_MANAGER,
        setting="--kubeconfig",
        holds="kubeconfig",
        source="controller-manager",
        file="/etc/kubernetes/controller-manager.conf",
        since=None,
    ),
    Input(
        program=CONTROLLER_MANAGER,
        setting="--service-account-private-key-file",
        holds="signing key",
        source="sa",
        file=f"{_PKI}/sa.key",
        since=None,
    ),
    Input(
        program=SCHEDULER,
        setting="--kubeconfig",
        holds="kubeconfig",
        source="scheduler",
        file="/etc/kubernetes/scheduler.conf",
        since=None,
    ),
    Input(
        program=KUBELET,
        setting="clientCAFile",
        holds="trust",
        source="kubernetes",
        file=_CA,
        since=ALWAYS,
        within=_MINUTE,
    ),
    Input(
        program=KUBELET,
        setting="--kubeconfig",
        holds="kubeconfig",
        source="kubelet",
        file="/etc/kubernetes/kubelet.conf",
        since=None,
    ),
    Input(
        program=KUBELET,
        setting="client-certificate",  # the kubelet watches its own rotation, not what others put there
        holds="pair",
        source="kubelet-client",
        file="/var/lib/kubelet/pki/kubelet-client-current.pem",
        since=None,
    ),
    Input(
        program=KUBELET,
        setting="tlsCertFile",
        holds="pair",
        source="kubelet-serving",
        file="/var/lib/kubelet/pki/kubelet.crt",
        since=(1, 31),
        within=_MINUTE,
    ),
    Input(
        program=KUBE_PROXY,
        setting="client-certificate",
        holds="pair",
        source="kube-proxy",
        file=f"{_PKI}/kube-proxy.crt",
        since=ALWAYS,
        within=_CLIENT_GO,
        only_if="its kubeconfig names one",
    ),
)

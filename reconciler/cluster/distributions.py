"""What k3s, RKE2 and k0s start without saying so in a file: the flags that they give the programs of Kubernetes.

Sources: k3s pkg/daemons/control/{server.go,deps/deps.go} and pkg/daemons/agent/agent_linux.go; RKE2 pkg/podexecutor and
pkg/rke2; k0s pkg/component/controller and pkg/component/worker, pkg/constant/constant_unix.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from reconciler.cluster.model import Layout


class Given(NamedTuple):
    """A flag that a distribution gives a program."""

    setting: str
    value: str
    """A path below the distribution's directory where `path` says so; ``a|b`` for the first of two that is there."""
    path: bool = True
    optional: bool = False
    """Whether it is given only where the file is there: not every version makes it."""


class Derived(NamedTuple):
    """A flag that a distribution gives a program by its own settings."""

    process: str
    setting: str
    own: tuple[str, ...]
    """Its own settings, the first that is there counts."""
    default: str = ""
    """Empty for none."""


class Convention(NamedTuple):
    """A program as a distribution starts it."""

    process: str
    witness: str
    """It is started where this path below the distribution's directory is there."""
    given: tuple[Given, ...]


class Distribution(NamedTuple):
    """A distribution by its files."""

    layout: Layout
    program: str
    data: str
    """Its directory, unless ``--data-dir`` says another."""
    configs: tuple[str, ...]
    """Its own configuration files; in a directory of drop-ins all that end in .yaml."""
    conventions: tuple[Convention, ...]
    derived: tuple[Derived, ...]
    manifests: str
    """Directory of static pod manifests, below its own."""
    kubeconfigs: tuple[str, ...]
    """Kubeconfigs for people, absolute."""


def _pair(certificate: str, key: str, path: str, *, optional: bool = False) -> tuple[Given, Given]:
    return Given(certificate, f"{path}.crt", optional=optional), Given(key, f"{path}.key", optional=optional)


def _signer(name: str, ca: str) -> tuple[Given, Given]:
    return (
        Given(f"cluster-signing-{name}-cert-file", f"server/tls/{ca}.nochain.crt|server/tls/{ca}.crt"),
        Given(f"cluster-signing-{name}-key-file", f"server/tls/{ca}.key"),
    )


def _serving(name: str) -> tuple[Given, Given]:
    return _pair("tls-cert-file", "tls-private-key-file", f"server/tls/{name}/{name}", optional=True)


_SERVING: Final = ("tls-cert-file", "tls-private-key-file")
_CREDENTIALS: Final = ("kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig")

_RANCHER_SERVER: Final = (
    Convention(
        "kube-apiserver",
        "server/tls/serving-kube-apiserver.crt",
        (
            *_pair(*_SERVING, "server/tls/serving-kube-apiserver"),
            Given("client-ca-file", "server/tls/client-ca.crt"),
            Given("kubelet-certificate-authority", "server/tls/server-ca.crt"),
            *_pair("kubelet-client-certificate", "kubelet-client-key", "server/tls/client-kube-apiserver"),
            Given("requestheader-client-ca-file", "server/tls/request-header-ca.crt"),
            Given("requestheader-allowed-names", "system:auth-proxy", path=False),
            *_pair("proxy-client-cert-file", "proxy-client-key-file", "server/tls/client-auth-proxy"),
            Given("service-account-key-file", "server/tls/service.key"),
            Given("service-account-signing-key-file", "server/tls/service.current.key|server/tls/service.key"),
            Given("etcd-cafile", "server/tls/etcd/server-ca.crt", optional=True),
            *_pair("etcd-certfile", "etcd-keyfile", "server/tls/etcd/client", optional=True),
            Given("egress-selector-config-file", "server/etc/egress-selector-config.yaml", optional=True),
        ),
    ),
    Convention(
        "kube-controller-manager",
        "server/cred/controller.kubeconfig",
        (
            *(Given(each, "server/cred/controller.kubeconfig") for each in _CREDENTIALS),
            Given("root-ca-file", "server/tls/server-ca.crt"),
            *_signer("kube-apiserver-client", "client-ca"),
            *_signer("kubelet-client", "client-ca"),
            *_signer("kubelet-serving", "server-ca"),
            *_signer("legacy-unknown", "server-ca"),
            Given("service-account-private-key-file", "server/tls/service.current.key|server/tls/service.key"),
            *_serving("kube-controller-manager"),
        ),
    ),
    Convention(
        "kube-scheduler",
        "server/cred/scheduler.kubeconfig",
        (*(Given(each, "server/cred/scheduler.kubeconfig") for each in _CREDENTIALS), *_serving("kube-scheduler")),
    ),
    Convention(
        "cloud-controller-manager",
        "server/cred/cloud-controller.kubeconfig",
        tuple(Given(each, "server/cred/cloud-controller.kubeconfig") for each in _CREDENTIALS),
    ),
    Convention("etcd", "server/db/etcd/config", (Given("config-file", "server/db/etcd/config"),)),
    Convention(
        "etcd",
        "server/tls/etcd/server-client.crt",
        (
            *_pair("cert-file", "key-file", "server/tls/etcd/server-client"),
            Given("trusted-ca-file", "server/tls/etcd/server-ca.crt"),
            Given("client-cert-auth", "true", path=False),
            *_pair("peer-cert-file", "peer-key-file", "server/tls/etcd/peer-server-client"),
            Given("peer-trusted-ca-file", "server/tls/etcd/peer-ca.crt"),
            Given("peer-client-cert-auth", "true", path=False),
        ),
    ),
)


def _rancher_agent(program: str) -> tuple[Convention, ...]:
    return (
        Convention(
            "kubelet",
            "agent/kubelet.kubeconfig",
            (
                Given("kubeconfig", "agent/kubelet.kubeconfig"),
                Given("client-ca-file", "agent/client-ca.crt"),
                *_pair(*_SERVING, "agent/serving-kubelet"),
                Given("config-dir", "agent/etc/kubelet.conf.d", optional=True),
            ),
        ),
        Convention("kube-proxy", "agent/kubeproxy.kubeconfig", (Given("kubeconfig", "agent/kubeproxy.kubeconfig"),)),
        Convention(
            program,
            f"agent/{program}controller.kubeconfig",
            (Given("kubeconfig", f"agent/{program}controller.kubeconfig"),),
        ),
    )


def _rancher(program: Layout) -> Distribution:
    return Distribution(
        layout=program,
        program=program,
        data=f"/var/lib/rancher/{program}",
        configs=(f"/etc/rancher/{program}/config.yaml", f"/etc/rancher/{program}/config.yaml.d"),
        conventions=(*_RANCHER_SERVER, *_rancher_agent(program)),
        derived=(
            Derived("kube-apiserver", "advertise-address", ("advertise-address", "node-ip")),
            Derived("kube-apiserver", "service-cluster-ip-range", ("service-cidr",), "10.43.0.0/16"),
            Derived("kubelet", "hostname-override", ("node-name",)),
            Derived("kubelet", "node-ip", ("node-ip",)),
        ),
        manifests="agent/pod-manifests",
        kubeconfigs=(f"/etc/rancher/{program}/{program}.yaml",),
    )


_K0S: Final = (
    Convention(
        "kube-apiserver",
        "pki/server.crt",
        (
            *_pair(*_SERVING, "pki/server"),
            Given("client-ca-file", "pki/ca.crt"),
            *_pair("kubelet-client-certificate", "kubelet-client-key", "pki/apiserver-kubelet-client"),
            Given("requestheader-client-ca-file", "pki/front-proxy-ca.crt"),
            Given("requestheader-allowed-names", "front-proxy-client", path=False),
            *_pair("proxy-client-cert-file", "proxy-client-key-file", "pki/front-proxy-client"),
            Given("service-account-key-file", "pki/sa.pub"),
            Given("service-account-signing-key-file", "pki/sa.key"),
            Given("etcd-cafile", "pki/etcd/ca.crt", optional=True),
            *_pair("etcd-certfile", "etcd-keyfile", "pki/apiserver-etcd-client", optional=True),
        ),
    ),
    Convention(
        "kube-controller-manager",
        "pki/ccm.conf",
        (
            *(Given(each, "pki/ccm.conf") for each in _CREDENTIALS),
            Given("client-ca-file", "pki/ca.crt"),
            Given("root-ca-file", "pki/ca.crt"),
            *_pair("cluster-signing-cert-file", "cluster-signing-key-file", "pki/ca"),
            Given("requestheader-client-ca-file", "pki/front-proxy-ca.crt"),
            Given("service-account-private-key-file", "pki/sa.key"),
        ),
    ),
    Convention("konnectivity-server", "pki/konnectivity.conf", (Given("kubeconfig", "pki/konnectivity.conf"),)),
    Convention("kube-scheduler", "pki/scheduler.conf", tuple(Given(each, "pki/scheduler.conf") for each in _CREDENTIALS)),
    Convention(
        "etcd",
        "pki/etcd/server.crt",
        (
            *_pair("cert-file", "key-file", "pki/etcd/server"),
            Given("trusted-ca-file", "pki/etcd/ca.crt"),
            Given("client-cert-auth", "true", path=False),
            *_pair("peer-cert-file", "peer-key-file", "pki/etcd/peer"),
            Given("peer-trusted-ca-file", "pki/etcd/ca.crt"),
            Given("peer-client-cert-auth", "true", path=False),
        ),
    ),
    Convention(
        "kubelet",
        "kubelet.conf",
        (
            Given("kubeconfig", "kubelet.conf"),
            Given("bootstrap-kubeconfig", "kubelet-bootstrap.conf", optional=True),
            Given("config", "kubelet-config.yaml", optional=True),
            Given("cert-dir", "kubelet/pki"),
            Given("client-ca-file", "pki/ca.crt", optional=True),
        ),
    ),
)

DISTRIBUTIONS: Final = (
    _rancher("k3s"),
    _rancher("rke2"),
    Distribution(
        layout="k0s",
        program="k0s",
        data="/var/lib/k0s",
        configs=("/etc/k0s/k0s.yaml",),
        conventions=_K0S,
        derived=(
            Derived("kube-apiserver", "advertise-address", ("spec.api.address",)),
            Derived("kube-apiserver", "service-cluster-ip-range", ("spec.network.serviceCIDR",), "10.96.0.0/12"),
        ),
        manifests="manifests",
        kubeconfigs=("/var/lib/k0s/pki/admin.conf",),
    ),
)


def alternatives(given: Given, data: str) -> Iterator[str]:
    """The paths that a flag may have, the best first."""
    return (f"{data}/{path}" for path in given.value.split("|"))

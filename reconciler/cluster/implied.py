"""Files that programs use without a setting that names them: what they make in their directory of certificates.

They count while they are there only: a kubelet that has not started yet has made none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from reconciler.cluster.model import Process, Role, Use
from reconciler.cluster.settings import Named

#: kubernetes/cmd/kubelet/app/options/options.go and pkg/kubelet/certificate/kubelet.go.
KUBELET_PKI: Final = "/var/lib/kubelet/pki"
_CURRENT: Final = "kubelet-client-current.pem"
_SERVED: Final = "kubelet-server-current.pem"
#: Name of the pair that a program makes, by process (k8s.io/apiserver/pkg/server/options/serving.go: PairName).
_PAIRS: Final = {"kube-controller-manager": "kube-controller-manager", "kube-scheduler": "kube-scheduler"}
_BOTH: Final[tuple[Role, ...]] = ("certificate", "key")


def implied_files(process: Process) -> Iterator[Named]:
    """What a process uses beside the files that its settings name, if it is there."""
    if process.name == "kubelet":
        yield from _kubelet(process)
    elif process.name == "kube-apiserver":
        yield from _pair(process, process.value("cert-dir", "/var/run/kubernetes"), "apiserver")
    elif process.name in _PAIRS and process.value("cert-dir"):
        yield from _pair(process, process.value("cert-dir"), _PAIRS[process.name])


def _kubelet(process: Process) -> Iterator[Named]:
    directory = process.value("cert-dir", KUBELET_PKI)
    if process.is_on("rotate-certificates", "rotateCertificates"):
        for role in _BOTH:
            yield _named(process, f"{directory}/{_CURRENT}", role, "api-client")
    if process.is_on("rotate-server-certificates", "serverTLSBootstrap"):
        for role in _BOTH:
            yield _named(process, f"{directory}/{_SERVED}", role, "serving")
    elif not process.value("tlsCertFile"):
        yield from _pair(process, directory, "kubelet")


def _pair(process: Process, directory: str, name: str) -> Iterator[Named]:
    """Used while the program is told of no other pair."""
    if not process.value("tls-cert-file"):
        yield _named(process, f"{directory}/{name}.crt", "certificate", "serving")
        yield _named(process, f"{directory}/{name}.key", "key", "serving")


def _named(process: Process, path: str, role: Role, purpose: str) -> Named:
    return Named(path, Use(process=process.name, setting="--cert-dir", role=role, purpose=purpose, source=process.source))

"""What stops when something is refused or missing, by who uses it for what. Data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from reconciler.cluster.model import Use

#: By process and purpose, then by purpose alone.
_EFFECTS: Final[Mapping[tuple[str, str], str]] = MappingProxyType(
    {
        ("kube-apiserver", "serving"): "clients refuse the API server: kubectl, kubelets, controllers and pods cannot reach it",
        ("kube-apiserver", "sni"): "clients that ask for these names refuse the API server",
        ("kube-apiserver", "client-ca"): "the API server answers 401 to every client certificate of this CA",
        ("kube-apiserver", "front-proxy-ca"): "aggregated APIs such as metrics.k8s.io refuse what the API server forwards",
        ("kube-apiserver", "front-proxy"): "aggregated APIs such as metrics.k8s.io refuse what the API server forwards",
        ("kube-apiserver", "kubelet-client"): "kubectl logs, exec, attach and port-forward fail",
        ("kube-apiserver", "kubelet-ca"): "kubectl logs, exec, attach and port-forward fail",
        ("kube-apiserver", "etcd-client"): "the API server cannot read or write etcd: the control plane is down",
        ("kube-apiserver", "service-account"): "tokens of service accounts are refused: pods lose the API",
        ("kube-controller-manager", "api-client"): "no controller runs: nothing is scaled, replaced or signed",
        (
            "kube-controller-manager",
            "signing",
        ): "nothing is signed in the cluster: kubelets cannot renew",
        ("kube-controller-manager", "root-ca"): "pods get a CA bundle by which they refuse the API server",
        (
            "kube-controller-manager",
            "service-account",
        ): "tokens of service accounts are refused: pods lose the API",
        ("kube-controller-manager", "serving"): "scrapers cannot verify the controller manager",
        ("kube-scheduler", "api-client"): "no pod is scheduled",
        ("kube-scheduler", "serving"): "scrapers cannot verify the scheduler",
        ("etcd", "serving"): "clients refuse etcd: the API server cannot read or write, the control plane is down",
        ("etcd", "client-ca"): "etcd refuses the API server: the control plane is down",
        ("etcd", "peer"): "members of etcd refuse each other: no quorum, the control plane is down",
        ("etcd", "peer-ca"): "members of etcd refuse each other: no quorum, the control plane is down",
        ("etcd", "client-crl"): "etcd fails the handshake of every client: the control plane is down",
        ("etcd", "peer-crl"): "members of etcd refuse each other: no quorum, the control plane is down",
        ("kubelet", "api-client"): "the kubelet cannot reach the API server: the node goes NotReady",
        ("kubelet", "bootstrap"): "the kubelet cannot join again once its own certificate is gone",
        ("kubelet", "client-ca"): "the kubelet refuses the API server: kubectl logs and exec fail on this node",
        ("kubelet", "serving"): "who verifies the kubelet refuses it: kubectl logs, exec and metrics fail for this node",
        ("kube-proxy", "api-client"): "kube-proxy sees no changes: Services stop following their pods on this node",
        ("", "person"): "who uses this kubeconfig gets no access",
    }
)
_NOBODY: Final = "nothing in these files uses it; what does so from elsewhere fails"


def effect(uses: Iterable[Use], *, unused: str = _NOBODY) -> str:
    """What stops, for the first use that is known."""
    every = list(uses)
    for use in every:
        purpose = "signing" if use.purpose.startswith("signing") else use.purpose
        found = _EFFECTS.get((use.process, purpose))
        if found:
            return found
    named = next((f"{use.process} loses what {use.setting} is for" for use in every if use.process), "")
    return named or (_EFFECTS["", "person"] if every else unused)

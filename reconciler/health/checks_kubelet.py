"""Checks of the certificates that kubelets look after, or that nobody does. Decisions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from reconciler.cluster.model import Entry, File, Kubeconfig, Node, Use
from reconciler.health.context import Context, Held, is_throw_away
from reconciler.health.model import HealthFinding, Severity
from reconciler.health.per_source import per_source, processes
from reconciler.health.words import instant, listed, setting_of, subject_of
from reconciler.observed.model import Certificates

_CURRENT: Final = "/kubelet-client-current.pem"
#: These look after it themselves.
_SELF_CARING: Final = frozenset({"k3s", "rke2", "k0s"})
_KUBELET_CA: Final = "kubelet-certificate-authority"
_STOPS: Final = "the node goes NotReady when the certificate ends: the kubelet cannot reach the API server any more"


def rotation_trap(context: Context) -> Iterator[HealthFinding]:
    """A kubelet's client certificate will not be renewed, or the renewed one not be used."""
    for node in context.cluster.nodes:
        for file in node.files.values():
            if file.path.endswith(_CURRENT):
                yield from _current(node, file)
            elif isinstance(file.content, Kubeconfig) and any(map(_is_kubelets, file.uses)):
                for entry in file.content.entries:
                    if entry.current:
                        yield from _embedded(node, file, entry)


def no_signer(context: Context) -> Iterator[HealthFinding]:
    """Kubelets ask for certificates, and no controller manager has a CA key to sign them with: an external CA."""
    asking = tuple(node for node in context.cluster.nodes if node.rotates)
    managers = tuple(processes(context, "kube-controller-manager"))
    if not asking or any(_signs(node) for node, _ in managers):
        return
    known = [(node, process) for node, process in managers if node.layout not in _SELF_CARING and process.value("kubeconfig")]
    for setting in per_source(known):
        ends = [end for node in asking for end in _ends(context, node)]
        yield HealthFinding(
            code="CPK620",
            severity="warning",
            node=setting.node,
            path=setting.path,
            setting="kube-controller-manager --cluster-signing-key-file",
            message=f"kube-controller-manager{setting.on} has no CA key to sign with (an external CA), and the kubelets of "
            f"{listed(node.name for node in asking)} ask it for their certificates",
            breaks="no CertificateSigningRequest of a kubelet is answered: nodes go NotReady when their certificates end",
            when=min(ends, default=None),
            mend="run a signer for kubernetes.io/kube-apiserver-client-kubelet, or issue the kubelets' certificates from the "
            "external CA with `cluster-pki`",
        )


def self_signed_serving(context: Context) -> Iterator[HealthFinding]:
    """A kubelet serves with a certificate that it signed itself once and never renews."""
    verified = any(process.value(_KUBELET_CA) for _, process in processes(context, "kube-apiserver"))
    for held in context.held:
        if held.presented and is_throw_away(context, held):
            yield HealthFinding(
                code="CPK621",
                severity="error" if verified else "notice",
                node=held.node,
                path=held.path,
                setting=setting_of(held.uses),
                message=f"{subject_of(held.leaf)} is signed by the kubelet itself, and "
                f"{_ended(context, held)} {instant(held.leaf.not_after)}; the kubelet never renews it",
                breaks="the API server verifies kubelets and refuses this one: kubectl logs, exec and port-forward fail"
                if verified
                else "nobody can verify this kubelet; metrics-server needs --kubelet-insecure-tls",
                when=None if verified else _future(context, held),
                mend="set serverTLSBootstrap: true in the kubelet's configuration and approve its CertificateSigningRequests, or "
                "give it a certificate of the cluster's CA by tlsCertFile and tlsPrivateKeyFile",
            )


def kubelets_unverified(context: Context) -> Iterator[HealthFinding]:
    """API servers do not verify the kubelets that they connect to, which is kubeadm's default."""
    unset = (
        (node, process)
        for node, process in processes(context, "kube-apiserver")
        if process.value("kubelet-client-certificate") and not process.value(_KUBELET_CA)
    )
    for setting in per_source(unset):
        yield HealthFinding(
            code="CPK622",
            severity="notice",
            node=setting.node,
            path=setting.path,
            setting=f"kube-apiserver --{_KUBELET_CA}",
            message=f"kube-apiserver{setting.on} has no --{_KUBELET_CA}: it does not verify the kubelets that it connects to",
            breaks="who sits between can read and change what kubectl logs, exec and attach carry",
            mend=f"give every kubelet a serving certificate of the cluster's CA, then set --{_KUBELET_CA} to that CA",
        )


def _current(node: Node, file: File) -> Iterator[HealthFinding]:
    if not file.chain:
        return
    leaf = file.chain[0]
    if not file.link:
        yield HealthFinding(
            code="CPK619",
            severity="warning",
            node=node.name,
            path=file.path,
            setting=setting_of(file.uses),
            message=f"{file.path} is a regular file, and the kubelet expects a symbolic link to the newest certificate",
            breaks=f"the kubelet cannot store a renewed certificate; {_STOPS}",
            when=leaf.not_after,
            mend=f"rename it to kubelet-client-{leaf.not_before:%Y-%m-%d-%H-%M-%S}.pem, make {file.path} a link "
            "to that, and restart kubelet",
        )
    elif node.process("kubelet") is not None and not node.rotates and node.layout not in _SELF_CARING:
        yield HealthFinding(
            code="CPK619",
            severity="warning",
            node=node.name,
            path=file.path,
            setting="kubelet rotateCertificates",
            message=f"rotateCertificates is not true on {node.name}: nothing renews {subject_of(leaf)} in {file.path}",
            breaks=_STOPS,
            when=leaf.not_after,
            mend="set rotateCertificates: true in the kubelet's configuration and restart it",
        )


def _embedded(node: Node, file: File, entry: Entry) -> Iterator[HealthFinding]:
    if not isinstance(entry.certificate, Certificates) or entry.certificate_path:
        return
    rotates, leaf = node.rotates, entry.certificate.chain[0]
    severity: Severity = "warning" if rotates else "notice"
    yield HealthFinding(
        code="CPK619",
        severity=severity,
        node=node.name,
        path=f"{file.path}#{entry.user}",
        setting=setting_of(file.uses),
        message=f"{file.path} holds {subject_of(leaf)} itself instead of naming /var/lib/kubelet/pki{_CURRENT}"
        if rotates
        else f"{file.path} holds {subject_of(leaf)} itself, and rotateCertificates is not set: nothing renews it",
        breaks=f"a kubelet that restarts begins with this old certificate; {_STOPS}" if rotates else _STOPS,
        when=leaf.not_after,
        mend=f"set client-certificate and client-key in {file.path} to /var/lib/kubelet/pki{_CURRENT} and restart kubelet"
        if rotates
        else "renew it from outside before it ends, or set rotateCertificates: true in the kubelet's configuration",
    )


def _is_kubelets(use: Use) -> bool:
    return (use.process, use.purpose) == ("kubelet", "api-client")


def _signs(node: Node) -> bool:
    purposes = {"signing", "signing-kubelet-client"}
    return any(use.role == "signing-key" and use.purpose in purposes for file in node.files.values() for use in file.uses)


def _ends(context: Context, node: Node) -> Iterator[datetime]:
    for held in context.at(node, "kubelet", "api-client", "certificate"):
        if held.presented:
            yield held.leaf.not_after


def _ended(context: Context, held: Held) -> str:
    return "ended on" if context.now > held.leaf.not_after else "ends on"


def _future(context: Context, held: Held) -> datetime | None:
    return held.leaf.not_after if context.now <= held.leaf.not_after else None

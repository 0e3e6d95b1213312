"""How a node is called in its cluster, its addresses, and what kind of installation it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from reconciler.cluster.model import File, Kubeconfig, Layout, Process
from reconciler.observed.model import Certificates

_NODE_USER: Final = "system:node:"
#: Settings that hold addresses of a node itself, by process; the first that is there is the main one.
_ADDRESSES: Final = (
    ("kube-apiserver", "advertise-address"),
    ("kubelet", "node-ip"),
    ("etcd", "advertise-client-urls"),
    ("etcd", "initial-advertise-peer-urls"),
    ("etcd", "listen-client-urls"),
    ("etcd", "listen-peer-urls"),
    ("k3s", "node-ip"),
    ("k3s", "advertise-address"),
    ("rke2", "node-ip"),
    ("rke2", "advertise-address"),
    ("k0s", "spec.api.address"),
)


def node_name(processes: Sequence[Process], files: Mapping[str, File]) -> str:
    """The name by which the cluster knows the node; empty when its files do not say it.

    1. whom the kubelet's client certificate is for; 2. what its flag says; 3. the distribution's; 4. etcd's member name.
    """
    for file in files.values():
        if any((use.process, use.purpose) == ("kubelet", "api-client") for use in file.uses):
            for common_name in _common_names(file):
                if common_name.startswith(_NODE_USER):
                    return common_name.removeprefix(_NODE_USER)
    for process, setting in (("kubelet", "hostname-override"), ("k3s", "node-name"), ("rke2", "node-name"), ("etcd", "name")):
        found = next((each.value(setting) for each in processes if each.name == process and each.value(setting)), "")
        if found and "$" not in found and "%" not in found:
            return found
    return ""


def node_addresses(processes: Sequence[Process]) -> tuple[str, ...]:
    """The IP addresses that settings give a node, without loopback ones; each once, the main one first."""
    found = (
        address
        for name, setting in _ADDRESSES
        for process in processes
        if process.name == name
        for value in process.values(setting)
        for address in _addresses(value)
    )
    return tuple(dict.fromkeys(found))


def layout_of(processes: Sequence[Process], distribution: Layout | None, files: Iterable[str]) -> Layout:
    """What kind of installation a node's files show."""
    if distribution is not None:
        return distribution
    control = [process for process in processes if process.name == "kube-apiserver"]
    kubelets = [process for process in processes if process.name == "kubelet"]
    if any(not process.source.endswith(".service") for process in control):
        return "kubeadm"
    if not control and any(process.value("kubeconfig") == "/etc/kubernetes/kubelet.conf" for process in kubelets):
        return "kubeadm"
    if processes:
        return "by-hand"
    return "kubeadm" if "/etc/kubernetes/pki/ca.crt" in set(files) else "files"


def _common_names(file: File) -> Iterator[str]:
    if isinstance(file.content, Kubeconfig):
        for entry in file.content.entries:
            if entry.current and isinstance(entry.certificate, Certificates):
                yield entry.certificate.chain[0].subject.common_name


def _addresses(value: str) -> Iterator[str]:
    """Of an address, or of URLs separated by commas."""
    for part in value.split(","):
        try:
            host = urlsplit(part.strip()).hostname if "://" in part else part.strip()
            address = ip_address(host or "")
        except ValueError:
            continue
        if not address.is_loopback and not address.is_unspecified:
            yield str(address)

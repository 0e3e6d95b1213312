"""What belongs to a kubelet that asks for its own certificates: left to it. Decisions."""

from __future__ import annotations

from typing import Final

from reconciler.cluster.model import Node

#: Its directory for certificates (``--cert-dir``), wherever a distribution puts it.
_DIRECTORY: Final = "/kubelet/pki/"
#: Installations whose kubelets ask for their own client certificates.
_ASKING: Final = frozenset({"kubeadm", "k0s"})


def is_kubelets(path: str, node: Node) -> bool:
    """Whether a file is made and renewed by the kubelet of its node: in its own directory, or its rotating client."""
    file = node.files[path]
    if _DIRECTORY in path:
        configured = any(use.setting.removeprefix("--") in {"tlsCertFile", "tls-cert-file"} for use in file.uses)
        return bool(file.link) or not configured
    return _asks(node) and any(use.process == "kubelet" and use.purpose in {"api-client", "bootstrap"} for use in file.uses)


def is_told(path: str, node: Node) -> bool:
    """Whether one of the kubelet's files is worth a word: what stands behind a link of its is told with the link."""
    return not any(other.link.rpartition("/")[2] == path.rpartition("/")[2] for other in node.files.values() if other.link)


def _asks(node: Node) -> bool:
    """Whether the kubelet renews its own client certificate, as kubeadm sets it up."""
    return node.layout in _ASKING or node.rotates

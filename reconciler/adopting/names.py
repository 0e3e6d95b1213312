"""What things are called: the preset's names where they fit, else by process and purpose, else by their file."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import Final

from reconciler.cluster.model import File

#: By process and purpose, the names that the preset has for them or would have. The first that fits is taken.
_BY_PURPOSE: Final[dict[tuple[str, str], str]] = {
    ("kube-apiserver", "serving"): "apiserver",
    ("kube-apiserver", "kubelet-client"): "apiserver-kubelet-client",
    ("kube-apiserver", "front-proxy"): "front-proxy-client",
    ("kube-apiserver", "etcd-client"): "apiserver-etcd-client",
    ("kube-apiserver", "service-account"): "service-account",
    ("kube-controller-manager", "service-account"): "service-account",
    ("etcd", "serving"): "etcd-server",
    ("etcd", "peer"): "etcd-peer",
    ("etcd", "client"): "etcd-client",
    ("kubelet", "serving"): "kubelet-serving",
    ("kubelet", "api-client"): "kubelet-client",
    ("kube-controller-manager", "api-client"): "controller-manager",
    ("kube-controller-manager", "serving"): "controller-manager-serving",
    ("kube-scheduler", "api-client"): "scheduler",
    ("kube-scheduler", "serving"): "scheduler-serving",
    ("kube-proxy", "api-client"): "kube-proxy",
}
#: Kubeconfigs by the process that reads them.
_KUBECONFIGS: Final[dict[str, str]] = {
    "kube-controller-manager": "controller-manager",
    "kube-scheduler": "scheduler",
    "kube-proxy": "kube-proxy",
    "kubelet": "kubelet",
}
#: What kubeadm's files are called, below any directory ``pki``, where the preset has another name for them.
_KUBEADM: Final[dict[str, str]] = {
    "etcd/server": "etcd-server",
    "etcd/peer": "etcd-peer",
    "etcd/healthcheck-client": "etcd-healthcheck-client",
}
_AUTHORITIES: Final[dict[tuple[str, str], str]] = {
    ("kube-apiserver", "client-ca"): "kubernetes",
    ("kube-controller-manager", "root-ca"): "kubernetes",
    ("kubelet", "client-ca"): "kubernetes",
    ("etcd", "client-ca"): "etcd",
    ("etcd", "peer-ca"): "etcd",
    ("kube-apiserver", "etcd-client"): "etcd",
    ("kube-apiserver", "front-proxy-ca"): "front-proxy",
}
_NAMELESS: Final = frozenset({"config", "kubeconfig"})
_LONGEST: Final = 63
_FEW: Final = 5


def slug(text: str) -> str:
    """A name of the format made from any text."""
    words = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:_LONGEST].strip("-")
    return words or "unnamed"


def component_name(base: str, file: File) -> str:
    """What a pair is called.

    Args:
        base: its path without suffix.
        file: its certificate.
    """
    below = base.rpartition("/pki/")[2]
    if below in _KUBEADM:
        return _KUBEADM[below]
    uses = {(use.process, use.purpose) for use in file.uses}
    stem = base.rpartition("/")[2]
    fitting = [name for purpose, name in _BY_PURPOSE.items() if purpose in uses]
    return slug(stem) if stem in fitting or not fitting else fitting[0]


def kubeconfig_name(path: str, file: File, user: str) -> str:
    """What a kubeconfig is called: by its file, by the process that reads it, or by its user where the file says nothing."""
    stem = path.rpartition("/")[2].rpartition(".")[0] or path.rpartition("/")[2]
    processes = [use.process for use in file.uses]
    if path.startswith("/etc/kubernetes/"):
        return slug(stem)
    known = next((_KUBECONFIGS[process] for process in processes if process in _KUBECONFIGS), "")
    return known or slug(user if stem in _NAMELESS else stem)


def authority_name(base: str, file: File, common_name: str) -> str:
    """What a CA is called: by its file, by who trusts it, or by its common name."""
    directory, _, stem = base.rpartition("/")
    parent = directory.rpartition("/")[2]
    if stem != "ca":
        own = slug(stem.removesuffix("-ca").removesuffix("_ca"))
        return f"etcd-{own}" if parent == "etcd" and not own.startswith("etcd") else own
    if parent == "etcd" and directory.endswith("pki/etcd"):
        return "etcd"
    uses = {(use.process, use.purpose) for use in file.uses}
    known = next((name for purpose, name in _AUTHORITIES.items() if purpose in uses), "")
    return known or ("kubernetes" if directory.endswith("/pki") else slug(common_name or parent))


def free_name(wanted: str, taken: Collection[str]) -> str:
    """The name, or one like it that nobody has."""
    name, number = wanted, 2
    while name in taken:
        name, number = f"{wanted[: _LONGEST - 4]}-{number}", number + 1
    return name


def few(names: Sequence[str]) -> str:
    """Names of nodes in a sentence; of a fleet the first ones, and how many more."""
    if len(names) <= _FEW:
        return ", ".join(names)
    return f"{', '.join(names[: _FEW - 1])} and {len(names) - _FEW + 1} more"


def gathered(said: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Sentences of a subject and what is said of it; what is said of many subjects stands once, with the first of them."""
    subjects: defaultdict[str, list[str]] = defaultdict(list)
    for subject, what in said:
        subjects[what].append(subject)
    for subject, what in said:
        if len(subjects[what]) <= _FEW:
            yield f"{subject}{what}"
        elif subject == subjects[what][0]:
            yield f"{few(subjects[what])}{what}"

"""A cluster as its own files describe it: who runs where, with which settings, and what lies under the paths they name.

Everything comes from files; nothing is asked of a process or an API, so that it can be said of a cluster that is down and of
a snapshot of its disks. Paths are those of the node (``/etc/kubernetes/pki/ca.crt``), whatever directory the node was read from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Literal

import msgspec

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
from reconciler.x509.facts import CertificateFacts

#: What a setting makes of the file it names.
Role = Literal[
    "certificate",  # presented: a leaf, perhaps with intermediates behind it
    "key",  # its key
    "trust",  # CAs that others are verified by
    "signing-certificate",  # signs others: exactly one certificate
    "signing-key",
    "token-key",  # signs service-account tokens
    "token-verification",  # keys by which tokens are verified
    "crl",
    "kubeconfig",
]

#: What kind of installation a node's files show.
Layout = Literal["kubeadm", "k3s", "rke2", "k0s", "by-hand", "files"]

#: As Go's strconv.ParseBool has it, by which flags are read, in lower case.
_ON: Final = frozenset({"true", "1", "t"})


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """One setting of one process that names a file, or a directory scan that came across it."""

    process: str
    """``kube-apiserver``, ``etcd``, ``kubelet``, …; empty for a file that nobody names."""
    setting: str
    """As its documentation spells it: ``--tls-cert-file``, ``authentication.x509.clientCAFile``, ``users[admin].client-key``."""
    role: Role
    purpose: str
    """What settings of one purpose belong together: ``serving``, ``peer``, ``etcd-client``, ``kubelet-client``, ``front-proxy``,
    ``client-ca``, …: see `cluster.settings`."""
    source: str
    """Path of the file that says so."""


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """A program that a node runs, with the settings that it would start with."""

    name: str
    source: str
    """Path of the manifest, unit or configuration file."""
    settings: Mapping[str, tuple[str, ...]]
    """Values by the name of the flag without dashes, in their order; the last counts where one is wanted. Paths are those of
    the node: mounts of a container are resolved. What stands in a configuration file has the dotted name it has there."""
    version: str = ""
    """``1.31.2``, by its image; empty when nothing says it."""

    def values(self, name: str) -> tuple[str, ...]:
        """All values of a setting; none when it is not set."""
        return self.settings.get(name, ())

    def value(self, name: str, default: str = "") -> str:
        """The value that counts: the last."""
        values = self.values(name)
        return values[-1] if values else default

    def is_on(self, flag: str, field: str) -> bool:
        """Whether a switch is on that is off by itself: by its flag, else by its field of the configuration."""
        return self.value(flag, self.value(field)).lower() in _ON


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One user of a kubeconfig with the cluster of its context, by meaning."""

    context: str
    current: bool
    user: str
    cluster: str
    server: str
    server_name: str = ""
    """``tls-server-name``: by which name the server is verified; empty for the host of `server`."""
    namespace: str = ""
    trust: Certificates | Unusable | Absent
    """What certificate-authority-data holds, or the file that certificate-authority names (`trust_path`)."""
    trust_path: str = ""
    insecure: bool = False
    """``insecure-skip-tls-verify``."""
    certificate: Certificates | Unusable | Absent
    key: Key | Unusable | Absent
    certificate_path: str = ""
    key_path: str = ""
    """Paths that it refers to; empty for embedded data."""
    other_credential: str = ""
    """``token``, ``tokenFile``, ``exec``, ``auth-provider``, ``basic``; empty for none."""


class Kubeconfig(msgspec.Struct, frozen=True, kw_only=True, tag="kubeconfig"):
    """A kubeconfig file with everything in it."""

    entries: tuple[Entry, ...]
    """By context, in the order of the file."""
    meta: FileMeta


Content = Certificates | Key | PublicKey | CombinedPair | RevocationLists | Kubeconfig | Unusable | Absent


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A path of a node, what is there, and who uses it for what."""

    path: str
    content: Content
    uses: tuple[Use, ...] = ()
    """Sorted; empty for a file that only lay beside the others."""
    link: str = ""
    """What it points to when it is a symbolic link, as `readlink` gives it."""
    moved: str = ""
    """Its path without links of directories, where a snapshot alone has it and links lead elsewhere; empty else."""
    sha256: str = ""
    """Of its bytes; empty for what is not there and for anything with a private key in it."""
    encoding: Literal["", "pem", "der"] = ""
    """Of revocation lists, since etcd reads DER alone; empty when it was not looked at."""

    @property
    def chain(self) -> tuple[CertificateFacts, ...]:
        """Its certificates, the leaf first; none where it holds none, and of a kubeconfig none."""
        content = self.content.certificate if isinstance(self.content, CombinedPair) else self.content
        return content.chain if isinstance(content, Certificates) else ()


class Unread(msgspec.Struct, frozen=True, kw_only=True):
    """A file of configuration that could not be understood, wholly or in part."""

    path: str
    problem: str
    """One sentence for people; never file content."""


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """One machine."""

    name: str
    """The one it has in the cluster where its files say it, else that of its directory, else ``localhost``."""
    layout: Layout
    processes: tuple[Process, ...]
    files: Mapping[str, File]
    """By path; sorted."""
    unread: tuple[Unread, ...] = ()
    addresses: tuple[str, ...] = ()
    """IP addresses that its settings give it: advertise addresses and those of etcd's URLs; the first is the main one."""

    def process(self, name: str) -> Process | None:
        """The process of that name; None when this node does not run it."""
        return next((process for process in self.processes if process.name == name), None)

    def used(self, process: str, purpose: str, role: Role) -> Iterator[File]:
        """The files that a process uses for one purpose in one role, such as the trust of ``client-ca``."""
        for file in self.files.values():
            if any((use.process, use.purpose, use.role) == (process, purpose, role) for use in file.uses):
                yield file

    @property
    def rotates(self) -> bool:
        """Whether its kubelet is told to ask for its next client certificate by itself."""
        kubelet = self.process("kubelet")
        return kubelet is not None and kubelet.is_on("rotate-certificates", "rotateCertificates")

    @property
    def is_control_plane(self) -> bool:
        """Whether it runs an API server."""
        return self.process("kube-apiserver") is not None


class Cluster(msgspec.Struct, frozen=True, kw_only=True):
    """Every machine that was read."""

    nodes: tuple[Node, ...]
    """By name; at least one."""
    signers: Mapping[str, tuple[str, ...]] = {}
    """For certificates by SHA-256 fingerprint: SPKI SHA-256 of each CA that was read whose key verifies the signature. Where
    one has no entry, nobody tried, and names and key identifiers have to tell."""

    @property
    def version(self) -> str:
        """That of the first API server that shows one, such as ``1.31.2``; empty when none does."""
        found = (process.version for node in self.nodes for process in node.processes if process.name == "kube-apiserver")
        return next((version for version in found if version), "")

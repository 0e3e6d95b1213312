"""What must be the same on every control-plane node, and whether it is. Decisions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from reconciler.cluster.model import File, Node, Role
from reconciler.health.context import Context, private_key
from reconciler.observed.model import Certificates, PublicKey

#: kubeadm's SharedCertificateExists: ca, sa, front-proxy-ca, etcd/ca; by what they are for, wherever they lie.
_SHARED: Final[tuple[tuple[str, str, Role], ...]] = (
    ("kube-apiserver", "client-ca", "trust"),
    ("kube-apiserver", "front-proxy-ca", "trust"),
    ("kube-apiserver", "service-account", "token-verification"),
    ("etcd", "client-ca", "trust"),
    ("etcd", "peer-ca", "trust"),
    ("kube-controller-manager", "root-ca", "trust"),
    ("kube-controller-manager", "signing", "signing-certificate"),
)


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """What one node has for a purpose: the files, their keys and their certificates."""

    node: str
    files: tuple[File, ...]
    keys: frozenset[str]
    """SPKI SHA-256."""
    prints: frozenset[str]
    """Fingerprints of certificates; of bare keys the keys again."""


def differing(context: Context) -> Iterator[tuple[Version, ...]]:
    """For each purpose on which nodes differ, what each of them has; the same files once."""
    seen: set[tuple[str, ...]] = set()
    for process, purpose, role in _SHARED:
        versions = tuple(
            version for node in context.cluster.nodes if (version := _version(node, process, purpose, role)) is not None
        )
        paths = tuple(version.files[0].path for version in versions)
        if paths not in seen and len({version.prints for version in versions}) > 1:
            seen.add(paths)
            yield versions


def common_keys(versions: Sequence[Version]) -> frozenset[str]:
    """The keys that every node has: some, as in a rotation or after a renewal, or none."""
    return frozenset.intersection(*(version.keys for version in versions))


def disjoint_paths(context: Context) -> frozenset[str]:
    """The paths of files in which nodes have no key in common: what would be said of them follows."""
    apart = (versions for versions in differing(context) if not common_keys(versions))
    return frozenset(file.path for versions in apart for version in versions for file in version.files)


def _version(node: Node, process: str, purpose: str, role: Role) -> Version | None:
    files = tuple(file for file in node.used(process, purpose, role) if public_keys(file))
    if not files:
        return None
    return Version(
        node=node.name,
        files=files,
        keys=frozenset(key for file in files for key in public_keys(file)),
        prints=frozenset(each for file in files for each in _prints(file)),
    )


def public_keys(file: File) -> tuple[str, ...]:
    """The public keys in a file, as those who verify by it take them."""
    if isinstance(file.content, PublicKey):
        return file.content.keys
    if file.chain:
        return tuple(facts.spki_sha256 for facts in file.chain)
    key = private_key(file)
    return (key.facts.spki_sha256,) if key is not None else ()


def _prints(file: File) -> tuple[str, ...]:
    content = file.content
    if isinstance(content, Certificates):
        return tuple(facts.fingerprint for facts in content.chain)
    return public_keys(file)

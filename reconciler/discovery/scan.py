"""Files that no setting names: what lies beside those in use, where administrators keep certificates, and kubeconfigs."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from typing import Final

from reconciler.cluster.model import Unread, Use
from reconciler.discovery.contents import KNOWN, labels_of
from reconciler.discovery.inventory import Inventory
from reconciler.discovery.reading import Reading
from reconciler.observed.model import Absent, Unusable

#: Looked through with everything below them.
DIRECTORIES: Final = (
    "/etc/kubernetes/pki",
    "/etc/kubernetes/ssl",
    "/etc/kubernetes/certs",
    "/etc/etcd",
    "/etc/ssl/etcd",
    "/etc/pki/etcd",
    "/var/lib/kubernetes",
    "/var/lib/kubelet/pki",
    "/var/lib/kube-proxy",
    "/srv/kubernetes",
)
#: Certificates that a system trusts: hundreds, none of them a cluster's.
_SYSTEM: Final = (
    *("/etc/ssl/certs", "/etc/pki/tls", "/etc/pki/ca-trust", "/etc/ca-certificates", "/usr/share", "/usr/local/share"),
    *("/proc", "/sys", "/dev"),
)
#: Too general to say that what lies in them belongs together.
_GENERAL: Final = frozenset({"/", "/etc", "/var", "/var/lib", "/root", "/home", "/opt", "/usr", "/run", "/srv"})
#: kubeadm's, which are read as kubeconfigs whatever is in them.
_KUBEADM: Final = frozenset({"admin.conf", "super-admin.conf", "controller-manager.conf", "scheduler.conf", "kubelet.conf"})
_SUFFIXES: Final = (".crt", ".key", ".pem", ".pub", ".cer", ".cert", ".crl")
_TOP: Final = re.compile(rb'^[ \t{]*"?(clusters|users|contexts)"?[ \t]*:', re.MULTILINE)
_MAX_DEPTH: Final = 8
_MAX_DIRECTORIES: Final = 8192


def scan(reading: Reading, inventory: Inventory, *, deep: Iterable[str], kubeconfigs: Iterable[str]) -> None:
    """Adds what nobody names to an inventory.

    Args:
        reading: the node.
        inventory: with all that somebody names.
        deep: further directories to look through.
        kubeconfigs: further files that are kubeconfigs of people, if they are there.
    """
    for path in (*kubeconfigs, *_at_home(reading)):
        if reading.root.exists(path):
            _person(inventory, path)
    beside = sorted({posixpath.dirname(path) for path in inventory.paths} | {"/etc/kubernetes", "/var/lib/kubelet"})
    seen: set[str] = set()
    below = [path for directory in (*DIRECTORIES, *deep) for path in _below(reading, directory, seen)]
    flat = [path for directory in beside if _is_telling(directory) for path in _flat(reading, directory, seen)]
    for path in dict.fromkeys((*below, *flat)):
        _consider(reading, inventory, path)


def _consider(reading: Reading, inventory: Inventory, path: str) -> None:
    """Adds a file that holds certificates, keys or credentials of a kubeconfig, or should by its name."""
    if inventory.knows(path):
        return
    name = path.rpartition("/")[2]
    found = reading.root.read(path)
    if isinstance(found, Absent):
        return
    if isinstance(found, Unusable):
        if name.endswith(_SUFFIXES) and not reading.root.is_directory(path):
            inventory.come_across(path)
    elif name.endswith(_SUFFIXES) and (labels_of(found.data) & KNOWN or not found.data.strip()):
        inventory.come_across(path)
    elif b"\0" in found.data:  # a program or an archive, whatever is in it
        return
    elif labels_of(found.data) & KNOWN:
        inventory.come_across(path)
    elif len(set(_TOP.findall(found.data))) > 1 or (path.startswith("/etc/kubernetes/") and name in _KUBEADM):
        _person(inventory, path)


def _person(inventory: Inventory, path: str) -> None:
    if not inventory.knows(path):
        inventory.use(path, Use(process="", setting="", role="kubeconfig", purpose="person", source=path))


def _at_home(reading: Reading) -> Iterator[str]:
    yield "/root/.kube/config"
    for name in reading.names("/home"):
        yield f"/home/{name}/.kube/config"


def _is_telling(directory: str) -> bool:
    return directory not in _GENERAL and not _is_system(directory)


def _is_system(directory: str) -> bool:
    return f"{directory}/".startswith(tuple(f"{each}/" for each in _SYSTEM))


def _flat(reading: Reading, directory: str, seen: set[str]) -> Iterator[str]:
    place = reading.root.same(directory)
    if place not in seen:
        yield from reading.files(directory)


def _below(reading: Reading, directory: str, seen: set[str], depth: int = 0) -> Iterator[str]:
    """The files of a tree, each directory once however many links lead to it."""
    place = reading.root.same(directory)
    if not place or place in seen or not reading.root.is_directory(directory):
        return
    if depth > _MAX_DEPTH or len(seen) > _MAX_DIRECTORIES:
        reading.note(Unread(path=directory, problem="it lies too deep, or too much lies beside it; it was not looked through"))
        return
    seen.add(place)
    for path in reading.files(directory):
        if reading.root.is_directory(path):
            if _is_system(path):
                continue
            yield from _below(reading, path, seen, depth + 1)
        else:
            yield path

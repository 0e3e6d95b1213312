"""Which rows of an inventory a reader sees as one: a certificate with its key beside it, a kubeconfig with what it trusts."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Sequence

import msgspec

from reconciler.health.document import InventoryEntry


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A row, and the rows that are told with it."""

    row: InventoryEntry
    keys: tuple[InventoryEntry, ...] = ()
    """Files in the same directory with its private key."""
    chain: tuple[InventoryEntry, ...] = ()
    """The CAs that stand behind a leaf."""
    trusts: tuple[InventoryEntry, ...] = ()
    """The CAs in the same kubeconfig."""
    shares: bool = False
    """Whether its file is a kubeconfig of several users."""

    @property
    def directory(self) -> str:
        """Where it is."""
        return posixpath.dirname(self.row.path)

    @property
    def file(self) -> str:
        """``admin.conf``, ``clusters.conf#jane``, ``ca-bundle.crt [2]``."""
        name = posixpath.basename(self.row.path)
        if self.shares:
            name += f"#{self.row.user}"
        return f"{name} [{self.row.position}]" if self.row.position > 1 else name


def groups_of(rows: Sequence[InventoryEntry]) -> list[Group]:
    """The rows of one node, by directory, then by name.

    Args:
        rows: those of a file in the order of the file.
    """
    keys = _keys_beside(rows)
    users: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows:
        users[row.path].add(row.user)
    folded = {id(key) for each in keys.values() for key in each}
    links = links_of(rows)
    folded |= {id(row) for row in rows if is_alias(row, links) and row.severity is None}
    groups: list[Group] = []
    for row in rows:
        last = groups[-1] if groups else None
        if last is not None and row.within.startswith("clusters[") and last.row.path == row.path:
            groups[-1] = msgspec.structs.replace(last, trusts=(*last.trusts, row))
        elif last is not None and _is_behind(row, last.row):
            groups[-1] = msgspec.structs.replace(last, chain=(*last.chain, row))
        elif id(row) not in folded:
            groups.append(Group(row=row, keys=tuple(keys.get(id(row), ())), shares=len(users[row.path]) > 1))
    return sorted(groups, key=lambda group: (group.directory, group.row.path))


def links_of(rows: Sequence[InventoryEntry]) -> frozenset[tuple[str, str]]:
    """Node and path of everything that a symbolic link points to."""
    return frozenset((row.node, row.link) for row in rows if row.link)


def is_alias(row: InventoryEntry, links: frozenset[tuple[str, str]]) -> bool:
    """Whether it is what a link points to, and used by that name alone: kubelet-client-2026-11-23-12-00-00.pem."""
    return (row.node, row.path) in links and not row.used_by


def _is_behind(row: InventoryEntry, leaf: InventoryEntry) -> bool:
    """Whether it is a CA that follows a leaf in one place."""
    same = (row.path, row.within) == (leaf.path, leaf.within)
    return same and row.position > 1 and row.kind == "ca" and leaf.kind == "certificate"


def _keys_beside(rows: Sequence[InventoryEntry]) -> dict[int, list[InventoryEntry]]:
    """The key files of each row, by its identity: a key is beside the certificate of its own name, else the first that fits."""
    fitting: defaultdict[tuple[str, str], list[InventoryEntry]] = defaultdict(list)
    first: dict[str, InventoryEntry] = {}
    for row in rows:
        is_behind = _is_behind(row, first.setdefault(row.path, row))
        if row.kind in ("ca", "certificate") and row.spki_sha256 and not row.within and not is_behind:
            fitting[posixpath.dirname(row.path), row.spki_sha256].append(row)
    beside: defaultdict[int, list[InventoryEntry]] = defaultdict(list)
    for row in (each for each in rows if each.kind == "key"):
        candidates = fitting.get((posixpath.dirname(row.path), row.spki_sha256 or ""), ())
        owners = [each for each in candidates if each.path != row.path]
        if owners:
            owner = min(owners, key=lambda each: (each.position, _stem(each.path) != _stem(row.path)))
            beside[id(owner)].append(row)
    return beside


def _stem(path: str) -> str:
    """``ca`` of ``ca.crt`` and ``ca.key``."""
    return posixpath.splitext(posixpath.basename(path))[0]

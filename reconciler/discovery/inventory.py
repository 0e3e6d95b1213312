"""The files of a node, each read once, with everybody who uses it."""

from __future__ import annotations

from typing import Final

import msgspec

from reconciler.cluster.model import File, Use
from reconciler.cluster.mounts import ON_NODE, Mounts
from reconciler.discovery.contents import digest, encoding_of, interpret
from reconciler.discovery.kubeconfigs import ReadKubeconfig
from reconciler.discovery.root import Root, is_text
from reconciler.discovery.seen import Seen
from reconciler.stores.read import LIMIT, ReadFile

#: A million entries, as in observed/revocation.
CRL_LIMIT: Final = 64 << 20


class Inventory:
    """What is collected of one node."""

    def __init__(self, root: Root, seen: Seen) -> None:
        self._root = root
        self._seen = seen
        self._uses: dict[str, dict[Use, None]] = {}
        self._kubeconfigs: dict[str, ReadKubeconfig] = {}
        self._directories: dict[str, str] = {}
        self._called: dict[str, str] = {}
        self._moves: dict[str, str] = {}

    def use(self, path: str, use: Use, mounts: Mounts = ON_NODE) -> None:
        """Somebody uses a file; what a kubeconfig names is used with it."""
        if not is_text(path):
            return
        path = self._name(path)
        if use in self._uses.get(path, {}):
            return
        self._uses.setdefault(path, {})[use] = None
        if use.role != "kubeconfig":
            return
        if path not in self._kubeconfigs:
            self._kubeconfigs[path] = ReadKubeconfig(self._root, path, mounts, self._seen)
        for named in self._kubeconfigs[path].references():
            inner = Use(process=use.process, setting=named.setting, role=named.role, purpose=use.purpose, source=path)
            self.use(named.path, inner)

    def come_across(self, path: str) -> None:
        """A file that lies beside the others."""
        self._uses.setdefault(self._name(path), {})

    def knows(self, path: str) -> bool:
        """Whether it is part of the inventory, by this path or by another one through links of directories."""
        return self._name(path) in self._uses

    @property
    def paths(self) -> tuple[str, ...]:
        """Sorted."""
        return tuple(sorted(self._uses))

    def files(self) -> dict[str, File]:
        """Everything, by path; sorted."""
        return {path: self._file(path) for path in self.paths}

    def _file(self, path: str) -> File:
        uses = tuple(sorted(self._uses[path], key=msgspec.structs.astuple))
        link, moved = self._link(path), self._moved(path)
        if path in self._kubeconfigs:
            return File(path=path, content=self._kubeconfigs[path].content, uses=uses, link=link, moved=moved)
        roles = {use.role for use in uses}
        found = self._root.read(path, limit=CRL_LIMIT if "crl" in roles else LIMIT)
        if not isinstance(found, ReadFile):
            return File(path=path, content=found, uses=uses, link=link, moved=moved)
        content = interpret(found.data, found.meta, roles, self._seen)
        return File(
            path=path,
            content=content,
            uses=uses,
            link=link,
            moved=moved,
            sha256=digest(found.data, content),
            encoding=encoding_of(found.data, content),
        )

    def _name(self, path: str) -> str:
        """A path by the name that its directory was first called by: kubespray's pki is a link to ssl, and each file is one."""
        directory, slash, name = path.rpartition("/")
        if not path.startswith("/"):
            return path
        if directory not in self._directories:
            place = self._root.same(directory or "/") or directory
            self._directories[directory] = self._called.setdefault(place, directory)
        return f"{self._directories[directory]}{slash}{name}"

    def _moved(self, path: str) -> str:
        directory, _, name = path.rpartition("/")
        if directory not in self._moves:
            self._moves[directory] = self._root.moved(directory)
        return f"{self._moves[directory]}/{name}" if self._moves[directory] else ""

    def _link(self, path: str) -> str:
        link = self._root.link(path)
        return link if is_text(link) else ""

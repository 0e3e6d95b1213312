"""Kubeconfigs of a node, with what they embed and what lies behind the paths that they name."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import NamedTuple

from reconciler.cluster.kubeconfigs import Context, Source, parse_kubeconfig
from reconciler.cluster.model import Content, Entry, Kubeconfig, Role
from reconciler.cluster.mounts import ON_NODE, Mounts
from reconciler.discovery.contents import interpret
from reconciler.discovery.root import Root, is_text
from reconciler.discovery.seen import Seen
from reconciler.observed.interpret import interpret_certificates, interpret_key
from reconciler.observed.model import Absent, Certificates, CombinedPair, FileMeta, Key, Unusable
from reconciler.stores.read import ReadFile
from reconciler.x509.errors import UnreadableError


class Reference(NamedTuple):
    """A file that a kubeconfig names."""

    path: str
    setting: str
    role: Role


class ReadKubeconfig:
    """One kubeconfig, read once, as a program sees it."""

    def __init__(self, root: Root, path: str, mounts: Mounts, seen: Seen) -> None:
        self._root = root
        self._path = path
        self._mounts = mounts
        self._seen = seen
        self._found = root.read(path)
        self._contexts = _contexts(self._found)

    @property
    def content(self) -> Kubeconfig | Unusable | Absent:
        """By meaning."""
        if not isinstance(self._found, ReadFile):
            return self._found
        if isinstance(self._contexts, Unusable):
            return self._contexts
        meta = self._found.meta
        return Kubeconfig(entries=tuple(self._entry(context, meta) for context in self._contexts), meta=meta)

    def references(self) -> Iterator[Reference]:
        """The files that it names, as the node has them; those that the node does not have are left out."""
        for context in self._contexts if isinstance(self._contexts, tuple) else ():
            for source, setting, role in _sources(context):
                path = self._on_node(source)
                if path:
                    yield Reference(path, setting, role)

    def _entry(self, context: Context, meta: FileMeta) -> Entry:
        return Entry(
            context=context.name,
            current=context.current,
            user=context.user,
            cluster=context.cluster,
            server=context.server,
            server_name=context.server_name,
            namespace=context.namespace,
            trust=self._certificates(context.trust, meta),
            trust_path=self._shown(context.trust),
            insecure=context.insecure,
            certificate=self._certificates(context.certificate, meta),
            key=self._key(context.key, meta),
            certificate_path=self._shown(context.certificate),
            key_path=self._shown(context.key),
            other_credential=context.other_credential,
        )

    def _certificates(self, source: Source, meta: FileMeta) -> Certificates | Unusable | Absent:
        if source.problem:
            return Unusable(problem="unparsable", detail=source.problem)
        if source.data:
            return interpret_certificates(source.data, meta, self._seen.readers)[0]
        found = self._behind(source)
        if isinstance(found, CombinedPair):
            return found.certificate
        if isinstance(found, Certificates | Unusable | Absent):
            return found
        return Unusable(problem="wrong-type", detail="certificates were expected")

    def _key(self, source: Source, meta: FileMeta) -> Key | Unusable | Absent:
        if source.problem:
            return Unusable(problem="unparsable", detail=source.problem)
        if source.data:
            return interpret_key(source.data, meta)
        found = self._behind(source)
        if isinstance(found, CombinedPair):
            return found.key
        if isinstance(found, Key | Unusable | Absent):
            return found
        return Unusable(problem="wrong-type", detail="a private key was expected")

    def _behind(self, source: Source) -> Content:
        path = self._on_node(source)
        found = self._root.read(path) if path else Absent()
        return interpret(found.data, found.meta, (), self._seen) if isinstance(found, ReadFile) else found

    def _shown(self, source: Source) -> str:
        """The node's path where it has one, else what is written."""
        return self._on_node(source) or (source.path if is_text(source.path) else "")

    def _on_node(self, source: Source) -> str:
        """The node's path of what the kubeconfig names; a relative one begins at its own directory."""
        if not source.path or not is_text(source.path):
            return ""
        if source.path.startswith("/"):
            return self._mounts.on_node(source.path)
        return ON_NODE.on_node(posixpath.join(posixpath.dirname(self._path), source.path))


def _sources(context: Context) -> Iterator[tuple[Source, str, Role]]:
    yield context.trust, f"clusters[{context.cluster}].certificate-authority", "trust"
    yield context.certificate, f"users[{context.user}].client-certificate", "certificate"
    yield context.key, f"users[{context.user}].client-key", "key"


def _contexts(found: ReadFile | Absent | Unusable) -> tuple[Context, ...] | Unusable:
    if not isinstance(found, ReadFile):
        return ()
    try:
        return parse_kubeconfig(found.data.decode())
    except UnicodeDecodeError:
        return Unusable(problem="unparsable", detail="the kubeconfig is not UTF-8")
    except UnreadableError as error:
        return Unusable(problem=error.problem, detail=error.detail)

"""Kubeconfigs with all their contexts: what each entry embeds, and which files it names.

Format: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/. Data counts before a file, and a relative path begins at
the kubeconfig's own directory (client-go tools/clientcmd/loader.go).
"""

from __future__ import annotations

from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from reconciler.cluster.documents import at, items, mapping, parse_documents, string
from reconciler.x509.errors import Problem, UnreadableError
from reconciler.x509.yaml_tree import Tree

_OTHERS: Final = {
    "token": "token",
    "tokenFile": "tokenFile",
    "exec": "exec",
    "auth-provider": "auth-provider",
    "username": "basic",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a certificate, key or CA of an entry comes from: embedded, a file, or neither."""

    data: bytes = field(default=b"", repr=False)
    """May be a key: never shown."""
    path: str = ""
    """As it is written; empty when there is data."""
    problem: str = ""
    """Why the data cannot be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """A context with the cluster and user that it names; their fields are empty where they are missing."""

    name: str
    current: bool
    user: str
    cluster: str
    namespace: str
    server: str
    server_name: str
    insecure: bool
    trust: Source
    certificate: Source
    key: Source
    other_credential: str


def parse_kubeconfig(text: str) -> tuple[Context, ...]:
    """Every context, in the order of the file; users and clusters that no context names come last, with an empty name.

    Raises:
        UnreadableError: it is no kubeconfig.
    """
    (tree, *others) = parse_documents(text, what="kubeconfig")
    top = mapping(tree)
    if others or not any(key in top for key in ("clusters", "users", "contexts")):
        raise UnreadableError(Problem.WRONG_TYPE, "the file is no kubeconfig")
    return (*_contexts(top), *_unnamed(top))


def _contexts(top: dict[str, Tree]) -> Iterator[Context]:
    current = string(top.get("current-context"))
    seen: set[str] = set()
    for entry in items(top.get("contexts")):
        name = string(at(entry, "name"))
        if name in seen:  # client-go takes the first of a name
            continue
        seen.add(name)
        context = at(entry, "context")
        yield _context(
            top,
            name=name,
            current=bool(name) and name == current,
            user=string(at(context, "user")),
            cluster=string(at(context, "cluster")),
            namespace=string(at(context, "namespace")),
        )


def _unnamed(top: dict[str, Tree]) -> Iterator[Context]:
    """Credentials that lie in the file although no context leads to them."""
    used = {string(at(entry, "context", "user")) for entry in items(top.get("contexts"))}
    clusters = [string(at(entry, "name")) for entry in items(top.get("clusters"))]
    for entry in items(top.get("users")):
        name = string(at(entry, "name"))
        if name not in used:
            cluster = clusters[0] if len(clusters) == 1 else ""
            yield _context(top, name="", current=False, user=name, cluster=cluster, namespace="")


def _context(top: dict[str, Tree], *, name: str, current: bool, user: str, cluster: str, namespace: str) -> Context:
    about_user, about_cluster = _entry(top, "users", "user", user), _entry(top, "clusters", "cluster", cluster)
    return Context(
        name=name,
        current=current,
        user=user,
        cluster=cluster,
        namespace=namespace,
        server=string(about_cluster.get("server")),
        server_name=string(about_cluster.get("tls-server-name")),
        insecure=string(about_cluster.get("insecure-skip-tls-verify")).lower() == "true",
        trust=_source(about_cluster, "certificate-authority"),
        certificate=_source(about_user, "client-certificate"),
        key=_source(about_user, "client-key"),
        other_credential=next((word for key, word in _OTHERS.items() if about_user.get(key)), ""),
    )


def _entry(top: dict[str, Tree], plural: str, kind: str, name: str) -> dict[str, Tree]:
    found = (entry for entry in items(top.get(plural)) if string(at(entry, "name")) == name)
    return mapping(at(next(found, None), kind))


def _source(entry: dict[str, Tree], name: str) -> Source:
    data = string(entry.get(f"{name}-data"))
    if not data:
        return Source(path=string(entry.get(name)))
    try:
        return Source(data=a2b_base64("".join(data.split()).encode(), strict_mode=True))
    except (Base64Error, ValueError):
        return Source(problem=f"{name}-data is not base64")

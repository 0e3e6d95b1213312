"""The check of names: does each server's certificate hold what its clients dial. Decisions."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.cluster.model import Node
from reconciler.health import names
from reconciler.health.checks_usage import is_client_side
from reconciler.health.context import Context, Held, is_throw_away
from reconciler.health.hosts import covers
from reconciler.health.mends import reissue
from reconciler.health.model import HealthFinding
from reconciler.health.names import Need
from reconciler.health.words import listed, setting_of, subject_of


def missing_name(context: Context) -> Iterator[HealthFinding]:
    """A server's certificate lacks a name by which it is dialled. The common name counts for nothing."""
    found: dict[tuple[str, str], HealthFinding] = {}
    for node in context.cluster.nodes:
        for held, needs in _servers(context, node):
            lacking = _lacking(held, needs, _further(context, node, held))
            if lacking:
                found.setdefault((held.node, held.path), _finding(held, lacking))
    yield from found.values()


def _servers(context: Context, node: Node) -> Iterator[tuple[Held, tuple[Need, ...]]]:
    api_server, etcd = node.process("kube-apiserver"), node.process("etcd")
    if api_server is not None:
        for held in context.at(node, "kube-apiserver", "serving", "certificate"):
            yield held, tuple(names.api_server(context, node, api_server))
    if etcd is not None:
        for held in context.at(node, "etcd", "serving", "certificate"):
            peer = tuple(names.etcd_peer(etcd)) if held.serves("etcd", "peer") else ()
            yield held, (*names.etcd_server(context, node, etcd), *peer)
        for held in context.at(node, "etcd", "peer", "certificate"):
            if not held.serves("etcd", "serving") and not all(map(is_client_side, held.uses)):
                yield held, tuple(names.etcd_peer(etcd))
    for held in context.at(node, "kubelet", "serving", "certificate"):
        if not is_throw_away(context, held):
            yield held, tuple(names.kubelet(context, node))


def _further(context: Context, node: Node, held: Held) -> frozenset[str]:
    """The names of certificates that the API server presents instead to who asks for them."""
    if not held.serves("kube-apiserver", "serving"):
        return frozenset()
    sni = context.at(node, "kube-apiserver", "sni", "certificate")
    return frozenset(san for other in sni for san in other.leaf.sans if san.startswith("dns:"))


def _lacking(held: Held, needs: tuple[Need, ...], further: frozenset[str]) -> tuple[Need, ...]:
    """Each name once; who dials it for certain goes before who only might."""
    lacking: dict[str, Need] = {}
    for need in sorted(needs, key=lambda need: not need.certain):
        if not covers((*held.leaf.sans, *further), need.san):
            lacking.setdefault(need.san, need)
    return tuple(lacking.values())


def _names(held: Held) -> str:
    return f"its names are {', '.join(held.leaf.sans)}" if held.leaf.sans else "it has no names at all"


def _finding(held: Held, lacking: tuple[Need, ...]) -> HealthFinding:
    certain = any(need.certain for need in lacking)
    told = ", ".join(f"{need.san} ({need.why})" for need in lacking)
    serving = [use for use in held.uses if use.purpose in {"serving", "peer"}]
    wanted = ", ".join(need.san for need in lacking)
    return HealthFinding(
        code="CPK610",
        severity="error" if certain else "warning",
        node=held.node,
        path=held.path,
        setting=setting_of(serving),
        message=f"{subject_of(held.leaf)} lacks {told}; {_names(held)}",
        breaks=listed(need.breaks for need in lacking),
        mend=reissue(held, f"with {wanted} among its names"),
    )

"""Checks of who a certificate says it is: common names and organisations decide over permissions. Decisions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from reconciler.cluster.model import Node
from reconciler.health.context import Context, Held
from reconciler.health.effects import effect
from reconciler.health.hosts import split
from reconciler.health.mends import reissue
from reconciler.health.model import HealthFinding
from reconciler.health.paths import refusal
from reconciler.health.versions import binds_kubelet_client, has_cluster_admins
from reconciler.health.words import also_in, instant, setting_of, subject_of

MASTERS: Final = "system:masters"
ADMINS: Final = "kubeadm:cluster-admins"
NODES: Final = "system:nodes"
#: Users that RBAC binds by name, by process (bootstrappolicy/policy.go); kube-proxy may be bound by its group, too.
_USERS: Final = {
    "kube-controller-manager": "system:kube-controller-manager",
    "kube-scheduler": "system:kube-scheduler",
    "kube-proxy": "system:kube-proxy",
}
_PROXIERS: Final = "system:node-proxier"
_KUBELET_CLIENT: Final = "kube-apiserver-kubelet-client"


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """The subject that a client should have."""

    subject: str
    why: str = ""
    """The rest of the sentence."""


def wrong_identity(context: Context) -> Iterator[HealthFinding]:
    """A client is another user, or in other groups, than its permissions are bound to."""
    found: set[tuple[str, str]] = set()
    for node in context.cluster.nodes:
        for held in context.on[node.name]:
            if not held.presented or (held.node, held.path) in found:
                continue
            expected = _expected(context, node, held)
            if expected is not None:
                found.add((held.node, held.path))
                yield HealthFinding(
                    code="CPK611",
                    severity="error",
                    node=held.node,
                    path=held.path,
                    setting=setting_of(use for use in held.uses if use.role == "certificate"),
                    message=f"the subject is {subject_of(held.leaf)}, expected is {expected.subject}{expected.why}",
                    breaks=f"it is taken for somebody without the permissions: {effect(held.uses)}",
                    mend=reissue(held, f"with the subject {expected.subject}"),
                )


def beyond_rbac(context: Context) -> Iterator[HealthFinding]:
    """A certificate of system:masters: no rule limits it, and only a new CA takes it back."""
    bundles = [held.chain for node in context.cluster.nodes for held in context.at(node, "kube-apiserver", "client-ca", "trust")]
    for copies in context.certificates:
        facts = copies.facts
        member = MASTERS in facts.subject.organizations and not facts.is_ca and context.now <= facts.not_after
        # What etcd's CA signed has no rights at the API server, whatever it says: old versions of kubeadm say it.
        if member and (not bundles or any(not refusal(context, copies.main.chain, roots, "client auth") for roots in bundles)):
            yield HealthFinding(
                code="CPK626",
                severity="notice",
                node=copies.node,
                path=copies.main.path,
                setting=setting_of(copies.main.uses),
                message=f"{subject_of(facts)} is in {MASTERS} until {instant(facts.not_after)}{also_in(copies)}",
                breaks="who has its key may do everything, whatever RBAC and webhooks say, until it ends or its CA is replaced",
                mend="keep it in a safe, and give people short-lived certificates of groups that RBAC can take rights from",
            )


def _expected(context: Context, node: Node, held: Held) -> Expected | None:
    """What the subject should be; None when it is right or nobody can tell."""
    subject = held.leaf.subject
    groups = subject.organizations
    if held.serves("kube-apiserver", "front-proxy"):
        return _front_proxy(context, subject.common_name)
    if held.serves("etcd", "peer"):
        return _peer(context, subject.common_name)
    if MASTERS in groups:
        return None
    if held.serves("kube-apiserver", "kubelet-client"):
        return _kubelet_client(context, held)
    if held.serves("kubelet", "api-client"):
        return _kubelet(node, subject.common_name, groups)
    if held.layout == "kubeadm" and held.path.startswith("/etc/kubernetes/admin.conf#"):
        return _admin(context, groups)
    for process, user in _USERS.items():
        if held.serves(process, "api-client") and subject.common_name != user:
            return None if process == "kube-proxy" and _PROXIERS in groups else Expected(subject=f"CN={user}")
    return None


def _kubelet(node: Node, name: str, groups: tuple[str, ...]) -> Expected | None:
    """The Node authorizer asks for both; the name is that of the Node object (--hostname-override in lower case)."""
    process = node.process("kubelet")
    override = process.value("hostname-override").lower() if process else ""
    right = name == f"system:node:{override}" if override else name.startswith("system:node:") and name != "system:node:"
    return None if right and NODES in groups else Expected(subject=f"CN=system:node:{override or node.name}, O={NODES}")


def _kubelet_client(context: Context, held: Held) -> Expected | None:
    """What kubeadm binds depends on the version (kubernetes/kubernetes#121837 and #138957); others bind what they like."""
    version = context.cluster.version
    subject = held.leaf.subject
    if not version or held.layout != "kubeadm" or subject.common_name != _KUBELET_CLIENT:
        return None
    group = ADMINS if has_cluster_admins(version) else MASTERS
    if group in subject.organizations or (binds_kubelet_client(version) and ADMINS not in subject.organizations):
        return None
    return Expected(subject=f"CN={_KUBELET_CLIENT}, O={group}", why=f", which kubeadm {version} gives the rights to")


def _admin(context: Context, groups: tuple[str, ...]) -> Expected | None:
    version = context.cluster.version
    group = ADMINS if has_cluster_admins(version) else MASTERS
    if not version or group in groups:
        return None
    return Expected(subject=f"CN=kubernetes-admin, O={group}", why=f", which kubeadm {version} gives the rights to")


def _front_proxy(context: Context, name: str) -> Expected | None:
    """Each API server may forward to any extension server, which asks for these names."""
    for node in context.cluster.nodes:
        process = node.process("kube-apiserver")
        allowed = split(process.values("requestheader-allowed-names")) if process else ()
        if allowed and name not in allowed:
            return Expected(subject=f"CN={allowed[0]}", why=f", which --requestheader-allowed-names of {node.name} allows")
    return None


def _peer(context: Context, name: str) -> Expected | None:
    for node in context.cluster.nodes:
        process = node.process("etcd")
        wanted = process.value("peer-cert-allowed-cn", process.value("peer-transport-security.allowed-cn")) if process else ""
        if wanted and name not in split((wanted,)):
            return Expected(subject=f"CN={wanted}", why=f", which --peer-cert-allowed-cn of {node.name} allows")
    return None

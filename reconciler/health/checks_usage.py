"""The check of extended key usages, by what a certificate is used for. Decisions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from reconciler.cluster.model import Node, Use
from reconciler.health.context import Context, Held
from reconciler.health.effects import effect
from reconciler.health.mends import reissue
from reconciler.health.model import HealthFinding
from reconciler.health.paths import allows
from reconciler.health.words import setting_of, spelled, subject_of

_SERVER: Final = "server auth"
_CLIENT: Final = "client auth"
_SERVING: Final = frozenset({"serving", "sni"})
_CLIENTS: Final = frozenset({"etcd-client", "kubelet-client", "front-proxy", "api-client", "person", "client", "bootstrap"})
_CLIENT_SETTING: Final = "client-cert-file"


def wrong_usage(context: Context) -> Iterator[HealthFinding]:
    """A certificate may not be used for what it is used for. One without the extension may be used for all (crypto/x509)."""
    for node in context.cluster.nodes:
        for held in context.on[node.name]:
            if held.presented:
                yield from _judge(node, held)


def _judge(node: Node, held: Held) -> Iterator[HealthFinding]:
    wanted = {usage: use for use in held.uses if use.role == "certificate" for usage in _needed(node, use)}
    lacking = sorted(usage for usage in wanted if not allows(held.leaf.usages, usage))
    if lacking:
        use = wanted[lacking[0]]
        needed = " and ".join(sorted(wanted))
        yield HealthFinding(
            code="CPK612",
            severity="error",
            node=held.node,
            path=held.path,
            setting=setting_of((use,)),
            message=f"{subject_of(held.leaf)} is for {spelled(held.leaf.usages)}, and used for {needed}",
            breaks=_breaks(use, lacking),
            mend=reissue(held, f"with the usages {needed}"),
        )


def _needed(node: Node, use: Use) -> Iterator[str]:
    """Members of etcd are servers and clients with one certificate, unless a second one is named for the client's side."""
    if use.process == "etcd" and use.purpose in {"serving", "peer"}:
        if is_client_side(use):
            yield _CLIENT
            return
        yield _SERVER
        if not _has_client_certificate(node, use.purpose):
            yield _CLIENT
    elif use.purpose in _SERVING:
        yield _SERVER
    elif use.purpose in _CLIENTS:
        yield _CLIENT


def is_client_side(use: Use) -> bool:
    """Whether a setting of etcd names the certificate of the client's side alone."""
    return use.setting.endswith(_CLIENT_SETTING)


def _has_client_certificate(node: Node, purpose: str) -> bool:
    wanted = {"serving": "client", "peer": "peer"}[purpose]
    return any(
        use.process == "etcd" and use.purpose == wanted and is_client_side(use)
        for file in node.files.values()
        for use in file.uses
    )


def _breaks(use: Use, lacking: list[str]) -> str:
    if use.process == "etcd" and use.purpose == "serving" and lacking == [_CLIENT]:
        return "etcd's gRPC gateway dials etcd with this certificate and is refused: its HTTP API fails"
    return effect((use,))

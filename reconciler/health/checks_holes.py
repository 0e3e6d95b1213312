"""Checks of what lets in more than it should: request headers, shared CAs, servers and clients that go unverified. Decisions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

import msgspec

from reconciler.cluster.model import Process
from reconciler.health.clients import clients
from reconciler.health.context import Context
from reconciler.health.hosts import host_of, is_loopback, is_tls, split
from reconciler.health.model import HealthFinding
from reconciler.health.per_source import per_source, processes
from reconciler.health.words import listed, setting_of, subject_of

_API_SERVER: Final = "kube-apiserver"
#: Bundles that must not hold a CA of kube-apiserver's --client-ca-file, with what its holders could do.
_APART: Final = (
    (_API_SERVER, "front-proxy-ca", "whoever has a client certificate of it with an allowed name can act as any user"),
    ("etcd", "client-ca", "whoever has a client certificate of it, every kubelet too, can read and write all of etcd"),
    ("etcd", "peer-ca", "whoever has a certificate of it, every kubelet too, can join etcd as a member"),
)
#: What etcd calls the CA, the certificate and the demand, by side: as flags, then as its configuration file has them.
_ETCD: Final = (
    ("client", ("cert-file", "client-transport-security.cert-file"), "trusted-ca-file", "client-transport-security"),
    ("peer", ("peer-cert-file", "peer-transport-security.cert-file"), "peer-trusted-ca-file", "peer-transport-security"),
)


class _Shared(msgspec.Struct, frozen=True, kw_only=True):
    """One place where a CA is trusted that it should not be trusted at."""

    node: str
    setting: str
    effect: str


def requestheader_hole(context: Context) -> Iterator[HealthFinding]:
    """Any certificate of the front-proxy CA may say who the user is: no names are asked for."""
    found = (
        (node, process)
        for node, process in processes(context, _API_SERVER)
        if process.value("requestheader-client-ca-file") and not split(process.values("requestheader-allowed-names"))
    )
    for setting in per_source(found):
        yield HealthFinding(
            code="CPK623",
            severity="warning",
            node=setting.node,
            path=setting.path,
            setting="kube-apiserver --requestheader-allowed-names",
            message=f"kube-apiserver{setting.on} has --requestheader-client-ca-file and an empty --requestheader-allowed-names: "
            "every name is accepted, expected is that of the front-proxy client",
            breaks="whoever has any client certificate of that CA can act as any user and any group by a header",
            mend="set --requestheader-allowed-names=front-proxy-client, or what the common name of the front-proxy client is",
        )


def shared_authorities(context: Context) -> Iterator[HealthFinding]:
    """The CA of client certificates is trusted where only a CA of its own should be: front proxy, etcd."""
    for (path, told), every in _shared(context).items():
        nodes = {place.node for place in every}
        yield HealthFinding(
            code="CPK624",
            severity="warning",
            node=every[0].node if len(nodes) == 1 else "",
            path=path,
            setting=every[0].setting,
            message=f"{told} in {path} is also the CA of client certificates (kube-apiserver --client-ca-file); expected is a CA "
            "that signs for nothing else",
            breaks="; ".join(dict.fromkeys(place.effect for place in every)),
            mend="make a CA for this alone, add it to the bundles, reissue both sides from it, then take the shared CA out",
        )


def unverified_server(context: Context) -> Iterator[HealthFinding]:
    """A kubeconfig asks for no verification of its server."""
    seen: set[tuple[str, str]] = set()
    for client in clients(context):
        key = client.node.name, client.path
        if client.entry.insecure and key not in seen:
            seen.add(key)
            yield HealthFinding(
                code="CPK629",
                severity="warning",
                node=client.node.name,
                path=client.path,
                setting=setting_of(client.file.uses),
                message=f"{client.path} has insecure-skip-tls-verify for {client.entry.server}: any server is accepted",
                breaks="who sits between can read and change everything, tokens of users included",
                mend="remove insecure-skip-tls-verify, and set certificate-authority-data to the cluster's CA bundle",
            )


def open_etcd(context: Context) -> Iterator[HealthFinding]:
    """An etcd that asks those who connect for no certificate, or listens without TLS."""
    for side, certificates, trust, section in _ETCD:
        found = (
            (node, process)
            for node, process in processes(context, "etcd")
            if _is_plain(process, side) or (any(map(process.value, certificates)) and not _demands(process, trust, section))
        )
        for setting in per_source(found):
            yield HealthFinding(
                code="CPK630",
                severity="warning",
                node=setting.node,
                path=setting.path,
                setting=f"etcd --{trust}",
                message=f"etcd{setting.on} does not verify who connects to it as a {side}: TLS with --{trust} is expected",
                breaks="whoever reaches the port can read and write every Secret"
                if side == "client"
                else "whoever reaches the port can join as a member and take all data",
                mend=f"set --{trust}, and https addresses, and give every {side} a certificate of that CA first",
            )


def _shared(context: Context) -> dict[tuple[str, str], list[_Shared]]:
    """By file and CA: on which nodes, by which setting, with which effect."""
    of_clients = {facts.spki_sha256 for held in context.held if held.serves(_API_SERVER, "client-ca") for facts in held.chain}
    found: dict[tuple[str, str], list[_Shared]] = defaultdict(list)
    for process, purpose, effect in _APART:
        for node in context.cluster.nodes:
            for held in context.at(node, process, purpose, "trust"):
                shared = [facts for facts in held.chain if facts.spki_sha256 in of_clients]
                if shared:
                    setting = setting_of(use for use in held.uses if (use.process, use.purpose) == (process, purpose))
                    place = _Shared(node=node.name, setting=setting, effect=effect)
                    found[held.path, listed(map(subject_of, shared))].append(place)
    return found


def _is_plain(process: Process, side: str) -> bool:
    setting = "listen-client-urls" if side == "client" else "listen-peer-urls"
    urls = split(process.values(setting))
    return any(not is_tls(url) and "://" in url and "unix" not in url and not is_loopback(host_of(url)) for url in urls)


def _demands(process: Process, trust: str, section: str) -> bool:
    """A CA suffices: etcd then requires certificates (client/pkg/transport/listener.go, ServerConfig)."""
    return any(map(process.value, (trust, trust.replace("trusted-ca", "ca"), f"{section}.trusted-ca-file")))

"""Checks of trust: does each chain lead to the bundle that really judges it. Decisions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from reconciler.health.clients import Client, api_servers, clients
from reconciler.health.context import Context, Held
from reconciler.health.edges import judged, signing
from reconciler.health.effects import effect
from reconciler.health.hosts import is_tls
from reconciler.health.model import HealthFinding, Severity
from reconciler.health.paths import refusal
from reconciler.health.shared import disjoint_paths
from reconciler.health.verdicts import Verdict, accused_bundles, wrong_bundle, wrong_leaf
from reconciler.health.words import instant, listed, setting_of, subject_of, where
from reconciler.observed.model import Absent, Certificates
from reconciler.x509.facts import CertificateFacts

_API_SERVER: Final = "kube-apiserver"
_COPY_BUNDLE: Final = "write the CA bundle into it: `kubectl config set-cluster NAME --embed-certs --certificate-authority=FILE`"


def untrusted_chain(context: Context) -> Iterator[HealthFinding]:
    """A certificate does not lead to a CA in the bundle by which it is judged.

    Told of the certificate, or once of the bundle, where that is what is wrong.
    """
    verdicts = [
        Verdict(judged=each, refusal=refusal(context, each.presented.chain, each.verifier.chain, each.usage))
        for each in judged(context)
    ]
    accused = accused_bundles(verdicts)
    by_bundle: dict[str, list[Verdict]] = defaultdict(list)
    by_leaf: dict[tuple[str, str], list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        if verdict.refusal is None:
            continue
        if verdict.bundle[:2] in accused:
            by_bundle[verdict.judged.verifier.path].append(verdict)
        else:
            by_leaf[verdict.leaf].append(verdict)
    yield from map(wrong_bundle, by_bundle.values())
    yield from map(wrong_leaf, by_leaf.values())


def untrusted_signer(context: Context) -> Iterator[HealthFinding]:
    """What the controller manager signs with is in no bundle of the API servers."""
    apart = disjoint_paths(context)
    bundles = [
        bundle
        for server in api_servers(context.cluster)
        for bundle in context.at(server, _API_SERVER, "client-ca", "trust")
        if bundle.path not in apart
    ]
    for node in context.cluster.nodes:
        for held in signing(context, node):
            refusing = [bundle for bundle in bundles if not _accepts(context, bundle, held)]
            if refusing:
                yield HealthFinding(
                    code="CPK609",
                    severity="error",
                    node=held.node,
                    path=held.path,
                    setting=setting_of(use for use in held.uses if use.role == "signing-certificate"),
                    message=f"{subject_of(held.leaf)} signs in the cluster, but is not in "
                    f"{listed(where(bundle, beside=held.node) for bundle in refusing)}, by which client certificates are judged",
                    breaks="kubelets whose certificate is renewed are refused by the API server: their nodes go NotReady",
                    mend=f"add this CA to {refusing[0].path}, or sign with one that is there already",
                )


def stale_trust(context: Context) -> Iterator[HealthFinding]:
    """A kubeconfig trusts other CAs than those that its server's certificate comes from."""
    if any(held.path in disjoint_paths(context) for held in _published_files(context)):
        return  # each node has a CA of its own, which is told by itself
    seen: set[tuple[str, str]] = set()
    for client in clients(context):
        if client.entry.insecure or (client.node.name, client.path) in seen:
            continue
        finding = _trust_of(context, client)
        if finding is not None:
            seen.add((client.node.name, client.path))
            yield finding


def _accepts(context: Context, bundle: Held, signer: Held) -> bool:
    """By key: a renewed certificate of the same CA verifies what either signed."""
    known = {facts.spki_sha256 for facts in bundle.chain}
    return signer.leaf.spki_sha256 in known or refusal(context, signer.chain, bundle.chain, "client auth") is None


def _trust_of(context: Context, client: Client) -> HealthFinding | None:
    trust = client.entry.trust
    if isinstance(trust, Absent) and not client.entry.trust_path and is_tls(client.entry.server):
        return _refuses(client, "names no CA, so that its server is judged by those of the system")
    if not isinstance(trust, Certificates):
        return None
    published = next((held for held in _published_files(context) if held.node == client.node.name), None) or next(
        _published_files(context), None
    )
    bundle = published.chain if published is not None else ()
    for served in _served(context, client):
        if bundle and refusal(context, served.chain, bundle, "server auth") is not None:
            return None  # the server's certificate or the bundle is what is wrong
        problem = refusal(context, served.chain, trust.chain, "server auth")
        if problem is not None:
            of = f" {subject_of(problem.issuer)} in it" if problem.issuer is not None else ""
            return _refuses(client, f"refuses {subject_of(served.leaf)} of {served.node}:{of} {problem.message}")
    # A signing file that became a bundle is one mistake, not one of each kubeconfig, too.
    spoilt = published is not None and any(use.role == "signing-certificate" for use in published.uses) and len(bundle) > 1
    return None if spoilt else _drift(context, client, trust.chain, bundle)


def _drift(
    context: Context, client: Client, trusted: tuple[CertificateFacts, ...], bundle: tuple[CertificateFacts, ...]
) -> HealthFinding | None:
    """It works today, but the bundle says something else: a CA that is new, or one that was renewed."""
    lacking = [facts for facts in bundle if facts.spki_sha256 not in {own.spki_sha256 for own in trusted}]
    if lacking:
        return _finding(
            client,
            "warning",
            f"does not trust {listed(map(subject_of, lacking))}, which the cluster's CA bundle holds",
            breaks=f"once the API server presents a certificate of that CA, {effect(client.file.uses)}",
        )
    for own in trusted:
        renewed = [facts for facts in bundle if facts.spki_sha256 == own.spki_sha256]
        if renewed and own.fingerprint not in {facts.fingerprint for facts in renewed}:
            newest = max(facts.not_after for facts in renewed)
            if newest > own.not_after > context.now:
                return _finding(
                    client,
                    "warning",
                    f"holds an old certificate of {subject_of(own)} that ends on {instant(own.not_after)}; "
                    f"the one in the cluster's CA bundle ends on {instant(newest)}",
                    breaks=f"when the old one ends, {effect(client.file.uses)}",
                    when=own.not_after,
                )
    return None


def _refuses(client: Client, problem: str) -> HealthFinding:
    return _finding(client, "error", problem, breaks=effect(client.file.uses))


def _finding(client: Client, severity: Severity, problem: str, *, breaks: str, when: datetime | None = None) -> HealthFinding:
    return HealthFinding(
        code="CPK614",
        severity=severity,
        node=client.node.name,
        path=client.path,
        setting=setting_of(client.file.uses),
        message=f"{client.path} {problem}",
        breaks=breaks,
        when=when,
        mend=_COPY_BUNDLE,
    )


def _served(context: Context, client: Client) -> Iterator[Held]:
    for server in client.servers:
        yield from context.at(server, _API_SERVER, "serving", "certificate")


def _published_files(context: Context) -> Iterator[Held]:
    """What controller managers give to pods as the cluster's CA."""
    for node in context.cluster.nodes:
        yield from context.at(node, "kube-controller-manager", "root-ca", "trust")

"""What a kubeconfig with entries holds after a plan."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from reconciler.desired.kubeconfig_entries import Entries, KubeCluster
from reconciler.observed.model import (
    ClusterFacts,
    ContextFacts,
    KubeconfigEntries,
    KubeconfigFile,
    ObservedPair,
    UserFacts,
)
from reconciler.x509.facts import CertificateFacts


def with_entries(
    file: KubeconfigFile,
    wanted: Entries,
    trusted: Callable[[KubeCluster], tuple[CertificateFacts, ...]],
    pair_of: Callable[[str], ObservedPair],
) -> KubeconfigFile:
    """A kubeconfig with everything that is wanted in it.

    Args:
        file: as it is without entries.
        wanted: the entries.
        trusted: the certificates that a cluster's clients trust.
        pair_of: the certificate and key of a component.
    """
    clusters = {}
    for each in wanted.clusters:
        chain = trusted(each)
        clusters[each.name] = ClusterFacts(
            server=each.server,
            ca_fingerprints=tuple(facts.fingerprint for facts in chain),
            ca_keys=tuple(facts.spki_sha256 for facts in chain),
        )
    users = {}
    for user in wanted.users:
        pair = pair_of(user.component)
        users[user.name] = (
            UserFacts(certificate=pair.certificate, key=pair.key)
            if user.embed
            else UserFacts(certificate_path=user.client_certificate, key_path=user.client_key)
        )
    contexts = {
        each.name: ContextFacts(cluster=each.cluster, user=each.user, namespace=each.namespace) for each in wanted.contexts
    }
    entries = KubeconfigEntries(
        clusters=clusters, users=users, contexts=contexts, current=wanted.current, extras=(), meta=file.meta
    )
    return replace(file, entries=entries, context=wanted.current)

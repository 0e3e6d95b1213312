"""Kubeconfigs for whoever asks: where the API server is, by which CAs it is verified, and the entries for that."""

from __future__ import annotations

import argparse
import re

import msgspec

from reconciler.cli.options import UsageError
from reconciler.desired.kubeconfig_entries import KubeCluster
from reconciler.desired.model import DesiredState
from reconciler.desired.spec_people import NAMESPACE_PATTERN
from reconciler.desired.unusable import quoted
from reconciler.stores.errors import StoreError
from reconciler.stores.store import Store, read_from
from reconciler.x509.errors import UnreadableError
from reconciler.x509.kubeconfig_entries import Contents, cluster_fields, context_fields
from reconciler.x509.outputs import fullchain
from reconciler.x509.read import read_certificates


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """An API server as its clients know it."""

    server: str
    cluster: str
    ca_pem: bytes
    """Empty where the certificates cannot be read from here."""


def endpoint(arguments: argparse.Namespace, state: DesiredState, ca: str, store: Store) -> Endpoint:
    """Where a client of a CA connects to: as the kubeconfigs of this desired state have it, or as the options say.

    Raises:
        UsageError: nobody says where the API server is.
    """
    known = _known(state, ca)
    server = arguments.server or (known.server if known is not None else "")
    if not server.startswith("https://"):
        msg = f"no kubeconfig here leads to an API server whose clients ca.{ca} signs: add --server https://HOST:6443"
        raise UsageError(msg)
    cluster = arguments.cluster_name or (known.name if known is not None else state.cluster)
    trusted = known if known is not None else KubeCluster(name="", server="", cas=(ca,))
    return Endpoint(server=server, cluster=cluster, ca_pem=_trusted(state, trusted, store))


def contents(user: str, where: Endpoint, user_fields: dict[str, str], *, ca_file: str, namespace: str) -> Contents:
    """The entries of a user: cluster, credentials and context.

    Args:
        user: the name of the entry.
        where: the API server.
        user_fields: what the user entry holds.
        ca_file: where the CA certificates will be, when they are not known.
        namespace: of the context; empty for none.

    Raises:
        UsageError: the namespace is none.
    """
    if namespace and not re.fullmatch(NAMESPACE_PATTERN, namespace):
        msg = f"--namespace {quoted(namespace)} is no namespace: use lower-case letters, digits and hyphens"
        raise UsageError(msg)
    cluster = cluster_fields(where.server, where.ca_pem)
    if not where.ca_pem:
        cluster = {"certificate-authority": ca_file, "server": where.server}
    context = f"{user}@{where.cluster}"
    return Contents(
        sections={
            "clusters": {where.cluster: cluster},
            "contexts": {context: context_fields(where.cluster, user, namespace)},
            "users": {user: user_fields},
        },
        current="",
        otherwise=context,
    )


def _known(state: DesiredState, ca: str) -> KubeCluster | None:
    """The cluster of a kubeconfig that holds a client of the CA; an administrator's before those of programs."""
    found = [
        cluster
        for kubeconfig in sorted(state.kubeconfigs.values(), key=lambda each: (each.name != "admin", each.node or "", each.name))
        for cluster in kubeconfig.clusters
        if ca in cluster.cas or any(state.components[each].ca == ca for each in kubeconfig.components)
    ]
    return found[0] if found else None


def _trusted(state: DesiredState, cluster: KubeCluster, store: Store) -> bytes:
    """The certificates of the cluster's CAs, from a bundle of just these, else from their own files."""
    bundles = [each for each in state.bundles.values() if (each.cas, each.files) == (cluster.cas, cluster.files)]
    own = [state.cas[name].place.file(".crt") for name in cluster.cas if name in state.cas]
    for paths in (*([each.place.absolute] for each in bundles), own):
        try:
            certificates = [each for path in paths for each in read_certificates(read_from(store, path))]
        except (StoreError, UnreadableError):
            continue
        return fullchain(certificates)
    return b""

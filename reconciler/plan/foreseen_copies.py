"""What a copy is after it was fetched: its source, with the modes of the copy. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from reconciler.desired.model import Component, Kubeconfig
from reconciler.observed.model import (
    Certificates,
    DerivedOutput,
    FileMeta,
    Key,
    KubeconfigFile,
    KubeconfigState,
    ObservedBundle,
    ObservedPair,
)
from reconciler.plan.foreseen import PUBLIC, meta_of
from reconciler.x509.facts import CertificateFacts


def with_modes(pair: ObservedPair, mode: int) -> ObservedPair:
    """A pair whose files have the modes that they should have."""
    certificate, key = pair.certificate, pair.key
    if isinstance(certificate, Certificates):
        certificate = replace(certificate, meta=PUBLIC)
    if isinstance(key, Key):
        key = replace(key, meta=FileMeta(mode=mode, uid=0, gid=0))
    return replace(pair, certificate=certificate, key=key)


def fetched_pair(source: ObservedPair, wanted: Component) -> ObservedPair:
    """The files of a component."""
    outputs = {
        output: replace(found, meta=meta_of(output, wanted)) if isinstance(found, DerivedOutput) else found
        for output, found in source.outputs.items()
    }
    return replace(with_modes(source, wanted.access.mode), outputs=outputs, owned=True)


def fetched_bundle(source: ObservedBundle) -> ObservedBundle:
    """A bundle."""
    found = source.certificates
    return ObservedBundle(certificates=replace(found, meta=PUBLIC) if isinstance(found, Certificates) else found)


def fetched_kubeconfig(source: KubeconfigState, wanted: Kubeconfig) -> KubeconfigState:
    """A kubeconfig."""
    meta = FileMeta(mode=wanted.access.mode, uid=0, gid=0)
    return replace(source, meta=meta) if isinstance(source, KubeconfigFile) else source


def pair_within(found: KubeconfigFile, authorities: Iterable[CertificateFacts | None]) -> ObservedPair:
    """The certificate and key of the component that lives in a kubeconfig.

    Args:
        found: the kubeconfig.
        authorities: the generations of its CA, as far as they are known.
    """
    leaf = found.certificate.chain[0] if isinstance(found.certificate, Certificates) else None
    signers = [each.spki_sha256 for each in authorities if each is not None and leaf is not None and each.ski == leaf.aki]
    return ObservedPair(certificate=found.certificate, key=found.key, signed_by=signers[0] if signers else "")

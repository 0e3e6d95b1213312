"""What the hooks of an owner are told. Decisions."""

from __future__ import annotations

import msgspec

from reconciler.apply.delivery.content import Owner, owner_of
from reconciler.apply.hooks.occasion import Occasion
from reconciler.desired.model import Bundle, Component, DesiredState
from reconciler.observed.model import Certificates, ObservedState
from reconciler.plan.status import component_paths
from reconciler.x509.facts import CertificateFacts


def occasion_of(address: str, desired: DesiredState, observed: ObservedState, reasons: tuple[str, ...]) -> Occasion:
    """Paths and public facts of an owner as it is on disk.

    Args:
        address: the owner.
        desired: what should be.
        observed: what was found.
        reasons: why its files changed.
    """
    owner = owner_of(address, desired)
    leaf = _leaf(owner, observed)
    return Occasion(
        address=address,
        cluster=desired.cluster,
        name=owner.name,
        node=owner.node,
        paths=_paths(owner, desired),
        serial=leaf.serial if leaf is not None else "",
        fingerprint=leaf.fingerprint if leaf is not None else "",
        not_after=leaf.not_after if leaf is not None else None,
        reasons=reasons,
    )


def _leaf(owner: Owner, observed: ObservedState) -> CertificateFacts | None:
    """The certificate of a component; a kubeconfig's is its component's."""
    if isinstance(owner, Bundle):
        return None
    pair = observed.pairs.get(owner.address if isinstance(owner, Component) else owner.component)
    return pair.certificate.chain[0] if pair is not None and isinstance(pair.certificate, Certificates) else None


def _paths(owner: Owner, desired: DesiredState) -> dict[str, str]:
    """Of its own files, and of a component's kubeconfig when there is one of them."""
    if isinstance(owner, Bundle):
        return {"bundle": owner.place.absolute}
    if not isinstance(owner, Component):
        return {"kubeconfig": owner.place.absolute}
    own = {kind: str(path) for kind, path in msgspec.structs.asdict(component_paths(owner, desired)).items() if path}
    holding = [each.place.absolute for each in desired.kubeconfigs.values() if each.component == owner.address]
    return {**own, "kubeconfig": holding[0]} if len(holding) == 1 else own

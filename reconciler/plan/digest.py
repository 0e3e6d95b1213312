"""Digests of what a plan rests on: a saved plan is refused when one of them is another."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache

import msgspec

from reconciler.desired.model import parse_address
from reconciler.observed.model import source_address
from reconciler.plan.context import Decision, Situation


def digests(decisions: list[Decision], situation: Situation) -> dict[str, str]:
    """SHA-256 by address over what was found there and at everything it is made from."""

    @cache
    def of(address: str) -> str:
        return hashlib.sha256(msgspec.json.encode(_found(address, situation), order="deterministic")).hexdigest()

    return {
        decision.address: hashlib.sha256(
            "".join(of(address) for address in (decision.address, *_grounds(decision.address, situation))).encode()
        ).hexdigest()
        for decision in decisions
    }


def _found(address: str, situation: Situation) -> object:
    observed = situation.observed
    return (
        address,
        observed.pairs.get(address),
        observed.bundles.get(address),
        observed.kubeconfigs.get(address),
        observed.keypairs.get(address),
        observed.crls.get(address),
        *((observed.requests[address],) if address in observed.requests else ()),
    )


def _grounds(address: str, situation: Situation) -> Iterator[str]:
    """The addresses that this one is made from, in a fixed order."""
    desired = situation.desired
    names: tuple[str, ...] = ()
    if any(getattr(group.get(address), "source", None) for group in (desired.components, desired.bundles, desired.kubeconfigs)):
        yield source_address(address)
    if (component := desired.components.get(address)) is not None:
        names = (component.ca,)
    elif (kubeconfig := desired.kubeconfigs.get(address)) is not None:
        yield from kubeconfig.components
        names = tuple(sorted({name for each in kubeconfig.clusters for name in each.cas}))
    elif (bundle := desired.bundles.get(address)) is not None:
        names = tuple(sorted(bundle.cas))
    else:
        kind, name, _ = parse_address(address)
        if kind == "ca" and name in desired.cas:
            names = (name,)
        elif address in desired.crls:
            names = (name,)
            yield from (crl.address for crl in desired.crls.values() if crl.name == name)
        elif kind == "keypair" and name in desired.keypairs:
            yield from sorted(replica.address for replica in desired.keypairs[name].replicas)
    for name in names:
        current: str | None = name
        while current is not None:
            yield desired.cas[current].address
            current = desired.cas[current].issuer

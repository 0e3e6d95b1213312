"""What the readers of an owner's files see, as one digest: when it is another one, they have to be told. Decisions.

Meaning, not bytes and not modes: a repair that changes neither certificate nor key restarts nobody.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

import msgspec

from reconciler.desired.live import AnyHook
from reconciler.desired.model import Bundle, Component, DesiredState, Kubeconfig
from reconciler.observed.model import (
    Certificates,
    DerivedOutput,
    Key,
    KubeconfigEntries,
    KubeconfigFile,
    ObservedPair,
    ObservedState,
)

Owner = Component | Bundle | Kubeconfig


def owners(desired: DesiredState) -> Iterator[Owner]:
    """Everything that has hooks, in the order of the desired state."""
    for group in (desired.components, desired.bundles, desired.kubeconfigs):
        yield from (owner for owner in group.values() if owner.after)


def owner_of(address: str, desired: DesiredState) -> Owner:
    """The component, bundle or kubeconfig of an address.

    Raises:
        KeyError: it is none.
    """
    if address in desired.components:
        return desired.components[address]
    return desired.bundles[address] if address in desired.bundles else desired.kubeconfigs[address]


def hooks_of(address: str, desired: DesiredState) -> tuple[AnyHook, ...]:
    """The hooks of an owner."""
    return owner_of(address, desired).after


def contents(desired: DesiredState, observed: ObservedState) -> dict[str, str]:
    """A digest for each owner of hooks; empty where nothing usable is there, which nobody has to be told.

    Args:
        desired: what should be.
        observed: what was found.
    """
    embedding: dict[str, list[str]] = {}
    for kubeconfig in desired.kubeconfigs.values():
        for component in kubeconfig.components:
            embedding.setdefault(component, []).append(kubeconfig.address)
    return {owner.address: _digest(_seen(owner, observed, embedding)) for owner in owners(desired)}


def _digest(seen: object) -> str:
    if seen is None:
        return ""
    return hashlib.sha256(msgspec.json.encode(seen, order="deterministic")).hexdigest()


def _seen(owner: Owner, observed: ObservedState, embedding: Mapping[str, list[str]]) -> object:
    if isinstance(owner, Bundle):
        found = observed.bundles.get(owner.address)
        return _chain(found.certificates) if found is not None else None
    if isinstance(owner, Kubeconfig):
        return _kubeconfig(observed, owner.address)
    pair = observed.pairs.get(owner.address)
    own = _pair(pair) if pair is not None else None
    if own is None:
        return None
    return own, [(address, _kubeconfig(observed, address)) for address in embedding.get(owner.address, ())]


def _pair(pair: ObservedPair) -> object:
    chain = _chain(pair.certificate)
    if chain is None or not isinstance(pair.key, Key):
        return None
    outputs = {
        name: (output.fingerprints, output.spki_sha256) if isinstance(output, DerivedOutput) else None
        for name, output in pair.outputs.items()
    }
    return chain, pair.key.facts.spki_sha256, outputs


def _chain(found: object) -> list[str] | None:
    return [each.fingerprint for each in found.chain] if isinstance(found, Certificates) else None


def _kubeconfig(observed: ObservedState, address: str) -> object:
    found = observed.kubeconfigs.get(address)
    if not isinstance(found, KubeconfigFile):
        return None
    return (
        found.server,
        found.ca_fingerprints,
        found.cluster_name,
        found.user_name,
        found.context,
        _chain(found.certificate),
        found.key.facts.spki_sha256 if isinstance(found.key, Key) else "",
        found.client_certificate_path,
        found.client_key_path,
        *_entries(found.entries),
    )


def _entries(found: KubeconfigEntries | None) -> Iterator[object]:
    """Nothing for a kubeconfig without entries, whose digest stays what it always was."""
    if found is not None:
        yield found.clusters
        yield {name: (_chain(user.certificate), user.certificate_path, user.key_path) for name, user in found.users.items()}
        yield found.contexts

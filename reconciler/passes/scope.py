"""Parts of a desired state: what a commit changed, and a view of just that. Decisions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec.structs import replace

from reconciler.desired.model import DesiredState
from reconciler.plan.guards import ALWAYS_ALLOWED

#: Below this many certificates a whole pass takes no longer than a person notices.
LARGE: Final = 500


def changed(before: DesiredState, after: DesiredState) -> frozenset[str] | None:
    """The components, bundles and kubeconfigs that are new or different; None when more than these changed."""
    shared = (
        *("cluster", "cas", "keypairs", "groups", "suspended", "guards", "prune", "moves", "imports", "adopted", "removals"),
        *("kubernetes", "node", "crls", "revocations", "connections", "lock"),
    )
    if any(getattr(before, field) != getattr(after, field) for field in shared):
        return None
    addresses: set[str] = set()
    for field in ("components", "bundles", "kubeconfigs"):
        old, new = getattr(before, field), getattr(after, field)
        if old.keys() - new.keys():
            return None
        addresses.update(address for address, wanted in new.items() if old.get(address) != wanted)
    return frozenset(addresses)


def urgent_part(before: DesiredState | None, after: DesiredState) -> DesiredState | None:
    """A view of the few things that a commit changed in a large desired state: they need not wait for a look at the rest.

    None when everything is looked at anyway. No guard would hold back so few; an absolute limit below that is respected.
    """
    if before is None or len(after.components) < LARGE:
        return None
    few = changed(before, after)
    limit = ALWAYS_ALLOWED if after.guards.max_changes is None else min(ALWAYS_ALLOWED, after.guards.max_changes)
    return narrowed(after, few) if few and len(few) <= limit else None


def narrowed(desired: DesiredState, addresses: Iterable[str]) -> DesiredState:
    """A view of these addresses, of what lives or is embedded in them, and of the CAs; nothing is taken away in it."""
    wanted = set(addresses)
    for kubeconfig in desired.kubeconfigs.values():
        if kubeconfig.address in wanted or not wanted.isdisjoint(kubeconfig.components):
            wanted.update((kubeconfig.address, *kubeconfig.components))
    return replace(
        desired,
        cas={name: replace(ca, replicas=()) for name, ca in desired.cas.items()},
        keypairs={},
        components={address: each for address, each in desired.components.items() if address in wanted},
        bundles={address: each for address, each in desired.bundles.items() if address in wanted},
        kubeconfigs={address: each for address, each in desired.kubeconfigs.items() if address in wanted},
        crls={address: each for address, each in desired.crls.items() if address in wanted},
        groups={},
        moves=(),
        imports={},
        removals=(),
        prune=False,
        partial=True,
    )

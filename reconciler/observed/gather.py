"""Looks at everything that the desired state mentions: the only place where a plan's facts come from.

Files are read one by one and each for itself: what is wrong with one is its own state, and stops no other.
"""

from __future__ import annotations

import gc
import grp
import os
import pwd
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain

from reconciler.desired.model import CA, Access, Bundle, Component, DesiredState, Keypair, Kubeconfig
from reconciler.observed.cache import Cache
from reconciler.observed.look import CERTIFICATES, KEY, KUBECONFIG, PUBLIC_KEY, View
from reconciler.observed.model import KubeconfigState, ObservedBundle, ObservedKeypair, ObservedState
from reconciler.observed.pairs import Pairs
from reconciler.observed.signers import Checks


def gather(desired: DesiredState, *, cache: Cache | None = None) -> ObservedState:
    """Reads every file of a desired state.

    Args:
        desired: what to look for; nothing else is looked at.
        cache: what was found last time. It is used and brought up to date, not saved.

    Returns:
        The facts, by address. It raises for nothing that a file can be.
    """
    cache = cache if cache is not None else Cache(now_ns=0)
    with _collector_paused():
        view = View(cache)
        pairs = Pairs(desired, view, cache, Checks(cores=len(os.sched_getaffinity(0))))
        pairs.see_authorities()
        for component in desired.components.values():
            pairs.see_component(component)
        kubeconfigs = _kubeconfigs(desired, view, pairs.kubeconfigs)
        bundles = {
            address: ObservedBundle(certificates=view.look(CERTIFICATES, bundle.place.absolute)[0])
            for address, bundle in desired.bundles.items()
        }
        keypairs = {
            replica.address: ObservedKeypair(
                key=view.look(KEY, f"{replica.place.absolute}.key")[0],
                public=view.look(PUBLIC_KEY, f"{replica.place.absolute}.pub")[0],
            )
            for keypair in desired.keypairs.values()
            for replica in keypair.replicas
        }
        seen = pairs.finish()
    return ObservedState(
        pairs=seen,
        bundles=bundles,
        kubeconfigs=kubeconfigs,
        keypairs=keypairs,
        owners=_ids((access.owner for access in _accesses(desired)), lambda name: pwd.getpwnam(name).pw_uid),
        groups=_ids((access.group for access in _accesses(desired)), lambda name: grp.getgrnam(name).gr_gid),
    )


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Without the cycle collector: a pass makes a million objects and no cycle, and being looked through costs a fifth of it."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _kubeconfigs(desired: DesiredState, view: View, seen: dict[str, KubeconfigState]) -> dict[str, KubeconfigState]:
    return {
        address: seen[address] if address in seen else view.look(KUBECONFIG, kubeconfig.place.absolute)[0]
        for address, kubeconfig in desired.kubeconfigs.items()
    }


def _accesses(desired: DesiredState) -> Iterator[Access]:
    everything: Iterable[CA | Component | Bundle | Kubeconfig | Keypair] = chain(
        desired.cas.values(),
        desired.components.values(),
        desired.bundles.values(),
        desired.kubeconfigs.values(),
        desired.keypairs.values(),
    )
    return (each.access for each in everything)


def _ids(names: Iterable[str | int | None], find: Callable[[str], int]) -> dict[str, int]:
    """The ids of the names that this machine knows; numbers need none."""
    found: dict[str, int] = {}
    for name in sorted({name for name in names if isinstance(name, str)}):
        try:
            found[name] = find(name)
        except KeyError:
            continue
    return found

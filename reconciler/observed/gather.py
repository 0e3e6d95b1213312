"""Looks at everything that the desired state mentions: the only place where a plan's facts come from.

Files are read one by one and each for itself: what is wrong with one is its own state, and stops no other.
"""

from __future__ import annotations

import gc
import grp
import os
import pwd
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import chain

from reconciler.desired.model import (
    CA,
    Access,
    Bundle,
    Component,
    DesiredState,
    Keypair,
    Kubeconfig,
    Place,
    generation_address,
)
from reconciler.observed import ahead
from reconciler.observed.cache import Cache
from reconciler.observed.look import CERTIFICATES, KEY, KUBECONFIG, PUBLIC_KEY, View
from reconciler.observed.model import KubeconfigState, ObservedBundle, ObservedCrl, ObservedKeypair, ObservedState
from reconciler.observed.pairs import Pairs
from reconciler.observed.signers import Checks
from reconciler.stores.read import generations_beside
from reconciler.x509.read import Certificate


def gather(desired: DesiredState, *, cache: Cache | None = None, cores: int | None = None) -> ObservedState:
    """Reads every file of a desired state.

    Args:
        desired: what to look for; nothing else is looked at.
        cache: what was found last time. It is used and brought up to date, not saved.
        cores: how many processors there are; None to ask the system.

    Returns:
        The facts, by address. It raises for nothing that a file can be.
    """
    cache = cache if cache is not None else Cache(now_ns=0)
    cores = cores if cores is not None else len(os.sched_getaffinity(0))
    components = tuple(desired.components.values())
    count = ahead.processes(len(components) - cache.size, cores=cores)
    own, *others = ahead.shares(components, count)
    with _collector_paused(), ExitStack() as children:
        parts = [(part, _start(children, desired, part)) for part in others]
        view = View(cache)
        pairs = Pairs(desired, view, cache, Checks(cores=cores // count))
        pairs.see_authorities()
        pairs.see_components(own)
        bundles = {
            address: ObservedBundle(certificates=view.look(CERTIFICATES, bundle.place.absolute)[0])
            for address, bundle in desired.bundles.items()
        }
        generations = {
            keypair.address: numbers
            for keypair in desired.keypairs.values()
            if (numbers := generations_beside(keypair.replicas[0].place.absolute))
        }
        keypairs = {
            address: ObservedKeypair(
                key=view.look(KEY, f"{place.absolute}.key")[0],
                public=view.look(PUBLIC_KEY, f"{place.absolute}.pub")[0],
            )
            for keypair in desired.keypairs.values()
            for address, place in _keypair_places(keypair, generations.get(keypair.address, ()))
        }
        kubeconfigs = _kubeconfigs(desired, view)
        trusting: Iterable[Bundle | Kubeconfig] = chain(desired.bundles.values(), desired.kubeconfigs.values())
        anchors = {path: view.look(CERTIFICATES, path)[0] for each in trusting for path in each.files}
        crls = _crls(desired, pairs.authorities)
        for part, child in parts:
            cache.absorb(child.result() if child is not None else b"")
            pairs.see_components(part)
        seen = pairs.finish()
    return ObservedState(
        pairs=seen,
        bundles=bundles,
        kubeconfigs={address: pairs.kubeconfigs.get(address) or kubeconfigs[address] for address in desired.kubeconfigs},
        keypairs=keypairs,
        anchors=anchors,
        generations={**pairs.generations, **generations},
        crls=crls,
        owners=_ids((access.owner for access in _accesses(desired)), lambda name: pwd.getpwnam(name).pw_uid),
        groups=_ids((access.group for access in _accesses(desired)), lambda name: grp.getgrnam(name).gr_gid),
    )


def _start(children: ExitStack, desired: DesiredState, part: Sequence[Component]) -> ahead.Ahead | None:
    """A child that looks at a part; None where there can be none."""

    def look() -> bytes:
        # Nothing is too recent to be handed over: it is for the pass that is under way.
        cache = Cache(now_ns=sys.maxsize)
        pairs = Pairs(desired, View(cache), cache, Checks(cores=1))
        pairs.see_authorities()
        pairs.see_components(part)
        pairs.settle()
        return cache.encode()

    try:
        return children.enter_context(ahead.Ahead(look))
    except OSError:
        return None


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


def _kubeconfigs(desired: DesiredState, view: View) -> dict[str, KubeconfigState]:
    """Those in which no component lives: the others are looked at with their component."""
    lived_in = {component.kubeconfig for component in desired.components.values() if component.place is None}
    return {
        address: view.look(KUBECONFIG, kubeconfig.place.absolute)[0]
        for address, kubeconfig in desired.kubeconfigs.items()
        if address not in lived_in
    }


def _keypair_places(keypair: Keypair, numbers: Iterable[int]) -> Iterator[tuple[str, Place]]:
    """Every replica, and the generations that stand for themselves beside the first."""
    yield from ((replica.address, replica.place) for replica in keypair.replicas)
    home = keypair.replicas[0].place
    yield from ((generation_address(keypair.address, number), home.of_generation(number)) for number in numbers)


def _crls(desired: DesiredState, authorities: Sequence[Certificate]) -> dict[str, ObservedCrl]:
    if not desired.crls:
        return {}
    from reconciler.observed.revocation import Revocations  # noqa: PLC0415 - not needed without revocation lists

    revocations = Revocations(authorities, cluster=desired.cluster)
    return {address: revocations.see(crl) for address, crl in desired.crls.items()}


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

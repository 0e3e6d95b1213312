"""Looks at everything that the desired state mentions: the only place where a plan's facts come from.

Files are read one by one and each for itself: what is wrong with one is its own state, and stops no other.
"""

from __future__ import annotations

import gc
import grp
import os
import pwd
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import chain
from types import MappingProxyType
from typing import TYPE_CHECKING

from reconciler.desired.external import is_external
from reconciler.desired.kubeconfig_entries import KubeCluster
from reconciler.desired.model import CA, Access, Bundle, Component, DesiredState, Keypair, Kubeconfig, generation_address
from reconciler.desired.place import Place
from reconciler.observed import ahead
from reconciler.observed.cache import Cache
from reconciler.observed.entries import see_kubeconfig
from reconciler.observed.keys import Held, ask
from reconciler.observed.look import CERTIFICATES, KEY, PUBLIC_KEY, View
from reconciler.observed.model import (
    KubeconfigState,
    ObservedBundle,
    ObservedCrl,
    ObservedKeypair,
    ObservedRequest,
    ObservedState,
    source_address,
)
from reconciler.observed.pairs import Pairs
from reconciler.observed.signers import Checks
from reconciler.stores.disk import DISK
from reconciler.stores.store import Store
from reconciler.x509.read import Certificate

if TYPE_CHECKING:  # a plan of files alone does without issuers
    from reconciler.issuers.keyrings import Keyring


def gather(
    desired: DesiredState,
    *,
    store: Store = DISK,
    keyrings: Mapping[str, Keyring] = MappingProxyType({}),
    cache: Cache | None = None,
    cores: int | None = None,
) -> ObservedState:
    """Reads every file of a desired state.

    Args:
        desired: what to look for; nothing else is looked at.
        store: where its places are.
        keyrings: of the CAs whose keys are not there, by name.
        cache: what was found last time. It is used and brought up to date, not saved.
        cores: how many processors there are; None to ask the system.

    Returns:
        The facts, by address. It raises for nothing that a file can be.
    """
    cache = cache if cache is not None else Cache(now_ns=0)
    cores = cores if cores is not None else len(os.sched_getaffinity(0))
    components = tuple(desired.components.values())
    # A connection to a server cannot be shared by two processes.
    count = 1 if desired.connections else ahead.processes(len(components) - cache.size, cores=cores)
    own, *others = ahead.shares(components, count)
    with _collector_paused(), ExitStack() as children:
        store.fetch(places_of(desired))
        held = {desired.cas[name].address: ask(keyring) for name, keyring in keyrings.items() if name in desired.cas}
        parts = [(part, _start(children, desired, part, store, held)) for part in others]
        view = View(cache, store)
        pairs = Pairs(desired, view, cache, Checks(cores=cores // count), store=store, held=held)
        pairs.see_authorities()
        pairs.see_components(own)
        bundles = {
            address: ObservedBundle(certificates=view.look(CERTIFICATES, place.absolute)[0])
            for address, place in _file_places(desired.bundles)
        }
        generations = {
            keypair.address: numbers
            for keypair in desired.keypairs.values()
            if (numbers := store.numbers_beside(keypair.replicas[0].place))
        }
        keypairs = {
            address: ObservedKeypair(
                key=view.look(KEY, place.file(".key"))[0],
                public=view.look(PUBLIC_KEY, place.file(".pub"))[0],
            )
            for keypair in desired.keypairs.values()
            for address, place in _keypair_places(keypair, generations.get(keypair.address, ()))
        }
        kubeconfigs = _kubeconfigs(desired, view)
        clusters = (cluster for each in desired.kubeconfigs.values() for cluster in each.clusters)
        trusting: Iterable[Bundle | KubeCluster] = chain(desired.bundles.values(), clusters)
        anchors = {path: view.look(CERTIFICATES, path)[0] for each in trusting for path in each.files}
        crls = _crls(desired, pairs.authorities, store)
        requests = _requests(desired, pairs.authorities, store)
        for part, child in parts:
            cache.absorb(child.result() if child is not None else b"")
            pairs.see_components(part)
        seen = pairs.finish()
    return ObservedState(
        pairs=seen,
        bundles=bundles,
        kubeconfigs=kubeconfigs | pairs.kubeconfigs,
        keypairs=keypairs,
        anchors=anchors,
        generations={**pairs.generations, **generations},
        crls=crls,
        held={address: each.state for address, each in held.items()},
        requests=requests,
        owners=_ids((access.owner for access in _accesses(desired)), lambda name: pwd.getpwnam(name).pw_uid),
        groups=_ids((access.group for access in _accesses(desired)), lambda name: grp.getgrnam(name).gr_gid),
    )


def places_of(desired: DesiredState) -> Iterator[Place]:
    """Every place of a desired state; not the generations of CAs and keypairs that stand for themselves."""
    for ca in desired.cas.values():
        yield from (ca.place, *(replica.place for replica in ca.replicas))
    yield from (replica.place for keypair in desired.keypairs.values() for replica in keypair.replicas)
    for component in desired.components.values():
        yield from (place for place in (component.place, component.source) if place is not None)
    yield from (place for _, place in chain(_file_places(desired.bundles), _file_places(desired.kubeconfigs)))
    yield from (crl.place for crl in desired.crls.values())


def _file_places(files: Mapping[str, Bundle] | Mapping[str, Kubeconfig]) -> Iterator[tuple[str, Place]]:
    """The places of bundles or kubeconfigs by address, and where those that are copies come from."""
    for address, each in files.items():
        yield address, each.place
        if each.source is not None:
            yield source_address(address), each.source


def _start(
    children: ExitStack, desired: DesiredState, part: Sequence[Component], store: Store, held: Mapping[str, Held]
) -> ahead.Ahead | None:
    """A child that looks at a part; None where there can be none."""

    def look() -> bytes:
        # Nothing is too recent to be handed over: it is for the pass that is under way.
        cache = Cache(now_ns=sys.maxsize)
        pairs = Pairs(desired, View(cache, store), cache, Checks(cores=1), store=store, held=held)
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
    found: dict[str, KubeconfigState] = {}
    for address, each in desired.kubeconfigs.items():
        if address not in lived_in:
            found[address] = see_kubeconfig(view, each, each.place.absolute)[0]
        if each.source is not None:
            found[source_address(address)] = see_kubeconfig(view, each, each.source.absolute)[0]
    return found


def _keypair_places(keypair: Keypair, numbers: Iterable[int]) -> Iterator[tuple[str, Place]]:
    """Every replica, and the generations that stand for themselves beside the first."""
    yield from ((replica.address, replica.place) for replica in keypair.replicas)
    home = keypair.replicas[0].place
    yield from ((generation_address(keypair.address, number), home.of_generation(number)) for number in numbers)


def _crls(desired: DesiredState, authorities: Sequence[Certificate], store: Store) -> dict[str, ObservedCrl]:
    if not desired.crls:
        return {}
    from reconciler.observed.revocation import Revocations  # noqa: PLC0415 - not needed without revocation lists

    revocations = Revocations(authorities, cluster=desired.cluster, store=store)
    return {address: revocations.see(crl) for address, crl in desired.crls.items()}


def _requests(desired: DesiredState, authorities: Sequence[Certificate], store: Store) -> dict[str, ObservedRequest]:
    if not any(is_external(ca) for ca in desired.cas.values()):
        return {}
    from reconciler.observed.requests import see_requests  # noqa: PLC0415 - not needed without external CAs

    return see_requests(desired, authorities, store)


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

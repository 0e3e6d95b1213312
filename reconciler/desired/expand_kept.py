"""What follows from where things are kept: KV keeps no modes and owners, and other issuers may grant less than is asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeVar

from msgspec.structs import replace

from reconciler.desired.external import is_external
from reconciler.desired.model import CA, Access, Bundle, Component, Crl, DesiredState, Keypair, Kubeconfig
from reconciler.desired.place import Place
from reconciler.desired.store import KV_LAYOUT
from reconciler.desired.vault import NO_MODE, ExternalKey, PkiKey

_NONE: Final = Access(mode=NO_MODE)

_Placed = TypeVar("_Placed", Component, Bundle, Kubeconfig, Crl)


def as_kept(state: DesiredState) -> DesiredState:
    """The state with what its stores cannot keep taken out, so that nothing is ever found to differ in that."""
    if not state.connections and not any(is_external(ca) for ca in state.cas.values()):
        return state
    cas = {name: _authority(ca) for name, ca in state.cas.items()}
    return replace(
        state,
        cas=cas,
        keypairs={name: _keypair(keypair) for name, keypair in state.keypairs.items()},
        components={address: _granted(each, cas) for address, each in _placed(state.components).items()},
        bundles=_placed(state.bundles),
        kubeconfigs=_placed(state.kubeconfigs),
        crls=_placed(state.crls),
    )


def _authority(ca: CA) -> CA:
    """A key that is elsewhere has no mode either; copies on disk need one."""
    places = (ca.place, *(copy.place for copy in ca.replicas))
    return replace(ca, access=_NONE) if ca.key_in is not None or all(map(_in_kv, places)) else ca


def _keypair(keypair: Keypair) -> Keypair:
    return replace(keypair, access=_NONE) if all(_in_kv(copy.place) for copy in keypair.replicas) else keypair


def _placed(entries: Mapping[str, _Placed]) -> dict[str, _Placed]:
    return {address: replace(each, access=_NONE) if _in_kv(each.place) else each for address, each in entries.items()}


def _granted(component: Component, cas: Mapping[str, CA]) -> Component:
    ca = cas.get(component.ca)
    accepts = ca.key_in.accept if ca is not None and isinstance(ca.key_in, PkiKey | ExternalKey) else frozenset()
    return replace(component, accepts=accepts) if accepts else component


def _in_kv(place: Place | None) -> bool:
    return place is not None and place.layout == KV_LAYOUT

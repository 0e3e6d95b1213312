"""Which files belong to an address, by absolute path on this machine."""

from __future__ import annotations

from reconciler.desired.model import Component, DesiredState, parse_address
from reconciler.desired.place import Place


def component_paths(component: Component, desired: DesiredState) -> tuple[str, ...]:
    """Every file of a component, certificate first; the kubeconfig of one that lives there."""
    place = component.place
    if place is None:
        return (desired.kubeconfigs[component.kubeconfig].place.absolute,)
    return tuple(place.file(suffix) for suffix in component.suffixes)


def paths_of(address: str, desired: DesiredState) -> tuple[str, ...]:
    """The files of any desired address; empty for what is not desired."""
    if address in desired.components:
        return component_paths(desired.components[address], desired)
    if address in desired.bundles:
        return (desired.bundles[address].place.absolute,)
    if address in desired.kubeconfigs:
        return (desired.kubeconfigs[address].place.absolute,)
    if address in desired.crls:
        return tuple(desired.crls[address].paths.values())
    place = place_of(address, desired)
    kind, name, _ = parse_address(address)
    if place is None:
        return ()
    return tuple(map(place.file, desired.cas[name].suffixes if kind == "ca" else (".key", ".pub")))


def place_of(address: str, desired: DesiredState) -> Place | None:
    """Where the pair of a desired address is; None for single files, and for what is inside one."""
    if address in desired.components:
        return desired.components[address].place
    kind, name, _ = parse_address(address)
    places: dict[str, Place] = {}
    if kind == "ca" and (ca := desired.cas.get(name)) is not None:
        places = {ca.address: ca.place} | {replica.address: replica.place for replica in ca.replicas}
    if kind == "keypair" and (keypair := desired.keypairs.get(name)) is not None:
        places = {replica.address: replica.place for replica in keypair.replicas}
    return places.get(address)

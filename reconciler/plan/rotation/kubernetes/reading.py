"""Who reads what a phase of a rotation writes: programs, nodes, files. Decisions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

import msgspec

from reconciler.desired.model import CA, Bundle, Component, DesiredState, Kubeconfig, address_of
from reconciler.desired.place import Place
from reconciler.desired.store import KV_LAYOUT
from reconciler.plan.rotation.kubernetes.readers import (
    APISERVER,
    CONTROLLER_MANAGER,
    ETCD,
    ETCDCTL,
    INPUTS,
    KUBE_PROXY,
    KUBELET,
    SCHEDULER,
    Holds,
    Input,
    Version,
)
from reconciler.plan.rotation.phase import Phase, is_client

#: What each phase writes. The pair that signs moves with the servers: what it signs may be a server's.
WRITES: Final[dict[Phase, frozenset[Holds]]] = {
    Phase.STABLE: frozenset(),
    Phase.STAGE: frozenset({"trust", "kubeconfig", "public keys"}),
    Phase.CLIENTS: frozenset({"pair", "kubeconfig"}),
    Phase.SERVERS: frozenset({"pair", "kubeconfig", "signing", "signing key"}),
    Phase.SOAK: frozenset(),
    Phase.DISTRUST: frozenset({"trust", "kubeconfig", "public keys"}),
}
_CONTROL_PLANE: Final = ("apiserver", "controller-manager", "scheduler")
#: Components and kubeconfigs that show where a program runs.
_MARKS: Final[dict[str, tuple[str, ...]]] = {
    ETCD: ("etcd-server", "etcd-peer"),
    ETCDCTL: ("etcd-healthcheck-client",),
    APISERVER: _CONTROL_PLANE,
    CONTROLLER_MANAGER: _CONTROL_PLANE,
    SCHEDULER: _CONTROL_PLANE,
    KUBELET: ("kubelet-client", "kubelet-serving", "kubelet"),
    KUBE_PROXY: ("kube-proxy",),
}


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """A file that a program on one node reads."""

    input: Input
    output: str
    """Address of what it is."""
    path: str = ""
    """As the node sees it; empty for what no rotation puts in another place."""

    @property
    def differs(self) -> bool:
        """Whether kubeadm has the program read another file."""
        return self.path not in {"", self.input.file}

    def live(self, version: Version) -> bool:
        """Whether a program of this version reads it again by itself."""
        return self.input.since is not None and version >= self.input.since


def moves_in(component: Component) -> Phase:
    """The phase in which the new generation issues a component: what is a server, too, moves with the servers."""
    return Phase.CLIENTS if is_client(component.usages) else Phase.SERVERS


def nodes_of(desired: DesiredState, program: str) -> tuple[str | None, ...]:
    """Where a program runs, in the order of the desired state."""
    files: Iterable[Component | Kubeconfig] = chain(desired.components.values(), desired.kubeconfigs.values())
    marked = {each.node: None for each in files if each.name in _MARKS[program]}
    if program == KUBELET:  # without files of its own, it still reads the bundle; a node of etcd alone has none
        etcd_alone = set(nodes_of(desired, ETCD)) - set(nodes_of(desired, APISERVER))
        bundles = (bundle.node for bundle in desired.bundles.values() if bundle.name == "kubernetes")
        marked |= {node: None for node in bundles if node not in etcd_alone}
    return tuple(marked)


def written(desired: DesiredState, ca: str, phase: Phase, program: str, node: str | None) -> list[Read]:
    """What a program on a node reads of the files that a phase writes."""
    fixed = [read for read in named(desired, ca, program, node) if read.input.holds in WRITES[phase]]
    return [*fixed, *_leaves(desired, ca, phase, program, node)]


def named(desired: DesiredState, ca: str, program: str, node: str | None) -> Iterator[Read]:
    """The files that a flag names and a rotation puts in another place: trust, the pair that signs, keypairs."""
    for each in INPUTS:
        if each.program != program:
            continue
        if each.holds == "trust":
            found = _trusted(desired, ca, each.source, node)
        elif each.holds == "signing" and each.source == ca:
            found = _pair(_with_key(desired.cas.get(ca)), node, each.file[-4:])
        elif each.holds in {"public keys", "signing key"} and each.source == ca:
            found = _key(desired, ca, node, each.file[-4:])
        else:
            continue
        if found is not None:
            yield Read(input=each, output=found[0], path=found[1])


def _leaves(desired: DesiredState, ca: str, phase: Phase, program: str, node: str | None) -> Iterator[Read]:
    """The certificates and kubeconfigs of a program that a phase writes."""
    for each in INPUTS:
        if each.program != program:
            continue
        if each.holds == "pair" and "pair" in WRITES[phase]:
            component = desired.components.get(address_of("component", each.source, node))
            if component is not None and component.ca == ca and component.place is not None and moves_in(component) is phase:
                yield Read(input=each, output=component.address)
        elif each.holds == "kubeconfig":
            kubeconfig = desired.kubeconfigs.get(address_of("kubeconfig", each.source, node))
            if kubeconfig is not None and _rewritten(desired, kubeconfig, ca, phase):
                yield Read(input=each, output=kubeconfig.address)


def _trusted(desired: DesiredState, ca: str, source: str, node: str | None) -> tuple[str, str] | None:
    """Address and path of what a trust flag names: the bundle of this name, else the CA's own certificate file."""
    bundle = desired.bundles.get(address_of("bundle", source, node))
    if bundle is not None:
        return (bundle.address, bundle.place.on_node) if ca in bundle.cas else None
    return _pair(desired.cas.get(ca), node, ".crt") if source == ca else None


def _with_key(ca: CA | None) -> CA | None:
    """A CA whose key is a file: no program signs with one that never leaves its server."""
    return ca if ca is not None and ca.key_in is None else None


def _pair(ca: CA | None, node: str | None, suffix: str) -> tuple[str, str] | None:
    """Address and path of a CA's own file on a node: its copy there, or, where each node works by itself, the CA's."""
    if ca is None:
        return None
    places: dict[str | None, tuple[str, Place]] = {replica.node: (replica.address, replica.place) for replica in ca.replicas}
    own = ca.place if ca.home is not None and ca.place.layout != KV_LAYOUT else None
    address, place = places.get(node, (ca.address, own))
    return None if place is None else (address, place.file_on_node(suffix))


def _key(desired: DesiredState, name: str, node: str | None, suffix: str) -> tuple[str, str] | None:
    """Address and path of a keypair's file on a node."""
    replicas = desired.keypairs[name].replicas if name in desired.keypairs else ()
    return next(((each.address, each.place.file_on_node(suffix)) for each in replicas if each.node == node), None)


def all_written(desired: DesiredState, ca: str, phase: Phase) -> Iterator[Bundle | Component | Kubeconfig]:
    """Everything whose files a phase writes, whoever reads them."""
    if "trust" in WRITES[phase]:
        yield from (bundle for bundle in desired.bundles.values() if ca in bundle.cas)
    if "pair" in WRITES[phase]:
        for component in desired.components.values():
            if component.ca == ca and component.place is not None and moves_in(component) is phase:
                yield component
    for kubeconfig in desired.kubeconfigs.values():
        if _rewritten(desired, kubeconfig, ca, phase):
            yield kubeconfig


def _rewritten(desired: DesiredState, kubeconfig: Kubeconfig, ca: str, phase: Phase) -> bool:
    """Whether a phase changes the text of a kubeconfig: the CAs in it, or the certificate that it embeds."""
    if "trust" in WRITES[phase]:
        return any(ca in cluster.cas for cluster in kubeconfig.clusters)
    component = desired.components.get(kubeconfig.component)
    embedded = component is not None and kubeconfig.embed and component.ca == ca
    return embedded and component is not None and "pair" in WRITES[phase] and moves_in(component) is phase

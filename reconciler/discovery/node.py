"""One node: what it runs, and the files that this makes important."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from reconciler.cluster.distributions import Distribution
from reconciler.cluster.implied import implied_files
from reconciler.cluster.model import Node, Process, Unread, Use
from reconciler.cluster.naming import layout_of, node_addresses, node_name
from reconciler.cluster.references import CONFIGURATIONS, references
from reconciler.cluster.settings import named_files
from reconciler.cluster.started import Lost, Started
from reconciler.discovery.configuration import configuration
from reconciler.discovery.distributed import conventional, distributions, own_program
from reconciler.discovery.inventory import Inventory
from reconciler.discovery.pods import static_pods
from reconciler.discovery.reading import Reading
from reconciler.discovery.root import Root
from reconciler.discovery.scan import scan
from reconciler.discovery.seen import Seen
from reconciler.discovery.services import services

_MANIFESTS: Final = "/etc/kubernetes/manifests"
#: kubeadm's kubelet, for a node whose units were not copied (kubeadm's 10-kubeadm.conf).
_KUBELET: Final = {
    "bootstrap-kubeconfig": "/etc/kubernetes/bootstrap-kubelet.conf",
    "kubeconfig": "/etc/kubernetes/kubelet.conf",
    "config": "/var/lib/kubelet/config.yaml",
}


class Asked(NamedTuple):
    """What a user wants looked at beside the usual places, as the node's paths."""

    manifests: tuple[str, ...] = ()
    kubeconfigs: tuple[str, ...] = ()
    directories: tuple[str, ...] = ()


class Running(NamedTuple):
    """A program, and the process that it becomes with its configuration."""

    started: Started
    process: Process
    origins: Mapping[str, str]
    lost: frozenset[Lost]


def read_node(root: Root, seen: Seen, *, name: str, fallback: str, asked: Asked) -> Node:
    """Everything about one node.

    Args:
        root: its files.
        seen: keeps what may have signed, or be signed.
        name: as the user calls it; empty to find it out.
        fallback: a name for a node whose files do not say one.
        asked: beside the usual places.
    """
    reading = Reading(root)
    installed, running = _running(reading, asked.manifests)
    inventory = Inventory(root, seen)
    for each in running:
        _use(reading, inventory, each)
    for path in asked.kubeconfigs:
        inventory.use(path, Use(process="", setting="--kubeconfig", role="kubeconfig", purpose="person", source=path))
    # A machine that runs nothing of a cluster has certificates all the same.
    elsewhere = () if running else ("/etc",)
    scan(
        reading,
        inventory,
        deep=(
            *(f"{data}/{below}" for _, data in installed for below in ("server/tls", "agent", "pki", "kubelet/pki")),
            *asked.directories,
            *elsewhere,
        ),
        kubeconfigs=[path for distribution, _ in installed for path in distribution.kubeconfigs],
    )
    processes = tuple(sorted((each.process for each in running), key=lambda process: (process.name, process.source)))
    files = inventory.files()
    return Node(
        name=name or node_name(processes, files) or fallback,
        layout=layout_of(processes, installed[0][0].layout if installed else None, files),
        processes=processes,
        files=files,
        unread=reading.unread,
        addresses=node_addresses(processes),
    )


def _running(reading: Reading, manifests: Sequence[str]) -> tuple[tuple[tuple[Distribution, str], ...], list[Running]]:
    """1. units; 2. distributions; 3. the kubelet, which says where manifests are; 4. those; 5. conventions."""
    found = list(services(reading))
    installed = tuple(distributions(reading, found))
    own = {distribution.program: own_program(reading, distribution, data, found) for distribution, data in installed}
    started = [each for each in found if each.process not in own] + [each for each in own.values() if each is not None]
    if not installed:
        started += _kubeadm(reading, started)
    running = [_finished(reading, each) for each in started]
    usual = [*_static_pod_paths(running), *(f"{data}/{each.manifests}" for each, data in installed)]
    running += [_finished(reading, each) for each in static_pods(reading, (*usual, *manifests))]
    for distribution, data in installed:
        present = {each.process.name for each in running}
        program = own[distribution.program]
        running += [_finished(reading, each) for each in conventional(reading, distribution, data, program, present)]
    return installed, running


def _finished(reading: Reading, started: Started) -> Running:
    config = configuration(reading, started)
    lost = frozenset(started.lost(config.tree))
    for setting, path in lost:
        problem = f"{started.process} {setting} names {path}, which no volume brings from the node"
        reading.note(Unread(path=started.source, problem=problem))
    origins = {name: path for name, path in config.origins.items() if name not in started.flags}
    return Running(started, started.finished(config.tree), origins, lost)


def _kubeadm(reading: Reading, started: Sequence[Started]) -> Iterator[Started]:
    path = _KUBELET["kubeconfig"]
    if reading.root.exists(path) and all(each.process != "kubelet" for each in started):
        yield Started(
            process="kubelet",
            source=path,
            flags={setting: (value,) for setting, value in _KUBELET.items() if reading.root.exists(value)},
        )


def _static_pod_paths(running: Sequence[Running]) -> Iterator[str]:
    """Where kubelets look for manifests; kubeadm's directory where none says it."""
    kubelets = [each.process for each in running if each.process.name == "kubelet"]
    named = [path for each in kubelets if (path := each.value("pod-manifest-path", each.value("staticPodPath")))]
    yield from named or [_MANIFESTS]


def _use(reading: Reading, inventory: Inventory, running: Running) -> None:
    """Everything that one process uses."""
    process, mounts = running.process, running.started.mounts
    for named in named_files(process, running.origins):
        if Lost(named.use.setting, named.path) in running.lost:
            continue  # a file of this name on the node would be another one
        # kubeadm's kubelet names a kubeconfig for its first start, which is removed after it.
        if named.use.purpose != "bootstrap" or reading.root.exists(named.path):
            inventory.use(named.path, named.use, mounts)
    for named in implied_files(process):
        if reading.root.exists(named.path):
            inventory.use(named.path, named.use, mounts)
    for setting, what in CONFIGURATIONS.items():
        if path := process.value(setting):
            # An AdmissionConfiguration may keep the settings of a plugin in a file of its own.
            for further in _refer(reading, inventory, running, path, what):
                _refer(reading, inventory, running, further, what)


def _refer(reading: Reading, inventory: Inventory, running: Running, path: str, what: str) -> tuple[str, ...]:
    """Takes what a configuration file of a process names; returns the configuration files among it."""
    mounts = running.started.mounts
    further: list[str] = []
    for each in references(reading.tree(path, what)):
        on_node = mounts.on_node(each.path)
        if not on_node:
            reading.note(Unread(path=path, problem=f"{each.field} names {each.path}, which no volume brings from the node"))
        elif each.role is None:
            further.append(on_node)
        else:
            use = Use(process=running.process.name, setting=each.field, role=each.role, purpose=each.purpose, source=path)
            inventory.use(on_node, use, mounts)
    return tuple(further)

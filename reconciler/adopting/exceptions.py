"""What an entry has to say: all of it, or only what differs from the preset's entry of its name. Decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from reconciler.adopting.kubernetes import Base
from reconciler.adopting.model import Entry, Ground, Machine, Spec
from reconciler.adopting.rendering import on
from reconciler.desired.presets.fragments import KINDS

#: What takes effect where an entry says nothing, as far as it is the same for all of a section.
_DEFAULTS: Final[Mapping[str, Spec]] = {
    "cas": {"key": "ecdsa-p256", "mode": "0600"},
    "components": {"key": "ecdsa-p256", "mode": "0600", "outputs": ["pem"]},
    "kubeconfigs": {"mode": "0600", "embed": True, "clusterName": "kubernetes"},
    "keypairs": {"key": "ecdsa-p256", "mode": "0600"},
    "bundles": {},
}
#: Fields of a preset that say where things are done, not what they are; they are right wherever the files are.
_PLACING: Final = frozenset({"home", "forEach", "copies"})


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """What a document says before its entries."""

    ground: Ground
    base: Base | None
    """The preset; None without one."""
    stores: Mapping[str, str]
    """The store of each CA, by its name; those in the default one are left out."""
    defaults: Spec
    """Of components."""
    own: frozenset[tuple[str, str]]
    """Label of the node and path of each certificate file that is a CA's own: no bundle stands there."""


def written(entry: Entry, frame: Frame) -> Spec | None:
    """The entry as it is written; None when there is nothing to write because the preset says it all."""
    theirs = _of_preset(entry, frame.base)
    own = dict(entry.spec)
    if entry.section == "cas" and entry.name in frame.stores:
        own["store"] = frame.stores[entry.name]
    if theirs is None:
        return _plain(entry, own, frame.ground, frame.defaults)
    machines = _machines(entry, frame.ground)
    found: Spec = {}
    for field in _fields(own, theirs):
        given = theirs.get(field, _default(entry.section, field, frame.defaults))
        mine = own.get(field, _default(entry.section, field, frame.defaults))
        if any(on(mine, machine) != on(given, machine) for machine in machines):
            found[field] = _empty_like(given) if mine is None else mine
    found |= _placing(entry, theirs, frame)
    return found or None


def dropped(entries: Sequence[Entry], base: Base | None) -> list[tuple[str, str]]:
    """Section and name of what the preset has and nobody found."""
    if base is None:
        return []
    there = {(entry.section, entry.name) for entry in entries}
    return [(section, name) for section in KINDS for name in getattr(base.fragments, section) if (section, name) not in there]


def for_each(nodes: Sequence[str], ground: Ground) -> Spec:
    """The selection of some nodes: by role where that says the same."""
    every = [machine.label for machine in ground.machines]
    if list(nodes) == every:
        return {}
    for role in ("control-plane", "worker", "etcd"):
        if list(nodes) == [machine.label for machine in ground.machines if role in machine.roles]:
            return {"roles": [role]}
    return {"nodes": list(nodes)}


def _of_preset(entry: Entry, base: Base | None) -> Spec | None:
    if base is None:
        return None
    specs = getattr(base.fragments, entry.section)
    return msgspec.to_builtins(specs[entry.name]) if entry.name in specs else None


def _plain(entry: Entry, own: Spec, ground: Ground, defaults: Spec) -> Spec:
    kept = {field: value for field, value in own.items() if value != _default(entry.section, field, defaults)}
    if not ground.nodeless and entry.nodes:
        first = {"component", "ca", "cas", "key", "subject"} & kept.keys()
        head = {field: kept[field] for field in kept if field in first}
        kept = head | {"forEach": for_each(entry.nodes, ground)} | kept
    return kept


def _machines(entry: Entry, ground: Ground) -> list[Machine | None]:
    found: list[Machine | None] = [machine for machine in ground.machines if machine.label in entry.nodes]
    return found or [None]


def _fields(own: Spec, theirs: Spec) -> list[str]:
    return [field for field in dict.fromkeys((*own, *theirs)) if field not in _PLACING]


def _default(section: str, field: str, defaults: Spec) -> object:
    if section == "components" and field in defaults:
        return defaults[field]
    return _DEFAULTS[section].get(field)


def _empty_like(value: object) -> object:
    return {} if isinstance(value, Mapping) else [] if isinstance(value, list) else None


def _placing(entry: Entry, theirs: Spec, frame: Frame) -> Spec:
    """On which nodes it is, where the preset would have it on others."""
    ground = frame.ground
    if entry.section == "cas":
        return _copies(entry, theirs, ground)
    wanted = selected(theirs.get("forEach", {}), ground)
    if entry.section == "bundles":
        path = f"/{theirs['path']}"
        wanted = [label for label in wanted if (label, path) not in frame.own]
        nodes = [label for label in entry.nodes if (label, path) not in frame.own]
        return {} if nodes == wanted else {"forEach": for_each(entry.nodes, ground)}
    return {} if list(entry.nodes) == wanted else {"forEach": for_each(entry.nodes, ground)}


def _copies(entry: Entry, theirs: Spec, ground: Ground) -> Spec:
    """Copies with the key; an exception where others have them than the preset says."""
    own, given = entry.spec.get("copies"), theirs.get("copies")
    if isinstance(own, Mapping) and isinstance(given, Mapping) and same_copies(own, given, ground):
        return {}
    return {"copies": own} if own is not None else {}


def same_copies(own: Mapping[str, object], given: Mapping[str, object], ground: Ground) -> bool:
    """Whether two blocks ``copies`` mean the same."""
    return selected(given["forEach"], ground) == selected(own["forEach"], ground) and given["path"] == own["path"]


def selected(selector: object, ground: Ground) -> list[str]:
    """The labels of the nodes that a ``forEach`` means."""
    chosen = selector if isinstance(selector, Mapping) else {}
    roles, nodes = chosen.get("roles"), chosen.get("nodes")
    return [
        machine.label
        for machine in ground.machines
        if (roles is None or set(roles) & set(machine.roles)) and (nodes is None or machine.label in nodes)
    ]

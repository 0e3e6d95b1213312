"""From items on nodes to entries of a document: what is the same on several nodes is written once. Decisions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from reconciler.adopting.model import Entry, Ground, Item, Spec
from reconciler.desired.durations import format_duration
from reconciler.desired.presets.fragments import KINDS

_ORDER: Final = tuple(KINDS)


def entries_of(items: Iterable[Item], ground: Ground) -> tuple[Entry, ...]:
    """Groups items by name, and those of one name by what they say; the largest group keeps the name."""
    order = [machine.label for machine in ground.machines]
    by_name: dict[tuple[str, str], list[Item]] = {}
    for item in items:
        by_name.setdefault((item.section, item.name), []).append(item)
    renamed: dict[tuple[str, str, str], str] = {}
    found: list[Entry] = []
    for section in ("cas", "keypairs", "components", "bundles", "kubeconfigs"):
        for (_, name), members in sorted((key, each) for key, each in by_name.items() if key[0] == section):
            groups: dict[bytes, list[Item]] = {}
            for item in members:
                spec = _with_component(item, renamed)
                groups.setdefault(msgspec.json.encode((spec, item.apart), order="deterministic"), []).append(
                    msgspec.structs.replace(item, spec=spec)
                )
            ranked = sorted(groups.values(), key=lambda each: (-len(each), order.index(each[0].node) if each[0].node else 0))
            for index, group in enumerate(ranked):
                called = name if index == 0 else f"{name}-{group[0].node.replace('.', '-')}"
                renamed |= {(section, name, item.node): called for item in group}
                found.append(_entry(called, group, order, ground))
    return tuple(sorted(found, key=lambda entry: (_ORDER.index(entry.section), entry.name)))


def _with_component(item: Item, renamed: dict[tuple[str, str, str], str]) -> Spec:
    """A kubeconfig names its component as that is called on its node."""
    if item.section != "kubeconfigs":
        return item.spec
    component = str(item.spec["component"])
    return {**item.spec, "component": renamed.get(("components", component, item.node), component)}


def _entry(name: str, group: Sequence[Item], order: list[str], ground: Ground) -> Entry:
    nodes = tuple(sorted({item.node for item in group if item.node}, key=order.index))
    names = {machine.label: machine.name for machine in ground.machines}
    spec = dict(group[0].spec)
    lifetimes = [item.lifetime for item in group if item.lifetime is not None]
    if lifetimes:
        spec["lifetime"] = format_duration(max(lifetimes))
    margins = [item.renew_before for item in group if item.renew_before is not None]
    if margins:
        spec["renewBefore"] = format_duration(min(margins))
    return Entry(
        section=group[0].section,
        name=name,
        nodes=nodes,
        spec=spec,
        paths=tuple((names.get(item.node, ""), path) for item in group for path in item.paths),
        remarks=_remarks(group),
        serves_as=group[0].serves_as if all(item.serves_as for item in group) else "",
    )


def _remarks(group: Sequence[Item]) -> tuple[str, ...]:
    """Each said once, with the nodes that it is not true of all."""
    nodes: dict[str, list[str]] = {}
    for item in group:
        for remark in item.remarks:
            nodes.setdefault(remark, []).append(item.node)
    return tuple(remark if len(on) == len(group) else f"{', '.join(on)}: {remark}" for remark, on in nodes.items())

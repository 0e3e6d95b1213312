"""Groups: components whose hooks run one at a time."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import UNSET

from reconciler.desired.expand_context import Context
from reconciler.desired.model import Component, Group
from reconciler.desired.report import did_you_mean
from reconciler.desired.spec import ComponentSpec, GroupSpec


def expand_groups(
    context: Context, specs: Mapping[str, GroupSpec], known: Mapping[str, ComponentSpec], components: Mapping[str, Component]
) -> dict[str, Group]:
    """Every group by name; its members node by node, on each node in the order of the list.

    Args:
        context: the cluster; takes the mistakes.
        specs: as written.
        known: all components by name, also those that this view does not hold.
        components: the instances of this view, by address.
    """
    owner: dict[str, str] = {}
    groups: dict[str, Group] = {}
    for name, spec in specs.items():
        for index, component in enumerate(spec.components):
            at = ("groups", name, "components", index)
            if component not in known:
                hint = did_you_mean(component, known) or "declare it under `components`"
                context.report.add("CPK202", f'there is no component "{component}"', at=at, hint=hint)
            elif component in owner:
                message = f'component "{component}" is in the groups "{owner[component]}" and "{name}"'
                if owner[component] == name:
                    message = f'component "{component}" is twice in the group "{name}"'
                context.report.add("CPK235", message, at=at, hint="leave it in one of them", address=f"component.{component}")
            owner.setdefault(component, name)
        places = {component: index for index, component in enumerate(spec.components)}
        nodes = {node.name: index for index, node in enumerate(context.nodes)}
        members = sorted(
            (each for each in components.values() if each.name in places),
            key=lambda each: (nodes.get(each.node or "", -1), places[each.name]),
        )
        serial = True if spec.serial is UNSET else spec.serial
        groups[name] = Group(name=name, members=tuple(each.address for each in members), serial=serial)
    return groups

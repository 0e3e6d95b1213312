"""Groups: components and bundles whose hooks run one at a time."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from msgspec import UNSET

from reconciler.desired.expand_context import Context
from reconciler.desired.model import Bundle, Component, Group
from reconciler.desired.report import did_you_mean
from reconciler.desired.spec_whole import GroupSpec

_UNKNOWN: Final = {"component": "CPK202", "bundle": "CPK203"}


def expand_groups(
    context: Context,
    specs: Mapping[str, GroupSpec],
    known: Mapping[str, Collection[str]],
    instances: Collection[Component | Bundle],
) -> dict[str, Group]:
    """Every group by name; its members node by node, on each node in the order of the lists, bundles last.

    Args:
        context: the cluster; takes the mistakes.
        specs: as written.
        known: the names of all components and bundles by kind, also of those that this view does not hold.
        instances: those of this view.
    """
    owner: dict[tuple[str, str], str] = {}
    groups: dict[str, Group] = {}
    nodes = {node.name: index for index, node in enumerate(context.nodes)}
    for name, spec in specs.items():
        listed = _listed(spec)
        for kind, index, member in listed:
            _check(context, name, (kind, index, member), known[kind], owner)
        places = {(kind, member): place for place, (kind, _, member) in enumerate(listed)}
        members = sorted(
            (each for each in instances if _key(each) in places),
            key=lambda each: (nodes.get(each.node or "", -1), places[_key(each)]),
        )
        serial = True if spec.serial is UNSET else spec.serial
        groups[name] = Group(name=name, members=tuple(each.address for each in members), serial=serial)
    return groups


def _listed(spec: GroupSpec) -> list[tuple[str, int, str]]:
    """Kind, position in its list and name of each member."""
    bundles = [] if spec.bundles is UNSET else spec.bundles
    return [
        (kind, index, member)
        for kind, members in (("component", spec.components), ("bundle", bundles))
        for index, member in enumerate(members)
    ]


def _key(instance: Component | Bundle) -> tuple[str, str]:
    return instance.address.partition(".")[0], instance.name


def _check(
    context: Context,
    group: str,
    listed: tuple[str, int, str],
    known: Collection[str],
    owner: dict[tuple[str, str], str],
) -> None:
    """Reports a member that does not exist, or is in two places."""
    kind, index, member = listed
    at = ("groups", group, f"{kind}s", index)
    first = owner.get((kind, member))
    if member not in known:
        hint = did_you_mean(member, known) or f"declare it under `{kind}s`"
        context.report.add(_UNKNOWN[kind], f'there is no {kind} "{member}"', at=at, hint=hint)
    elif first is not None:
        where = f'twice in the group "{group}"' if first == group else f'in the groups "{first}" and "{group}"'
        message = f'{kind} "{member}" is {where}'
        context.report.add("CPK235", message, at=at, hint="leave it in one of them", address=f"{kind}.{member}")
    owner.setdefault((kind, member), group)

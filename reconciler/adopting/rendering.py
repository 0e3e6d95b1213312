"""What a template of the document means on one node: to compare a preset with what is there. Decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconciler.adopting.model import Machine


def on(value: object, machine: Machine | None) -> object:
    """The value with its placeholders filled in; lists lose their order, because none of those here has one."""
    if isinstance(value, Mapping):
        return {key: on(each, machine) for key, each in value.items() if each not in ([], (), {})}
    if isinstance(value, str):
        return text(value, machine)
    if isinstance(value, Sequence):
        return frozenset(each for item in value for each in _several(item, machine))
    return value


def text(value: str, machine: Machine | None) -> str:
    """One text; a placeholder for an address that a node has not stays."""
    if machine is None or "{" not in value:
        return value
    filled = value.replace("{node}", machine.label)
    if not machine.addresses:
        return filled
    return filled.replace("{node.address}", machine.addresses[0]).replace("{node.host}", machine.host)


def _several(item: object, machine: Machine | None) -> Sequence[object]:
    if item == "{node.addresses}" and machine is not None:
        return machine.addresses
    return [text(item, machine) if isinstance(item, str) else item]

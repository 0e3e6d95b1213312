"""What somebody must do, or wait for, outside our files: data, and how it is told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

import msgspec

StepAction = Literal["reloads", "restart", "point", "do"]


#: Nodes that are named in a line; more are counted.
_NAMED: Final = 4


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to be done once the files of a phase are in place."""

    program: str
    """Who is concerned: a program, or an object in the cluster."""
    node: str | None
    """None for something of the whole cluster."""
    action: StepAction
    """It reloads by itself; it must be restarted; one of its flags must point at a file; or something else is to be done."""
    text: str
    """One line for people."""
    outputs: tuple[str, ...] = ()
    """Addresses whose new files it must load; empty for what lies outside our files."""
    order: int
    """Lower ones are finished before a higher one begins; those of one number may go together."""
    differs: bool = False
    """Of a flag: kubeadm's own value is another, so somebody must change it."""


def lines(steps: Iterable[Step]) -> tuple[str, ...]:
    """One line for people for all nodes that have to do the same, in the order of the steps."""
    nodes: dict[str, list[str]] = {}
    for step in steps:
        text = step.text.replace(f" on {step.node}", " on {nodes}", 1) if step.node else step.text
        nodes.setdefault(text, []).extend([step.node] if step.node else [])
    return tuple(text.replace("{nodes}", _named(named)) if named else text for text, named in nodes.items())


def _named(nodes: list[str]) -> str:
    if len(nodes) > _NAMED:
        return f"{', '.join(nodes[:_NAMED])} and {len(nodes) - _NAMED} more nodes"
    return " and ".join([", ".join(nodes[:-1]), nodes[-1]] if len(nodes) > 1 else nodes)

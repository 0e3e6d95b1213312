"""What somebody must do, or wait for, outside our files. Data."""

from __future__ import annotations

from typing import Literal

import msgspec

StepAction = Literal["reloads", "restart", "point", "do"]


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

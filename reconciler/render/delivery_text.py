"""What became of hooks, as lines for people."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from reconciler.plan.status_document import HookStatus
from reconciler.render.escape import visible


class _Result(Protocol):
    @property
    def status(self) -> str: ...
    @property
    def detail(self) -> str: ...


class _Ran(Protocol):
    @property
    def address(self) -> str: ...
    @property
    def hook(self) -> str: ...
    @property
    def result(self) -> _Result: ...


def render_delivery(ran: Iterable[_Ran], owed: Iterable[HookStatus]) -> str:
    """One line for each hook that was run, and one for everybody whose hooks are still owed.

    Args:
        ran: hooks that were run, in order.
        owed: what is left.
    """
    lines = [f"{visible(each.address)}: Hook {visible(each.hook)}: {_outcome(each.result)}" for each in ran]
    for hook in owed:
        lines.append(f"{visible(hook.address)}: Hooks still owed, at {visible(hook.hook)}: {visible(hook.detail)}")
        lines += [f"  | {visible(line)}" for line in hook.output.splitlines()]
    return "".join(f"{line}\n" for line in lines)


def _outcome(result: _Result) -> str:
    return f"{result.status}: {visible(result.detail)}" if result.detail else result.status

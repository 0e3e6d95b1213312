"""The state of one delivery: what it works with, and what came of it so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from reconciler.apply.delivery.ledger import Ledger, Obligation
from reconciler.apply.hooks.describing import describe
from reconciler.apply.hooks.occasion import HookResult, Occasion
from reconciler.desired.live import AnyHook, ExecHook, HttpHook
from reconciler.desired.model import DesiredState
from reconciler.observed.model import ObservedState, Served

RunHook = Callable[[AnyHook, Occasion], HookResult]
Ask = Callable[[str], Served | None]


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """One hook that was run."""

    address: str
    hook: str
    """In words."""
    result: HookResult


@dataclass(slots=True, kw_only=True)
class Round:
    """One delivery. `ledger` changes with every step; `keep` makes it durable."""

    desired: DesiredState
    observed: ObservedState
    ledger: Ledger
    saved: Ledger
    """As it is on disk."""
    contents: Mapping[str, str]
    revision: str
    reasons: Mapping[str, tuple[str, ...]]
    run_hook: RunHook
    probe: Ask
    save: Callable[[Ledger], None]
    now: Callable[[], datetime]
    wait: Callable[[float], object]
    stop: Callable[[], bool]
    ran: list[Ran] = field(default_factory=list)
    served: dict[str, Served] = field(default_factory=dict)
    shared: dict[AnyHook, HookResult] = field(default_factory=dict)
    """Results that count for every owner outside serial groups that asks for the same."""

    def note(self, address: str, obligation: Obligation) -> None:
        """Replaces the entry of an owner; on disk it is with the next `keep`."""
        self.ledger = self.ledger.with_owner(address, obligation)

    def keep(self) -> None:
        """Makes the ledger durable, unless it is as it was.

        Raises:
            StoreError: the old one stays.
        """
        if self.ledger != self.saved:
            self.save(self.ledger)
            self.saved = self.ledger

    def ask(self, address: str) -> Served | None:
        """What the endpoint of an owner presents now; None for an owner without a probe."""
        seen = self.probe(address)
        if seen is not None:
            self.served[address] = seen
        return seen

    def run(self, hook: AnyHook, occasion: Occasion, *, reuse: bool, offer: bool) -> tuple[HookResult, bool]:
        """The result of a hook, and whether it was run for this owner rather than for another before.

        Args:
            hook: the action.
            occasion: what it is for.
            reuse: whether the result of the same action for somebody else counts here.
            offer: whether this result counts for others.
        """
        # A program and a server are told whose files changed, so for them no two occasions are the same.
        common = not isinstance(hook, ExecHook | HttpHook)
        same = replace(hook, timeout=timedelta())
        if common and reuse and same in self.shared:
            return self.shared[same], False
        result = self.run_hook(hook, occasion)
        self.ran.append(Ran(address=occasion.address, hook=describe(hook), result=result))
        if common and offer:
            self.shared[same] = result
        return result, True

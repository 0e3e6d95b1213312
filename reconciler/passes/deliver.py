"""Hooks after a change: whose are owed on this machine, and running them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

import msgspec

from reconciler.apply.delivery.content import contents
from reconciler.apply.delivery.deliver import deliver
from reconciler.apply.delivery.ledger import Ledger, note_baseline
from reconciler.apply.delivery.ledger_file import load_ledger, save_ledger
from reconciler.apply.delivery.round import Ran
from reconciler.apply.hooks.occasion import HookResult, Occasion
from reconciler.apply.hooks.registry import run
from reconciler.apply.state import StateDirectory
from reconciler.desired.live import AnyHook
from reconciler.observed.live.inquiries import inquiries
from reconciler.observed.live.probe import probe
from reconciler.observed.model import Served
from reconciler.passes.look import View
from reconciler.plan.status_document import HookStatus


class Delivered(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    ran: tuple[Ran, ...]
    hooks: tuple[HookStatus, ...]
    """That are still owed."""
    served: Mapping[str, Served]
    """What was seen on the way."""

    @property
    def next_attempt_at(self) -> datetime | None:
        """When the next hook may be run."""
        return min((hook.next_attempt_at for hook in self.hooks if hook.next_attempt_at is not None), default=None)

    @property
    def failing(self) -> tuple[HookStatus, ...]:
        """Those that were tried and did not succeed."""
        return tuple(hook for hook in self.hooks if hook.state == "failing")


class Deliveries:
    """The obligations of one state directory. Used by whoever holds its lock."""

    def __init__(self, state: StateDirectory, *, beat: Callable[[], None] = lambda: None) -> None:
        """Reads what was delivered.

        Args:
            state: the state directory.
            beat: called again and again while hooks run: they may take long.

        Raises:
            StateError: the record cannot be used.
        """
        self._state: Final = state
        self._beat: Final = beat
        self._ledger: Ledger = load_ledger(state)

    def note_baseline(self, view: View) -> None:
        """Writes down, before anything is published, what everybody has now: what then differs is owed.

        Raises:
            StoreError: it cannot be written.
        """
        noted = note_baseline(self._ledger, contents(view.session.compiled.state, view.observed))
        if noted != self._ledger:
            self._save(noted)

    def deliver(
        self,
        view: View,
        *,
        reasons: Mapping[str, tuple[str, ...]],
        clock: Callable[[], datetime],
        wait: Callable[[float], None],
        stop: Callable[[], bool],
        impatient: bool = False,
    ) -> Delivered:
        """Runs the hooks that are owed.

        Args:
            view: after everything that was published.
            reasons: why files changed, by address.
            clock: the time.
            wait: waits so many seconds, less when there is reason to stop.
            stop: whether to stop.
            impatient: somebody asked for it now: what failed is tried again at once.

        Raises:
            StoreError: the record cannot be written.
        """
        desired = view.session.compiled.state
        asked = inquiries(desired, view.observed)

        def alive() -> bool:
            self._beat()
            return stop()

        def run_hook(hook: AnyHook, occasion: Occasion) -> HookResult:
            return run(hook, occasion, environ=os.environ, monotonic=time.monotonic, stop=alive)

        def ask(address: str) -> Served | None:
            inquiry = asked.get(address)
            if inquiry is None:
                return None
            return probe(inquiry.probe, expected=inquiry.expected, client=inquiry.client, now=clock(), monotonic=time.monotonic)

        done = deliver(
            desired,
            view.observed,
            self._ledger,
            served=view.served,
            run_hook=run_hook,
            probe=ask,
            save=self._save,
            now=clock,
            wait=wait,
            stop=alive,
            revision=view.session.version,
            reasons=reasons,
            impatient=impatient,
        )
        self._ledger = done.ledger
        return Delivered(ran=done.ran, hooks=done.failing, served=done.served)

    def _save(self, ledger: Ledger) -> None:
        save_ledger(self._state, ledger)
        self._ledger = ledger

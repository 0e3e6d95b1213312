"""What the long-lived reconciler last reported: read by whoever looks beside it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from reconciler.apply.delivery.content import contents, owners
from reconciler.apply.delivery.ledger_file import load_ledger
from reconciler.apply.delivery.telling import statuses
from reconciler.apply.lock import LockHeldError, hold
from reconciler.apply.state import StateDirectory
from reconciler.observed.model import Served
from reconciler.passes.look import View
from reconciler.plan.status_document import Condition, HookStatus, StatusDocument

STATUS: Final = "status.json"
SERVED: Final = "served.json"


def load_served(state: StateDirectory) -> Mapping[str, Served]:
    """What endpoints presented when they were last asked, by address."""
    return state.read(SERVED, dict[str, Served]) or {}


def save_served(state: StateDirectory, fresh: Mapping[str, Served]) -> None:
    """Keeps what endpoints presented just now, beside what is known of others.

    Raises:
        StoreError: it cannot be written.
    """
    if fresh:
        state.write(SERVED, {**load_served(state), **fresh})


def with_report(fresh: StatusDocument, state: StateDirectory, *, now: datetime) -> StatusDocument:
    """A fresh status with what only the reconciler knows: conditions, source, its last pass.

    Of one that no longer runs only what stays true is told, and that it does not run.
    """
    reported = state.read(STATUS, StatusDocument)
    if reported is None or reported.reconciler is None:
        return fresh
    if is_running(state):
        return replace(
            fresh,
            conditions=reported.conditions,
            source=reported.source,
            reconciler=reported.reconciler,
        )
    gone = Condition(
        type="Ready",
        status="Unknown",
        reason="NotRunning",
        message=f"No reconciler runs with this state directory; it last reported at {reported.at:%Y-%m-%d %H:%M} UTC. "
        "Start it with `cluster-pki run`.",
        last_transition_time=now.replace(microsecond=0),
    )
    return replace(fresh, conditions=[gone], source=reported.source)


def owed_hooks(view: View) -> list[HookStatus]:
    """Hooks that are still owed, from the record that `apply` and the reconciler keep.

    Raises:
        StateError: the record cannot be read.
    """
    desired = view.session.compiled.state
    if not any(owners(desired)):
        return []
    ledger = load_ledger(view.session.state)
    return statuses(desired, ledger, contents(desired, view.observed), now=view.now)


def is_running(state: StateDirectory) -> bool:
    """Whether a long-lived reconciler holds its lock now."""
    try:
        with hold(state.instance_path, operation="look", exclusive=False):
            return False
    except LockHeldError:
        return True

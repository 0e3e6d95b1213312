"""Desired states in a directory of a test, read from memory, and one look at them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from reconciler.apply.journal import Journal
from reconciler.passes.carry_out import Carried, carry_out
from reconciler.passes.look import View, look
from reconciler.passes.session import Session, new_session
from reconciler.plan.build import Work
from reconciler.plan.options import Options
from reconciler.source.revision import Revision
from tests.builders import NOW
from tests.desired.memory_source import MemorySource


def session(home: Path, text: str, *, revision: Revision | None = None) -> Session:
    """A desired state with its files below ``root`` and its records in ``state``."""
    source = MemorySource({"cluster-pki.yaml": text.encode()})
    state_dir = str(home / "state")
    return new_session(source, node=None, root=str(home / "root"), state_dir=state_dir, environ={}, revision=revision)


def seen(opened: Session, *, now: datetime = NOW) -> View:
    """One look, with the state directory made."""
    opened.state.create()
    return look(opened, now=now, options=Options())


def carried(
    view: View, *, only: frozenset[str] | None = None, work: tuple[Work, ...] | None = None, steps: int | None = None
) -> Carried:
    """Carries a view's plan out; `steps` stops it after so many events."""
    events: list[object] = []
    return carry_out(
        view,
        work=work,
        only=only,
        journal=Journal.open(view.session.state.journal_path),
        clock=lambda: view.now,
        listen=events.append,
        stop=lambda: steps is not None and len(events) >= steps,
        parallelism=2,
        actor="test",
    )

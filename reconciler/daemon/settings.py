"""How a reconciler was asked to run: data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import msgspec

INTERVAL: Final = timedelta(minutes=5)
#: Share of the interval by which each pass is early or late, so that a fleet does not act at once.
JITTER: Final = 0.05


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the command line says, besides where the desired state is."""

    node: str | None = None
    root: str = ""
    """Absolute; empty for none."""
    state_dir: str | None = None
    environ: Mapping[str, str] = {}
    interval: timedelta = INTERVAL
    once: bool = False
    allow_rollback: bool = False
    verifies: bool = False
    """Whether signatures are asked for."""
    parallelism: int = 10
    actor: str = ""
    lock_timeout: float = 0.0
    """Seconds to wait for another reconciler to end; with `once` also for somebody's apply. A pass of a loop waits for a
    look only, not for an apply: it comes again."""

"""What the reconciler keeps between passes and restarts: data. Losing it costs patience, never a certificate."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import msgspec

from reconciler.daemon.clock import Anchor, Suspicion
from reconciler.plan.status_document import Condition

#: In the state directory.
MEMORY: Final = "reconciler.json"


class Made(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A change that was made to one address."""

    at: datetime
    issued: bool = False
    """Whether a certificate was signed for it."""
    undone: bool = False
    """Whether it put right what somebody else had changed since we wrote it."""


class Attempts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of the changes of one address."""

    revision: str = ""
    """The desired state that the failures are about."""
    failures: int = 0
    """In a row."""
    unfinished: int = 0
    """How often a pass began with this address and never came to its end: a crash each."""
    retry_at: datetime | None = None
    refused: bool = False
    """Whether somebody said no, so that it is not tried again under the same desired state."""
    detail: str = ""
    """Why it failed last."""
    made: tuple[Made, ...] = ()
    """Within the last hour, oldest first."""


class Memory(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything that is kept."""

    format_version: str = "1.0"
    last_seen: datetime | None = None
    """The latest time that the clock was trusted to show."""
    anchor: Anchor | None = None
    suspicion: Suspicion | None = None
    """What the clock was compared with last, and what was suspected: a pass that cron starts goes on where the last one ended."""
    attempts: Mapping[str, Attempts] = {}
    """By address; only what still matters."""
    conditions: tuple[Condition, ...] = ()
    last_success_at: datetime | None = None

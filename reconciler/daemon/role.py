"""The part that one of several reconcilers has: data."""

from __future__ import annotations

from typing import Final

import msgspec

from reconciler.plan.status_document import ConditionStatus
from reconciler.vault.election.leadership import ALONE, Leadership


class Role(msgspec.Struct, frozen=True, kw_only=True):
    """Whether this one acts, or only looks. The default is that of whoever is alone."""

    acts: bool = True
    """Whether a pass may change anything."""
    leadership: Leadership = ALONE
    """Asked before each step."""
    status: ConditionStatus = "True"
    """This and the next two are what is told; nothing is while there is no reason."""
    reason: str = ""
    message: str = ""
    stalled: bool = False
    """Whether only a person can help."""


ONLY_ONE: Final = Role()

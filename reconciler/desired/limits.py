"""What one plan may not exceed. Data."""

from __future__ import annotations

import msgspec


class Guards(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of one plan."""

    max_changes: int | None = None
    """An absolute number, or None when the share below applies."""
    max_changes_share: float = 0.30
    max_destroy: int = 1

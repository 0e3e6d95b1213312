"""Addresses that were renamed, and that left on purpose. Data."""

from __future__ import annotations

import msgspec


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """An address that was renamed."""

    source: str
    target: str


class Removal(msgspec.Struct, frozen=True, kw_only=True):
    """An address that left on purpose."""

    address: str
    destroy: bool

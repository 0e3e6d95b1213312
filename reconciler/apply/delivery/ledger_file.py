"""The ledger on disk: ``deliveries.json`` in the state directory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from reconciler.apply.delivery.ledger import Ledger, Obligation
from reconciler.apply.state import StateDirectory
from reconciler.stores.single import write_file

NAME: Final = "deliveries.json"


class _Written(msgspec.Struct, frozen=True, kw_only=True):
    """A ledger as every version wrote it: whole. One without its members is another document, not an empty ledger."""

    format_version: str
    owners: Mapping[str, Obligation]


def load_ledger(state: StateDirectory) -> Ledger:
    """What was delivered; empty when nothing is known yet.

    A damaged file is set aside under another name and a warning is logged. What it said to be owed is then not known:
    what is on disk counts as delivered.

    Raises:
        StateError: it cannot be read, or a newer version wrote it.
    """
    found = state.load(NAME, _Written, "what is on disk then counts as delivered")
    return Ledger(format_version=found.format_version, owners=found.owners) if found is not None else Ledger()


def save_ledger(state: StateDirectory, ledger: Ledger) -> None:
    """Replaces it, durably.

    Raises:
        StoreError: the old one stays.
    """
    data = msgspec.json.format(msgspec.json.encode(ledger, order="sorted"), indent=1)
    write_file(f"{state.path}/{NAME}", data + b"\n", mode=0o600)

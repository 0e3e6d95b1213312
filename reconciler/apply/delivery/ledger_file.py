"""The ledger on disk: ``deliveries.json`` in the state directory."""

from __future__ import annotations

from typing import Final

import msgspec

from reconciler.apply.delivery.ledger import Ledger
from reconciler.apply.state import StateDirectory
from reconciler.stores.single import write_file

NAME: Final = "deliveries.json"


def load_ledger(state: StateDirectory) -> Ledger:
    """What was delivered; empty when nothing is known yet.

    A damaged file is set aside under another name and a warning is logged. What it said to be owed is then not known:
    what is on disk counts as delivered.

    Raises:
        StateError: it cannot be read, or a newer version wrote it.
    """
    return state.load(NAME, Ledger, "what is on disk then counts as delivered") or Ledger()


def save_ledger(state: StateDirectory, ledger: Ledger) -> None:
    """Replaces it, durably.

    Raises:
        StoreError: the old one stays.
    """
    data = msgspec.json.format(msgspec.json.encode(ledger, order="sorted"), indent=1)
    write_file(f"{state.path}/{NAME}", data + b"\n", mode=0o600)

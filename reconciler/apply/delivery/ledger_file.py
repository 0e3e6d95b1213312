"""The ledger on disk: ``deliveries.json`` in the state directory."""

from __future__ import annotations

import hashlib
import logging
import os
from typing import Final

import msgspec

from reconciler.apply.delivery.ledger import Ledger
from reconciler.apply.state import StateDirectory, StateError
from reconciler.observed.model import Absent, Unusable
from reconciler.stores.read import read_file
from reconciler.stores.single import write_file

NAME: Final = "deliveries.json"
#: Ten thousand owners that all fail at once, each with all its output.
_LIMIT: Final = 256 << 20


class _Version(msgspec.Struct):
    """The member that every version understands."""

    format_version: str = "1.0"


def load_ledger(state: StateDirectory) -> Ledger:
    """What was delivered; empty when nothing is known yet.

    A damaged file is set aside under another name and a warning is logged. What it said to be owed is then not known:
    what is on disk counts as delivered.

    Raises:
        StateError: it cannot be read, or a newer version wrote it.
    """
    path = f"{state.path}/{NAME}"
    found = read_file(path, limit=_LIMIT)
    if isinstance(found, Absent):
        return Ledger()
    if isinstance(found, Unusable):
        raise StateError(path, found.detail, "make it readable, or move it away: what is on disk then counts as delivered")
    try:
        version = msgspec.json.decode(found.data, type=_Version).format_version
        if version.partition(".")[0] != Ledger().format_version.partition(".")[0]:
            hint = "run the newer cluster-pki that wrote it"
            raise StateError(path, f"its format {version} is not known to this version", hint)
        return msgspec.json.decode(found.data, type=Ledger)
    except msgspec.DecodeError as error:
        _set_aside(path, found.data, str(error))
        return Ledger()


def save_ledger(state: StateDirectory, ledger: Ledger) -> None:
    """Replaces it, durably.

    Raises:
        StoreError: the old one stays.
    """
    data = msgspec.json.format(msgspec.json.encode(ledger, order="sorted"), indent=1)
    write_file(f"{state.path}/{NAME}", data + b"\n", mode=0o600)


def _set_aside(path: str, data: bytes, why: str) -> None:
    # Named by its content: setting the same file aside twice gives one copy.
    aside = f"{path}.damaged-{hashlib.sha256(data).hexdigest()[:8]}"
    try:
        os.rename(path, aside)
    except OSError:
        aside = path
    logging.getLogger(__name__).warning(
        "the record of deliveries was damaged (%s) and is ignored; it is kept as %s. Hooks that were owed are not known any more",
        why,
        aside,
    )

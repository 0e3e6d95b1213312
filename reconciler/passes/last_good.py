"""The last good desired state, kept in the state directory: a newer one that is wrong, or is gone, leaves it in force."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Final

from reconciler.apply.state import StateDirectory, StateError, default_path
from reconciler.passes.session import Session
from reconciler.source.snapshot import Snapshot, decode, encode
from reconciler.stores.read import ReadFile, read_file
from reconciler.stores.single import write_file

_log: Final = logging.getLogger(__name__)

NAME: Final = "revision.json"
#: A thousand files of a mebibyte each would be more; nobody has them.
_LIMIT: Final = 256 << 20


def recall(state: StateDirectory, *, kind: str, location: str) -> Snapshot | None:
    """The desired state that was in force, if it came from the same place; None when there is none.

    Args:
        state: the state directory.
        kind: of the source, ``git`` or ``directory``.
        location: the directory that is followed, absolute.
    """
    found = read_file(f"{state.path}/{NAME}", limit=_LIMIT)
    if not isinstance(found, ReadFile):
        return None
    try:
        snapshot = decode(found.data)
    except ValueError as error:
        _log.warning("%s/%s was damaged and is ignored: %s", state.path, NAME, error)
        return None
    return snapshot if (snapshot.revision.kind, snapshot.revision.location) == (kind, location) else None


def default_places(*, root: str, environ: Mapping[str, str]) -> tuple[StateDirectory, ...]:
    """The state directories of all clusters that keep their records in the default place.

    Args:
        root: put before every path; empty for none.
        environ: for ``XDG_STATE_HOME`` and ``HOME``.
    """
    try:
        above = default_path(euid=os.geteuid(), environ=environ, cluster="", root=root)
        return tuple(StateDirectory(f"{above}{name}") for name in sorted(os.listdir(above)))  # noqa: PTH208 - names are enough
    except (StateError, OSError):
        return ()


def keep(session: Session) -> None:
    """Keeps a desired state that is in force now; writes nothing when it is there already, or was read as it stands.

    Raises:
        StoreError: the old one stays.
    """
    if session.snapshot is None:
        return
    path = f"{session.state.path}/{NAME}"
    data = encode(session.snapshot)
    there = read_file(path, limit=_LIMIT)
    if isinstance(there, ReadFile) and there.data == data:
        return
    session.state.create()
    write_file(path, data, mode=0o600)

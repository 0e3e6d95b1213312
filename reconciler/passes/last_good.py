"""The last good desired state, kept in the state directory: a newer one that is wrong, or is gone, leaves it in force."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Final

import msgspec

from reconciler.apply.state import StateDirectory, StateError, default_path
from reconciler.passes.session import Session
from reconciler.plan.status_document import SourceStatus
from reconciler.source.snapshot import Snapshot, decode, encode
from reconciler.stores.read import ReadFile, read_file
from reconciler.stores.single import write_file

_log: Final = logging.getLogger(__name__)

NAME: Final = "revision.json"
#: A thousand files of a mebibyte each would be more; nobody has them.
_LIMIT: Final = 256 << 20


class _Origin(msgspec.Struct, frozen=True, kw_only=True):
    """What was followed, as it was asked for: another path or ref is another desired state."""

    kind: str
    location: str
    path: str
    ref: str


def recall(state: StateDirectory, *, origin: SourceStatus) -> Snapshot | None:
    """The desired state that was in force, if it came from just there; None when there is none.

    Args:
        state: the state directory.
        origin: what is followed now: kind, location, path and ref.
    """
    found = read_file(f"{state.path}/{NAME}", limit=_LIMIT)
    if not isinstance(found, ReadFile):
        return None
    head, _, body = found.data.partition(b"\n")
    try:
        kept = msgspec.json.decode(head, type=_Origin)
        return decode(body) if kept == _of(origin) else None
    except ValueError as error:
        _log.warning("%s/%s was damaged and is ignored: %s", state.path, NAME, error)
        return None


def _of(origin: SourceStatus) -> _Origin:
    return _Origin(kind=origin.kind, location=origin.location, path=origin.path, ref=origin.ref)


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


def keep(session: Session, *, origin: SourceStatus) -> None:
    """Keeps a desired state that is in force now; writes nothing when it is there already, or was read as it stands.

    Args:
        session: the desired state.
        origin: what is followed.

    Raises:
        StoreError: the old one stays.
    """
    if session.snapshot is None:
        return
    path = f"{session.state.path}/{NAME}"
    data = msgspec.json.encode(_of(origin)) + b"\n" + encode(session.snapshot)
    there = read_file(path, limit=_LIMIT)
    if isinstance(there, ReadFile) and there.data == data:
        return
    session.state.create()
    write_file(path, data, mode=0o600)

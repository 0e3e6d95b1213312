"""The names of the entries of a kubeconfig, as they are recorded when we write it: with them they are taken out again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from reconciler.desired.model import Kubeconfig

_PLAIN: Final = re.compile(r"cluster=(?P<cluster>.+) user=(?P<user>.+)\Z", re.DOTALL)


class _Names(msgspec.Struct, frozen=True, kw_only=True):
    clusters: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    contexts: tuple[str, ...] = ()
    merge: bool = False


def kubeconfig_request(desired: Kubeconfig) -> str:
    """What is asked for beyond what a client sees: the entries' names. Recorded when we write the file."""
    if desired.entries is None:
        return f"cluster={desired.cluster_name} user={desired.user_name}"
    names = _Names(
        clusters=tuple(each.name for each in desired.entries.clusters),
        users=tuple(each.name for each in desired.entries.users),
        contexts=tuple(each.name for each in desired.entries.contexts),
        merge=desired.entries.merge,
    )
    return msgspec.json.encode(names).decode()


def recorded_names(requested: str) -> Mapping[str, tuple[str, ...]]:
    """The names by section; none where we did not write the file."""
    names = _read(requested)
    return {"clusters": names.clusters, "contexts": names.contexts, "users": names.users}


def is_merged(requested: str) -> bool:
    """Whether the file was recorded as one that is shared."""
    return _read(requested).merge


def _read(requested: str) -> _Names:
    plain = _PLAIN.match(requested)
    if plain is not None:
        cluster, user = plain["cluster"], plain["user"]
        return _Names(clusters=(cluster,), users=(user,), contexts=(f"{user}@{cluster}",))
    try:
        return msgspec.json.decode(requested, type=_Names)
    except msgspec.DecodeError:
        return _Names()

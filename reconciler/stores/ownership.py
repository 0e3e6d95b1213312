"""Whether files are ours by where they stand: in a generation that names their address, whatever the state directory says.

A published name is a symbolic link ``apiserver.crt -> .apiserver/current/apiserver.crt``, and the generation it leads to
holds ``meta.json`` with the cluster and the address that it was made for.
"""

from __future__ import annotations

from typing import Final

import msgspec

from reconciler.desired.place import Place
from reconciler.stores.publication import META_NAME, Meta, names_of
from reconciler.stores.read import ReadFile, link_target, read_file

_META_LIMIT: Final = 1 << 16


def is_owned(place: Place, suffixes: tuple[str, ...], *, address: str, cluster: str, vouched: bool) -> bool:
    """Whether every published name that is there leads into a generation of this address, and one is there.

    A file of somebody else that took the place of one link makes the answer no: it must not be overwritten unasked.

    Args:
        place: of the pair, without suffix.
        suffixes: of its published names, such as ``.crt`` and ``.key``.
        address: whom the generation must name.
        cluster: and for which cluster.
        vouched: the signature of the right CA says already whose they are: the links are enough, and ``meta.json``, which
            takes longer to read than all else, stays closed.
    """
    directory, _, name = place.absolute.rpartition("/")
    generation = f".{name}/current"
    targets = {entry: link_target(f"{directory}/{entry}") for entry in names_of(place, suffixes)}
    present = {entry: target for entry, target in targets.items() if target is not None}
    if not present or any(target != f"{generation}/{entry}" for entry, target in present.items()):
        return False
    if vouched:
        return True
    found = read_file(f"{directory}/{generation}/{META_NAME}", limit=_META_LIMIT)
    if not isinstance(found, ReadFile):
        return False
    try:
        meta = msgspec.json.decode(found.data, type=Meta)
    except msgspec.DecodeError:
        return False
    return (meta.cluster, meta.address) == (cluster, address)

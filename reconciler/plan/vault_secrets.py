"""Which secrets of KV a desired state looks after: whole folders where they are its own, else one by one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import chain

import msgspec

from reconciler.desired.model import Bundle, Component, DesiredState, Kubeconfig
from reconciler.desired.place import Place
from reconciler.desired.vault import SCHEME, split_kv

Inside = tuple[str, str, str]
"""Connection, mount, and a path in it."""


class Secrets(msgspec.Struct, frozen=True, kw_only=True):
    """Paths as policies have them: ``+`` stands for one part, a ``*`` at the end for the rest."""

    read: tuple[Inside, ...]
    """Secrets that are only looked at: CAs and keypairs that are made in another view."""
    written: tuple[Inside, ...]
    """Secrets that are looked at and written."""
    folders: tuple[Inside, ...]
    """Folders whose names are listed; without a slash at the end, as a list is asked for. Empty for a whole mount."""


def secrets_in_kv(desired: DesiredState, own_prefix: Collection[str] = ()) -> Secrets:
    """What a token must reach.

    A store below a prefix is this desired state's own, and what has left it must be reached too: all of the prefix. In a
    view of one node that holds where the prefix says which node it is; else, and without a prefix, each secret is named.

    Args:
        desired: whose secrets.
        own_prefix: the stores whose prefix holds ``{node}``.
    """
    whole: dict[str, dict[str, bool]] = {}
    changed: set[str] = set()
    single: dict[Inside, bool] = {}
    folders: dict[Inside, None] = {}
    for place, numbered, written in _places(desired):
        if not place.root.startswith(SCHEME):
            continue
        prefix = split_kv(place.root)[2]
        if prefix and (desired.node is None or place.store in own_prefix):
            roots = whole.setdefault(place.store, {})
            roots[place.root] = roots.get(place.root, False) or numbered
            changed |= {place.store} if written else set()
            continue
        connection, mount, path = split_kv(place.absolute)
        single[connection, mount, path] = written
        if numbered:
            single[connection, mount, f"{path}.g*"] = written
            folders[connection, mount, path.rpartition("/")[0]] = None
    for store, roots in whole.items():
        connection, mount, path = _common(split_kv(root) for root in roots)
        single[connection, mount, f"{path}/*"] = store in changed
        if any(roots.values()):
            folders[connection, mount, path] = folders[connection, mount, f"{path}/*"] = None
    return Secrets(
        read=tuple(sorted(inside for inside, written in single.items() if not written)),
        written=tuple(sorted(inside for inside, written in single.items() if written)),
        folders=tuple(sorted(folders)),
    )


def _places(desired: DesiredState) -> Iterator[tuple[Place, bool, bool]]:
    """Every place, whether generations stand beside it, and whether it is written in this view."""
    for ca in desired.cas.values():
        if not ca.followed or ca.key_in is not None:  # else its key is in the same secret, and nothing here needs it
            yield ca.place, True, ca.creatable
        yield from ((replica.place, True, True) for replica in ca.replicas)
    for keypair in desired.keypairs.values():
        yield from ((replica.place, True, keypair.creatable) for replica in keypair.replicas)
    files: Iterable[Component | Bundle | Kubeconfig] = chain(
        desired.components.values(), desired.bundles.values(), desired.kubeconfigs.values()
    )
    for each in files:
        if (place := each.source or each.place) is not None:
            yield place, False, each.source is None
    yield from ((crl.place, False, True) for crl in desired.crls.values())


def _common(roots: Iterable[Inside]) -> Inside:
    """One path for the roots of a store, which differ in the name of the node."""
    first, *rest = list(roots)
    parts = first[2].split("/")
    for _, _, other in rest:
        parts = [part if part == there else "+" for part, there in zip(parts, other.split("/"), strict=True)]
    return first[0], first[1], "/".join(parts)

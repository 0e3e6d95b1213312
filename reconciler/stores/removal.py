"""Taking published files away."""

from __future__ import annotations

import errno
from collections.abc import Iterable

from reconciler.desired.place import Place
from reconciler.stores.directories import components, inside, parent_of, sync
from reconciler.stores.durable import refuse_special, remove_entry, temporary_name
from reconciler.stores.errors import StoreError, naming
from reconciler.stores.generation import home_of, remove_home, remove_older
from reconciler.stores.publication import names_of


def remove(place: Place, suffixes: Iterable[str]) -> None:
    """Removes a set of files: first the names that readers use, the certificate before its key, then every generation.

    What is gone already is fine, so that an interrupted removal can be repeated.

    Args:
        place: where.
        suffixes: of the published names; an empty one for a single file.

    Raises:
        StoreError: something could not be removed.
    """
    stem = components(place)[-1]
    names = names_of(place, tuple(suffixes))[::-1]
    try:
        with parent_of(place) as parent:
            for name in names:
                refuse_special(parent, name)
            for name in names:
                with naming(parent.child(name)):
                    remove_entry(parent, name)
                    remove_entry(parent, temporary_name(name))
            sync(parent)
            if place.layout == "generations" and names != (stem,):
                remove_home(parent, stem)
                sync(parent)
    except StoreError as error:
        if error.errno != errno.ENOENT:
            raise


def remove_previous(place: Place) -> None:
    """Removes what a place held before its last publication, which is kept for readers that are in the middle of it.

    Args:
        place: whose earlier files nobody may find any more, such as a key that is to be destroyed.

    Raises:
        StoreError: something could not be removed.
    """
    if place.layout != "generations":
        return
    try:
        with parent_of(place) as parent, inside(parent, home_of(components(place)[-1])) as home:
            remove_older(home)
    except StoreError as error:
        if error.errno != errno.ENOENT:
            raise

"""Layout ``generations``: the files of a pair change together, by one rename of one link.

::

    pki/apiserver.key -> .apiserver/current/apiserver.key     made once, the key before the certificate
    pki/apiserver.crt -> .apiserver/current/apiserver.crt
    pki/.apiserver/current -> 000002-5b0f9e1c                 swapped: a link under another name, then a rename
    pki/.apiserver/000002-5b0f9e1c/                           key, certificate, derived files, meta.json
    pki/.apiserver/000001-c41d02aa/                           the generation before, for late readers
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from reconciler.stores import generation
from reconciler.stores.adoption import adopt, in_the_way
from reconciler.stores.directories import DIRECTORY_MODE, Directory, components, inside, make_directory
from reconciler.stores.durable import Content, link_in, read_entry, refuse_special, remove_entry, replace_by_link
from reconciler.stores.errors import StoreError, naming
from reconciler.stores.generation import home_of, link_to, number_of
from reconciler.stores.publication import Meta, Publication, Staged, entry_of, names_of, tag_of
from reconciler.stores.syncing import at_once

#: The current generation and the one before it.
KEPT: Final = 2


def stage(parent: Directory, publication: Publication) -> bool:
    """Writes the files of a new generation; when this returns they are durable, and nobody sees them.

    Returns:
        Whether there will be generations to remove once it is published.

    Raises:
        StoreError: nothing that readers see has changed; `discard` removes what was written.
    """
    stem = components(publication.place)[-1]
    names = names_of(publication.place, tuple(file.suffix for file in publication.files))
    for name in names:
        refuse_special(parent, name)
    with naming(parent.child(home_of(stem))):
        make_directory(parent, home_of(stem), DIRECTORY_MODE)
    with inside(parent, home_of(stem)) as home:
        generation.collect(home)
        # An adoption takes the number between: what stands there now becomes a generation of its own first.
        step = 2 if in_the_way(parent, stem, names) else 1
        number = number_of(generation.current_of(home)) + step
        files = [
            (entry_of(publication.place, file.suffix), Content(file.data, file.mode, publication.uid, publication.gid))
            for file in publication.files
        ]
        meta = Meta(
            address=publication.address,
            cluster=publication.cluster,
            generation=number,
            intent=publication.intent,
            fingerprint=publication.fingerprint,
            created_at=publication.created_at,
        )
        generation.write_generation(home, f"{number:06d}-{tag_of(publication.intent)}", files, meta)
    return number > KEPT


def read(parent: Directory, staged: Staged) -> Mapping[str, Content]:
    """Reads back what was staged, by suffix; what is missing is left out.

    Raises:
        StoreError: it cannot be read.
    """
    stem = components(staged.place)[-1]
    with inside(parent, home_of(stem)) as home, inside(home, _staged_name(home, staged)) as directory:
        found = {suffix: read_entry(directory, entry_of(staged.place, suffix)) for suffix in staged.digests}
    return {suffix: content for suffix, content in found.items() if content is not None}


def publish(parent: Directory, staged: Staged) -> None:
    """Makes a staged generation the one that readers see. Doing it twice is doing it once.

    Raises:
        StoreError: readers see the old generation or the new one, whole.
    """
    stem = components(staged.place)[-1]
    names = names_of(staged.place, staged.digests)
    with inside(parent, home_of(stem)) as home:
        name = _staged_name(home, staged)
        current = generation.current_of(home)
        if number_of(current) > number_of(name):
            raise StoreError(home.path, f"generation {current} is newer than {name}, which was to be published")
        if current != name:
            with at_once():
                adopt(parent, home, stem, names, staged=name)
            _drop_links(parent, stem, (generation.entries_of(home, current) if current else frozenset()).difference(names))
        generation.switch(home, name)
    for entry in names:
        if link_in(parent, entry) != link_to(stem, entry):
            replace_by_link(parent, entry, link_to(stem, entry))


def settle(parent: Directory, staged: Staged) -> None:
    """Tidies up after a durable publication, as far as the disk lets us."""
    with suppress(StoreError), inside(parent, home_of(components(staged.place)[-1])) as home:
        generation.collect(home)


def discard(parent: Directory, staged: Staged) -> None:
    """Removes a staged generation, unless readers see it already; nothing there is fine.

    Raises:
        StoreError: it could not be removed.
    """
    stem = components(staged.place)[-1]
    with inside(parent, home_of(stem)) as home:
        name = generation.find(home, staged.intent)
        if name is not None and name != generation.current_of(home):
            generation.remove_generation(home, name)
    with suppress(OSError):
        os.rmdir(home_of(stem), dir_fd=parent.fd)


def _staged_name(home: Directory, staged: Staged) -> str:
    name = generation.find(home, staged.intent)
    if name is None:
        raise StoreError(home.path, "the staged generation is gone", "run apply again: it will be issued anew")
    return name


def _drop_links(parent: Directory, stem: str, entries: frozenset[str]) -> None:
    """Removes published names that the new generation does not have; before the swap, so that none ever dangles."""
    for entry in sorted(entries):
        if link_in(parent, entry) == link_to(stem, entry):
            with naming(parent.child(entry)):
                remove_entry(parent, entry)

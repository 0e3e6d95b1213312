"""Layout ``plain``: ordinary files, for readers that cannot live with links.

Two files cannot change in one step, so between two renames a new key stands beside the old certificate. The journal
guards that instant: everything is durable under temporary names before the mark that lets recovery roll forward. A file
that would not change is not touched: with the same key only the certificate moves. A single file is this layout with one
file, and has no such instant.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress

from reconciler.desired.place import Place
from reconciler.stores.directories import Directory, components, inside, sync
from reconciler.stores.durable import (
    Content,
    link_in,
    read_entry,
    refuse_special,
    remove_entry,
    temporary_name,
    write_new,
)
from reconciler.stores.errors import StoreError, naming
from reconciler.stores.generation import current_of, entries_of, home_of, link_to, remove_home
from reconciler.stores.publication import OutFile, Publication, Staged, digest_of, entry_of, names_of


def stage(parent: Directory, publication: Publication) -> bool:
    """Writes every file that changes under a temporary name beside its target; durable when this returns.

    Returns:
        True: the pair may have been published in the other layout before.

    Raises:
        StoreError: nothing that readers see has changed; `discard` removes what was written.
    """
    for file in publication.files:
        name = entry_of(publication.place, file.suffix)
        refuse_special(parent, name)
        if file.made_from and link_in(parent, name):
            hint = "name the file that it leads to"
            raise StoreError(parent.child(name), "it is a link, and other people's files are not replaced by ours", hint)
        with naming(parent.child(name)):
            remove_entry(parent, temporary_name(name))
            if not _is_there(parent, name, file, publication):
                write_new(parent, temporary_name(name), Content(file.data, file.mode, publication.uid, publication.gid))
    if len(publication.files) > 1:
        # The mark that lets recovery roll forward may only follow when every name is durable; one file needs no mark.
        sync(parent)
    return True


def read(parent: Directory, staged: Staged) -> Mapping[str, Content]:
    """Reads back, by suffix, what will be there after `publish`; what is missing is left out.

    Raises:
        StoreError: it cannot be read.
    """
    found: dict[str, Content] = {}
    for suffix, digest in staged.digests.items():
        name = entry_of(staged.place, suffix)
        for candidate in (temporary_name(name), name):
            # A link is what this layout replaces, never what it has written.
            content = None if link_in(parent, candidate) else read_entry(parent, candidate)
            if content is not None and digest_of(content.data) == digest:
                found[suffix] = content
                break
    return found


def publish(parent: Directory, staged: Staged) -> None:
    """Renames the temporary files into place, the key first. Doing it twice is doing it once.

    Raises:
        StoreError: before the first rename nothing has changed; after it, `publish` must be called again.
    """
    missing = staged.digests.keys() - read(parent, staged).keys()
    if missing:
        name = entry_of(staged.place, min(missing))
        raise StoreError(parent.child(name), "the staged file is gone", "run apply again: it will be issued anew")
    for suffix, made_from in staged.made_from.items():
        _refuse_changed(parent, entry_of(staged.place, suffix), made_from, staged.digests[suffix])
    for name in names_of(staged.place, staged.digests):
        with naming(parent.child(name)), suppress(FileNotFoundError):
            os.rename(temporary_name(name), name, src_dir_fd=parent.fd, dst_dir_fd=parent.fd)


def _refuse_changed(parent: Directory, name: str, made_from: str, becomes: str) -> None:
    """Somebody else writes this file, too: what came between is not lost."""
    found = read_entry(parent, name)
    if digest_of(found.data if found is not None else b"") not in {made_from, becomes}:
        hint = "do it again: it is put together from what is there now"
        raise StoreError(parent.child(name), "it was changed while it was written", hint)


def settle(parent: Directory, staged: Staged) -> None:
    """Removes the generations of a pair that was published in the other layout before, and links that would dangle then."""
    stem = components(staged.place)[-1]
    with suppress(StoreError):
        with suppress(StoreError), inside(parent, home_of(stem)) as home:
            current = current_of(home)
            former = entries_of(home, current) if current else frozenset()
            for entry in sorted(former):
                if link_in(parent, entry) == link_to(stem, entry):
                    with naming(parent.child(entry)):
                        remove_entry(parent, entry)
        remove_home(parent, stem)


def discard(parent: Directory, staged: Staged) -> None:
    """Removes the temporary files; nothing there is fine.

    Raises:
        StoreError: one could not be removed.
    """
    stem = components(staged.place)[-1]
    with naming(parent.child(stem)):
        for name in names_of(staged.place, staged.digests) or _waiting(parent, staged.place):
            remove_entry(parent, temporary_name(name))


def _waiting(parent: Directory, place: Place) -> list[str]:
    """The targets for which a temporary file waits: for a run that died before it could say which it had written."""
    start, end = temporary_name("\0").split("\0")
    targets = [name[len(start) : -len(end)] for name in os.listdir(parent.fd) if name.startswith(start) and name.endswith(end)]
    stem, pair = components(place)[-1], names_of(place, (".key", ".crt"))
    return [target for target in targets if target in {stem, *pair} or target.startswith(f"{stem}.")]


def _is_there(parent: Directory, name: str, file: OutFile, publication: Publication) -> bool:
    """Whether the target already is what it is to become: content, mode and owner."""
    if link_in(parent, name):
        return False
    present = None
    # What cannot be read is not the same; it can still be replaced.
    with suppress(StoreError):
        present = read_entry(parent, name, limit=len(file.data))
    return present is not None and present == Content(
        file.data,
        file.mode,
        present.uid if publication.uid is None else publication.uid,
        present.gid if publication.gid is None else publication.gid,
    )

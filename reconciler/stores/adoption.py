"""From ordinary files to generations without a window: a reader finds the same bytes at every instant.

What stands at the published names becomes a generation of its own and the current one; then each file is replaced by its
link, the key first; only after that may the new generation take over.
"""

from __future__ import annotations

import msgspec

from reconciler.stores.directories import Directory, sync
from reconciler.stores.durable import link_in, read_entry, replace_by_link
from reconciler.stores.generation import current_of, link_to, number_of, read_meta, switch, write_generation
from reconciler.stores.publication import tag_of
from reconciler.stores.read import LIMIT


def in_the_way(parent: Directory, stem: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """The published names at which something else than our link stands.

    Raises:
        StoreError: a name cannot be looked at.
    """
    return tuple(name for name in names if link_in(parent, name) not in {None, link_to(stem, name)})


def adopt(parent: Directory, home: Directory, stem: str, names: tuple[str, ...], *, staged: str) -> None:
    """Makes a generation of what readers see now, and links of the ordinary files; does nothing when all are links.

    Args:
        parent: where the published names stand.
        home: the pair's hidden directory.
        stem: name of the pair.
        names: that readers use, the key's first.
        staged: the generation that is about to take over; the adopted one gets the number before it.

    Raises:
        StoreError: readers still see what they saw.
    """
    foreign = in_the_way(parent, stem, names)
    if not foreign:
        return
    meta = read_meta(home, staged)
    number = number_of(staged) - 1
    name = f"{number:06d}-{tag_of(f'before {meta.intent}')}"
    visible = [
        (entry, content) for entry in names if (content := read_entry(parent, entry, follow=True, limit=LIMIT)) is not None
    ]
    # After a crash in here the adopted generation may be the current one already, with some links still missing.
    if current_of(home) != name:
        adopted = msgspec.structs.replace(meta, generation=number, fingerprint="", adopted=True)
        write_generation(home, name, visible, adopted)
        switch(home, name)
    present = {entry for entry, _ in visible}
    for entry in foreign:
        if entry in present:
            replace_by_link(parent, entry, link_to(stem, entry))
    sync(parent)

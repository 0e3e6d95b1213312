"""Publishing sets of files so that they change together and survive a crash: stage, verify, commit.

A caller stages (any number, in any threads), reads back and verifies, marks the journal, then commits. Until `commit` no
reader sees anything; after it every file is durable.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Final, Protocol, TypeVar

from reconciler.desired.place import Place
from reconciler.stores import generations, plain
from reconciler.stores.access import set_access
from reconciler.stores.directories import Directory, components, parent_of, sync, sync_path
from reconciler.stores.durable import Content
from reconciler.stores.errors import PartlyCommittedError, StoreError
from reconciler.stores.publication import OutFile, Publication, Staged, digest_of
from reconciler.stores.removal import remove, remove_previous
from reconciler.stores.syncing import together

__all__ = [
    "OutFile",
    "Publication",
    "Staged",
    "commit",
    "commit_all",
    "discard",
    "read_back",
    "remove",
    "remove_previous",
    "set_access",
    "stage",
    "stage_all",
]


class Layout(Protocol):
    """How the files of a publication stand on disk."""

    def stage(self, parent: Directory, publication: Publication) -> bool:
        """Writes everything durably under names that no reader looks at; says whether `settle` will have work."""
        ...

    def read(self, parent: Directory, staged: Staged) -> Mapping[str, Content]:
        """Reads back what was staged, by suffix."""
        ...

    def publish(self, parent: Directory, staged: Staged) -> None:
        """Makes it visible; the parent's own entries need not be durable yet. Can be repeated."""

    def settle(self, parent: Directory, staged: Staged) -> None:
        """Tidies up once all is durable; never fails."""

    def discard(self, parent: Directory, staged: Staged) -> None:
        """Removes what was staged and is not visible."""


LAYOUTS: Final[Mapping[str, Layout]] = MappingProxyType({"generations": generations, "plain": plain})

#: From so many publications on, whole file systems are synced instead of every file and directory.
MANY: Final = 16

_In = TypeVar("_In")
_Out = TypeVar("_Out")


def stage(publication: Publication) -> Staged:
    """Writes the files of a publication where no reader looks; durable when this returns.

    Staging an intent again overwrites what the first attempt left.

    Raises:
        StoreError: a directory is not safe, something is in the way, or the disk refused. Nothing visible has changed,
            and what was written is removed as far as the disk lets us.
    """
    staged = Staged(
        intent=publication.intent,
        place=publication.place,
        digests={file.suffix: digest_of(file.data) for file in publication.files},
        uid=publication.uid,
        made_from={file.suffix: file.made_from for file in publication.files if file.made_from},
    )
    try:
        with parent_of(publication.place, create=True, owner=publication.uid) as parent:
            tidy = _layout(staged).stage(parent, publication)
            _refuse_altered(_layout(staged).read(parent, staged), publication, staged)
    except StoreError:
        discard(staged)
        raise
    return replace(staged, tidy=tidy)


def read_back(staged: Staged) -> Mapping[str, bytes]:
    """The content of every staged file, from disk, by suffix.

    Raises:
        StoreError: a file is missing or is not what was staged.
    """
    with parent_of(staged.place, owner=staged.uid) as parent:
        found = _layout(staged).read(parent, staged)
    for suffix, digest in staged.digests.items():
        if suffix not in found or digest_of(found[suffix].data) != digest:
            path = staged.place.file(suffix)
            raise StoreError(path, "what was written is not there any more")
    return {suffix: content.data for suffix, content in found.items()}


def commit(staged: Staged) -> tuple[str, ...]:
    """Makes one publication visible, durably.

    Returns:
        The absolute paths that readers use.

    Raises:
        StoreError: see `commit_all`.
    """
    try:
        commit_all([staged])
    except PartlyCommittedError as error:
        raise error.failed[staged.intent] from error
    return tuple(staged.place.file(suffix) for suffix in staged.digests)


def stage_all(publications: Sequence[Publication]) -> list[Staged | StoreError]:
    """Stages many publications; one that fails stops no other.

    Returns:
        For each publication what is staged and durable, or why it is not.
    """
    with ExitStack() as stack:
        if len(publications) >= MANY:
            stack.enter_context(together())
        results = [_result(stage, publication) for publication in publications]
        staged = [result for result in results if isinstance(result, Staged)]
        try:
            stack.close()
        except StoreError as error:
            for one in staged:
                discard(one)
            return [error if isinstance(result, Staged) else result for result in results]
    return results


def commit_all(staged: Sequence[Staged]) -> None:
    """Makes publications visible, and durable with one sync for each directory that they share.

    1. each publication is switched to its staged files (a reader sees old or new, whole);
    2. every directory from the roots down to the published names is synced, once;
    3. older generations are removed.

    A publication that fails stops no other. One that failed here may be visible without being durable: it must stay
    open in the journal, and recovery calls this again.

    Args:
        staged: what is durable and verified.

    Raises:
        PartlyCommittedError: with the error of each that failed; all others are published and durable.
    """
    failed: dict[str, StoreError] = {}
    many = len(staged) >= MANY
    with ExitStack() as stack:
        if many:
            stack.enter_context(together())
        for one in staged:
            problem = _result(partial(_publish, sync_parent=many), one)
            if problem is not None:
                failed[one.intent] = problem
        # The file systems that are synced as a whole leave no directory out.
        visible = () if many else [one for one in staged if one.intent not in failed]
        chains = {one.intent: _chain(one.place) for one in visible}
        directories = dict.fromkeys(directory for chain in chains.values() for directory in chain)
        unsynced = {directory: _result(_sync, directory) for directory in directories}
        for intent, chain in chains.items():
            problem = next((error for directory in chain if (error := unsynced[directory])), None)
            if problem is not None:
                failed[intent] = problem
        try:
            stack.close()
        except StoreError as error:
            failed = {one.intent: failed.get(one.intent, error) for one in staged}
    for one in staged:
        if one.tidy and one.intent not in failed:
            _settle(one)
    if failed:
        raise PartlyCommittedError(failed, len(staged))


def discard(staged: Staged) -> None:
    """Removes what was staged and is not visible, as far as the disk lets us; the next publication collects the rest.

    Without digests nothing is known of the files but their place and intent; then both layouts are looked through.
    """
    for layout in [_layout(staged)] if staged.digests else LAYOUTS.values():
        with suppress(StoreError), parent_of(staged.place, owner=staged.uid) as parent:
            layout.discard(parent, staged)


def _layout(staged: Staged) -> Layout:
    """A single file has nothing to be kept together with: it is always an ordinary file."""
    return LAYOUTS["plain" if tuple(staged.digests) == ("",) else staged.place.layout]


def _refuse_altered(found: Mapping[str, Content], publication: Publication, staged: Staged) -> None:
    """Compares what is on disk with what was asked: some file systems keep neither modes nor owners."""
    for file in publication.files:
        path = publication.place.file(file.suffix)
        content = found.get(file.suffix)
        if content is None or digest_of(content.data) != staged.digests[file.suffix]:
            raise StoreError(path, "what was read back is not what was written", "check the disk and the kernel log")
        if content.mode != file.mode or publication.uid not in {None, content.uid} or publication.gid not in {None, content.gid}:
            raise StoreError(
                path, "the file system does not keep the mode or owner of files", "choose a store on a POSIX file system"
            )


def _publish(staged: Staged, *, sync_parent: bool) -> None:
    with parent_of(staged.place, owner=staged.uid) as parent:
        _layout(staged).publish(parent, staged)
        if sync_parent:
            sync(parent)


def _sync(directory: tuple[str, tuple[str, ...]]) -> None:
    sync_path(*directory)


def _settle(staged: Staged) -> None:
    with suppress(StoreError), parent_of(staged.place, owner=staged.uid) as parent:
        _layout(staged).settle(parent, staged)


def _chain(place: Place) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The root and every directory down to the published names.

    A directory may have been made by a run that died before its sync, so being there is not enough.
    """
    names = components(place)[:-1]
    return tuple((place.root, names[:depth]) for depth in range(len(names) + 1))


def _result(work: Callable[[_In], _Out], item: _In) -> _Out | StoreError:
    """What came of one piece of work: its result, or why there is none."""
    try:
        return work(item)
    except StoreError as error:
        return error

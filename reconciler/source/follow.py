"""What the reconciler asks of a source that it follows for a long time."""

from __future__ import annotations

from typing import Protocol

import msgspec

from reconciler.desired.source import Source
from reconciler.source.revision import Revision


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """One revision, and the files it consists of."""

    revision: Revision
    source: Source
    """Gives the same bytes whenever it is asked, until the next `FollowedSource.open` or `FollowedSource.close`."""


class FollowedSource(Protocol):
    """A commit or a directory that changes while we look. Used from one thread."""

    def poll(self) -> str:
        """A word that changes when the source may have changed; cheap, starts no process.

        Raises:
            SourceError: there is nothing to follow at the moment.
        """
        ...

    def open(self, last: Revision | None, *, allow_rollback: bool) -> Opened:
        """The revision that stands there now, checked.

        Args:
            last: the last good revision; a commit must follow from it. None when there is none.
            allow_rollback: accept an older commit, or one that does not follow from the last.

        Raises:
            SourceError: it may not be acted on.
        """
        ...

    def watched(self) -> tuple[str, ...]:
        """Paths whose change may mean a new revision; the last component may be a glob. Never raises."""
        ...

    def release(self) -> None:
        """Ends the processes that reading needed. What was opened can still be read; they are started again then."""
        ...

    def close(self) -> None:
        """Ends everything and removes what was written for the purpose."""
        ...

"""The desired state as it was committed: follows a ref of a repository that may belong to anybody, and only reads.

The numbered steps are those of `GitSource.open`.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from reconciler.source.advance import advance
from reconciler.source.ancestry import relation
from reconciler.source.commit import CommitSource
from reconciler.source.follow import Opened
from reconciler.source.git_format import Commit, MalformedObjectError, parse_commit, parse_tag
from reconciler.source.git_layout import Repository, find_repository
from reconciler.source.git_objects import Objects
from reconciler.source.git_refs import ref_files, resolve
from reconciler.source.programs import Workshop
from reconciler.source.revision import Revision, SourceError, shortened
from reconciler.source.signatures import Signer, Verifier, refuse_signers_of_repository

_OBJECT_LIMIT: Final = 4 << 20
"""Bytes of a commit or tag; its message is most of it."""
_MAX_TAGS: Final = 5
"""A tag may stand for a tag."""


def _utc_now() -> datetime:
    return datetime.now(tz=UTC)


class GitSource:
    """A ref of a repository, and the main file in the commits that it points at."""

    def __init__(
        self,
        directory: str,
        *,
        path: str = "cluster-pki.yaml",
        ref: str = "HEAD",
        verifier: Verifier | None = None,
        environ: Mapping[str, str],
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        """Takes what to follow; nothing is read yet.

        Args:
            directory: a checkout, a directory in one, a bare repository, a worktree or a link to one.
            path: the main file, relative to that directory.
            ref: ``HEAD``, a branch, a tag, or all digits of a commit.
            verifier: checks signatures; None takes unsigned commits.
            environ: for ``PATH``, ``TZ`` and ``TMPDIR``.
            clock: gives the time at which signing keys must be valid, aware.
        """
        self.location: Final = os.path.abspath(directory)
        self._path: Final = path
        self._ref: Final = ref
        self._verifier: Final = verifier
        self._environ: Final = environ
        self._clock: Final = clock
        self._workshop: Workshop | None = None
        self._objects: Objects | None = None
        self._peeled: dict[str, str] = {}

    def poll(self) -> str:
        """The commit that the ref points at, read from files alone.

        Of an annotated tag that was never opened it is the tag's own name.

        Raises:
            SourceError: there is no repository or no such ref.
        """
        target = resolve(find_repository(self.location), self._ref)
        return self._peeled.get(target, target)

    def open(self, last: Revision | None, *, allow_rollback: bool) -> Opened:
        """The commit that the ref points at, checked, and its files.

        Raises:
            SourceError: it cannot be read, its signature does not count, or it does not follow from the last one.
        """
        # 1. Find the repository and the ref, by files.
        repository = find_repository(self.location)
        target = resolve(repository, self._ref)
        inside = self._inside(repository)
        # 2. Read the commit and check it against its name.
        objects = self._objects_of(repository, digits=len(target))
        name, commit = self._commit(objects, target)
        # 3. Check who signed.
        signer = self._verified(repository, commit, name)
        # 4. Check that it follows from the last good one.
        note = self._follows(objects, last, name, allow_rollback=allow_rollback)
        revision = Revision(
            kind="git",
            id=name,
            location=self.location,
            path=inside,
            ref=self._ref,
            signed=signer is not None,
            signer=signer.name if signer else "",
            key=signer.key if signer else "",
            note=note,
        )
        # 5. From here on only what this commit names is read, object by object.
        return Opened(revision=revision, source=CommitSource(objects, commit=name, tree=commit.tree, path=inside))

    def watched(self) -> tuple[str, ...]:
        """The directory, and the files that change when the ref does."""
        own = (os.path.join(self.location, ".git"), os.path.join(self.location, "HEAD"))
        trust = self._verifier.trusted if self._verifier else ()
        try:
            repository = find_repository(self.location)
            return (*own, *ref_files(repository, self._ref), *trust)
        except SourceError:
            return (*own, *trust)

    def release(self) -> None:
        """Ends the git process that reads objects; it is started again when it is needed."""
        if self._objects is not None:
            self._objects.release()

    def close(self) -> None:
        """Ends the git process and removes the private directory."""
        self.release()
        workshop, self._workshop, self._objects = self._workshop, None, None
        if workshop is not None:
            workshop.close()

    def _inside(self, repository: Repository) -> str:
        """The main file inside the repository."""
        joined = posixpath.normpath(posixpath.join(repository.prefix, self._path))
        if posixpath.isabs(self._path) or joined.startswith("../") or joined in {"..", "."}:
            raise SourceError(
                reason="RepositoryNotFound",
                message=f"{self._path!r} is no file inside the repository",
                hint="--path is relative to the directory of --git",
                retryable=False,
            )
        return joined

    def _objects_of(self, repository: Repository, *, digits: int) -> Objects:
        if self._workshop is None or not os.path.isdir(self._workshop.directory):
            self.close()
            self._workshop = Workshop(environ=self._environ, avoid=repository.roots)
        if self._objects is None or (self._objects.store, self._objects.digits) != (repository.objects, digits):
            self.release()
            self._objects = Objects(store=repository.objects, digits=digits, workshop=self._workshop)
        return self._objects

    def _commit(self, objects: Objects, target: str) -> tuple[str, Commit]:
        """The commit that a ref stands for, through annotated tags."""
        name = target
        for _ in range(_MAX_TAGS):
            found = objects.read(name, limit=_OBJECT_LIMIT)
            if found is None or found.data is None:
                raise _unreadable(name, "is missing in the repository, damaged, or far too large")
            try:
                if found.kind == "commit":
                    self._peeled = {target: name}
                    return name, parse_commit(found.data, digits=len(name))
                _, name = parse_tag(found.data) if found.kind == "tag" else (found.kind, "")
            except MalformedObjectError:
                raise _unreadable(name, "is malformed") from None
            if not name:
                break
        raise _unreadable(target, "is no commit")

    def _verified(self, repository: Repository, commit: Commit, name: str) -> Signer | None:
        if self._verifier is None or self._workshop is None:
            return None
        refuse_signers_of_repository(self._verifier, repository.roots)
        try:
            return self._verifier.verify(commit, workshop=self._workshop, now=self._clock())
        except SourceError as error:
            message = f"commit {shortened(name)}: {error.message}"
            raise SourceError(reason=error.reason, message=message, hint=error.hint, retryable=error.retryable) from None

    def _follows(self, objects: Objects, last: Revision | None, name: str, *, allow_rollback: bool) -> str:
        # Another directory or another ref is somebody's choice on the command line, not a push.
        if last is None or (last.kind, last.location, last.ref) != ("git", self.location, self._ref):
            return ""

        def find(wanted: str) -> Commit | None:
            if len(wanted) != objects.digits:
                return None
            found = objects.read(wanted, limit=_OBJECT_LIMIT)
            if found is None or found.data is None or found.kind != "commit":
                return None
            try:
                return parse_commit(found.data, digits=len(wanted))
            except MalformedObjectError:
                return None

        return advance(
            ref=self._ref,
            last=last.id,
            new=name,
            relation=relation(last.id, name, find),
            signed=self._verifier is not None,
            allow_rollback=allow_rollback,
        )


def _unreadable(name: str, what: str) -> SourceError:
    return SourceError(
        reason="CommitUnreadable",
        message=f"object {shortened(name)} {what}",
        hint="fetch again (a partial clone does not hold everything); `git fsck` in the repository says more",
    )

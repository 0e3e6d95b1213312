"""Where the desired state is read from: a file as it stands, or a commit of a repository."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from reconciler.cli.options import UsageError
from reconciler.passes.session import Session, new_session

if TYPE_CHECKING:
    from reconciler.desired.source import Source
    from reconciler.plan.status_document import SourceStatus
    from reconciler.source.follow import FollowedSource
    from reconciler.source.revision import Revision
    from reconciler.source.signatures import Verifier

#: The main file of a repository when nobody says otherwise.
DEFAULT_FILE = "cluster-pki.yaml"


def add_source(parser: argparse.ArgumentParser) -> None:
    """Adds the options that say which commit is read, and whose."""
    group = parser.add_argument_group("source")
    group.add_argument("--git", default=None, metavar="DIR", help="read a commit of this repository, never its work tree")
    group.add_argument("--path", default=None, metavar="FILE", help=f"with --git: the main file in it (default {DEFAULT_FILE})")
    group.add_argument("--ref", default=None, metavar="REF", help="with --git: branch, tag or commit (default HEAD)")
    group.add_argument(
        "--worktree", action="store_true", help="read files as they stand: a plain directory, a ConfigMap, uncommitted changes"
    )
    group.add_argument(
        "--verify-signatures",
        default=None,
        metavar="FILE",
        help="only commits that an SSH key in this allowed-signers file has signed",
    )
    group.add_argument(
        "--verify-keyring", default=None, metavar="FILE", help="only commits that an OpenPGP key in this keyring has signed"
    )
    group.add_argument(
        "--allow-rollback", action="store_true", help="accept a commit that does not follow from the last good one"
    )


def session_from(arguments: argparse.Namespace) -> Session:
    """The desired state that the options name, read once; with ``--git`` from a commit that may be acted on.

    Raises:
        UsageError: options that contradict each other.
        SourceError: there is no commit that may be acted on.
        InvalidDesiredStateError: with every mistake.
    """
    if not _wants_followed(arguments):
        with reading(arguments) as source:
            return _session(arguments, source, None)
    from reconciler.passes.last_good import recall  # noqa: PLC0415 - most commands read a file as it stands

    followed, origin = followed_source(arguments)
    try:
        opened = followed.open(None, allow_rollback=True)
        session = _session(arguments, opened.source, opened.revision)
        last = recall(session.state, origin=origin)
        if last is not None:
            # Only now it is known where the records are: what they say is in force must not be rolled back. It is read
            # once more, because the branch may have moved since.
            opened = followed.open(last.revision, allow_rollback=arguments.allow_rollback)
            session = _session(arguments, opened.source, opened.revision)
    finally:
        followed.close()
    return session


@contextmanager
def reading(arguments: argparse.Namespace) -> Iterator[Source]:
    """The files that the options name, to be read once.

    Raises:
        UsageError: options that contradict each other.
        SourceError: there is no commit that may be acted on.
    """
    if not _wants_followed(arguments):
        from reconciler.source.directory import DirectorySource  # noqa: PLC0415 - one of two ways

        yield DirectorySource(arguments.file)
        return
    followed, _ = followed_source(arguments)
    try:
        yield followed.open(None, allow_rollback=True).source
    finally:
        followed.close()


def _session(arguments: argparse.Namespace, source: Source, revision: Revision | None) -> Session:
    return new_session(
        source,
        node=arguments.node,
        root=os.path.abspath(arguments.root) if arguments.root else "",
        state_dir=arguments.state_dir,
        environ=os.environ,
        revision=revision,
    )


def followed_source(arguments: argparse.Namespace) -> tuple[FollowedSource, SourceStatus]:
    """The source that the options name, and the same in words.

    Without ``--git`` it is the repository that holds the file, or the file as it stands where there is none.

    Raises:
        UsageError: options that contradict each other.
        SourceError: there is no repository.
    """
    from reconciler.plan.status_document import SourceStatus  # noqa: PLC0415 - only here
    from reconciler.source.worktree import WorktreeSource  # noqa: PLC0415 - only here

    verifier = _verifier(arguments)
    if arguments.path is not None and arguments.git is None:
        msg = "--path needs a repository: add --git DIR, or name the file with --file"
        raise UsageError(msg)
    if arguments.worktree or (arguments.git is None and not _is_in_repository(arguments.file)):
        if verifier is not None:
            msg = "files as they stand have no signature: --verify-signatures and --verify-keyring need a commit (--git DIR)"
            raise UsageError(msg)
        if arguments.ref is not None:
            msg = "--ref names a commit, and files as they stand are none"
            raise UsageError(msg)
        path = os.path.join(arguments.git, _main_file(arguments)) if arguments.git else arguments.file
        directory, name = os.path.split(os.path.abspath(path))
        return WorktreeSource(path), SourceStatus(kind="directory", location=directory, path=name)
    from reconciler.source.git import GitSource  # noqa: PLC0415 - only here

    directory = os.path.abspath(arguments.git if arguments.git is not None else os.path.dirname(arguments.file) or ".")
    path = _main_file(arguments) if arguments.git is not None else os.path.basename(arguments.file)
    ref = arguments.ref or "HEAD"
    source = GitSource(directory, path=path, ref=ref, verifier=verifier, environ=os.environ)
    return source, SourceStatus(kind="git", location=directory, path=path, ref=ref)


def verifies(arguments: argparse.Namespace) -> bool:
    """Whether signatures are asked for."""
    return arguments.verify_signatures is not None or arguments.verify_keyring is not None


def _wants_followed(arguments: argparse.Namespace) -> bool:
    """Whether a command that reads once was asked for a commit, or for what only the reconciler's sources do."""
    if arguments.git is None and not arguments.worktree:
        needless = [
            option
            for option, given in (
                ("--path", arguments.path is not None),
                ("--ref", arguments.ref is not None),
                ("--verify-signatures", arguments.verify_signatures is not None),
                ("--verify-keyring", arguments.verify_keyring is not None),
            )
            if given
        ]
        if needless:
            msg = f"{needless[0]} needs a repository: add --git DIR"
            raise UsageError(msg)
        return False
    return True


def _main_file(arguments: argparse.Namespace) -> str:
    path: str = arguments.path or arguments.file
    if os.path.isabs(path):
        msg = f"--path {path}: give it as it stands in the repository, such as {DEFAULT_FILE}"
        raise UsageError(msg)
    return path


def _verifier(arguments: argparse.Namespace) -> Verifier | None:
    if not verifies(arguments):
        return None
    from reconciler.source.signatures import GpgVerifier, SshVerifier  # noqa: PLC0415 - only here

    if arguments.verify_signatures is not None and arguments.verify_keyring is not None:
        msg = "--verify-signatures and --verify-keyring: one kind of signature is enough"
        raise UsageError(msg)
    if arguments.verify_signatures is not None:
        return SshVerifier(os.path.abspath(arguments.verify_signatures))
    return GpgVerifier(os.path.abspath(arguments.verify_keyring))


def _is_in_repository(file: str) -> bool:
    """Whether a directory above the file holds a ``.git``."""
    directory = os.path.dirname(os.path.abspath(file))
    while not os.path.lexists(os.path.join(directory, ".git")):
        parent = os.path.dirname(directory)
        if parent == directory:
            return False
        directory = parent
    return True

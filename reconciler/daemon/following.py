"""The desired state in force: the newest that is right, and why a newer one is not acted on."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import msgspec

from reconciler.apply.state import StateDirectory, StateError
from reconciler.daemon.conditions import Refused
from reconciler.daemon.settings import Settings
from reconciler.desired.diagnostics import InvalidDesiredStateError, Severity
from reconciler.desired.model import DesiredState
from reconciler.desired.source import Source
from reconciler.passes import last_good
from reconciler.passes.session import Session, new_session
from reconciler.plan.status_document import SourceStatus
from reconciler.source.follow import FollowedSource
from reconciler.source.revision import Revision, SourceError
from reconciler.stores.errors import StoreError

if TYPE_CHECKING:
    from reconciler.vault.clients import Clients

_log: Final = logging.getLogger(__name__)

_SHOWN: Final = 3
#: Reasons that only another commit, or a person, can end.
_ABOUT_A_COMMIT: Final = frozenset(
    {
        *("Unsigned", "UnknownSigner", "SignatureExpired", "SignatureRevoked", "SignatureInvalid"),
        *("RolledBack", "ForcePushed", "AncestryUnknown", "UnsafeEntry"),
    }
)


class Following:
    """Follows a source. What it holds changes only for a desired state that was read, verified and expanded whole."""

    def __init__(self, source: FollowedSource, settings: Settings, *, origin: SourceStatus) -> None:
        """Takes up the last good desired state of an earlier process, where it is known to be.

        Args:
            source: what is followed.
            settings: how to run.
            origin: the source in words: kind, location, path, ref.
        """
        self._source: Final = source
        self._origin: Final = origin
        self._settings: Final = settings
        self._token = ""
        self._refused: Refused | None = None
        self.session: Session | None = None
        """What is in force; None until there is something."""
        self.revision: Revision | None = None
        self.before: DesiredState | None = None
        """What was in force before the last change of it; taken by `take_before`."""
        self.attempted = ""
        """The revision that was looked at last."""
        self._clients: Clients | None = None
        if settings.state_dir:
            self._recall(StateDirectory(settings.state_dir))

    def refresh(self, *, whole: bool) -> Refused | None:
        """Takes over a new desired state when there is one.

        Args:
            whole: look at it even when nothing seems to have changed.

        Returns:
            Why the newest is not acted on; None when it is in force.
        """
        try:
            token = self._source.poll()
            if token == self._token and not whole:
                return self._refused
            self._token = token
            refused = self._take_over(token)
        except SourceError as error:
            # What is wrong with a commit stays wrong; anything else may pass by itself, and is asked again the next time.
            self._token = self._token if error.reason in _ABOUT_A_COMMIT else ""
            refused = _by_source(error)
        if refused is not None and self.session is None and not self._settings.state_dir:
            self._search()
        if refused is not None and self.session is not None and refused.stalled:
            kept = f"{refused.message} The last good revision stays in force."
            refused = msgspec.structs.replace(refused, message=kept)
        if refused is not None and refused != self._refused:
            _log.warning("the desired state at %s is not acted on: %s", self.attempted or "its source", refused.message)
        self._refused = refused
        return refused

    def moved(self) -> bool:
        """Whether a cheap look shows something else than the last time."""
        try:
            return self._source.poll() != self._token
        except SourceError:
            return self._refused is None

    def describe(self) -> SourceStatus:
        """Where the desired state comes from, for the status."""
        return msgspec.structs.replace(
            self._origin,
            last_applied_revision=self.revision.id if self.revision else "",
            last_attempted_revision=self.attempted,
            signer=self.revision.signer if self.revision else "",
        )

    def take_before(self) -> DesiredState | None:
        """What was in force before, once for each change."""
        before, self.before = self.before, None
        return before

    def _take_over(self, token: str) -> Refused | None:
        self.attempted = token
        opened = self._source.open(self.revision, allow_rollback=self._settings.allow_rollback)
        self.attempted = opened.revision.id
        if self.session is not None and self.revision is not None and opened.revision.id == self.revision.id:
            return None
        try:
            session = self._open(opened.source, opened.revision)
            if self.revision is None and self._recall(session.state):
                # Only now it is known where the records are: what they say is in force must not be rolled back. It is read
                # once more, because the branch may have moved since.
                opened = self._source.open(self.revision, allow_rollback=self._settings.allow_rollback)
                self.attempted = opened.revision.id
                session = self._open(opened.source, opened.revision)
        except InvalidDesiredStateError as error:
            return _by_diagnostics(error)
        except StoreError as error:
            return Refused(reason="StateUnusable", message=f"{error.advice}.", stalled=not error.retryable)
        if self.session is not None and session.compiled.state.cluster != self.session.compiled.state.cluster:
            names = f'"{self.session.compiled.state.cluster}" to "{session.compiled.state.cluster}"'
            message = f"The cluster's name changed from {names}: start another reconciler for another cluster."
            return Refused(reason="ClusterChanged", message=message)
        self.before = self.session.compiled.state if self.session is not None else None
        self.session, self.revision = session, opened.revision
        if opened.revision.note:
            _log.warning("%s", opened.revision.note)
        try:
            last_good.keep(session, origin=self._origin)
        except StoreError as error:
            _log.warning("the desired state cannot be kept for the next start: %s", error.advice)
        return None

    def _open(self, source: Source, revision: Revision) -> Session:
        settings = self._settings
        session = new_session(
            source,
            node=settings.node,
            root=settings.root,
            state_dir=settings.state_dir,
            environ=settings.environ,
            revision=revision,
            clients=self._clients,
        )
        self._clients = session.clients or self._clients
        return session

    def close(self) -> None:
        """Gives back what servers gave to this process."""
        if self._clients is not None:
            self._clients.close()

    def _search(self) -> None:
        """Without a desired state nobody knows the cluster, whose name says where the records are: it looks at all of them."""
        places = last_good.default_places(root=self._settings.root, environ=self._settings.environ)
        fitting = [state for state in places if last_good.recall(state, origin=self._origin) is not None]
        if len(fitting) == 1:  # of two nobody knows which is meant
            self._recall(fitting[0])

    def _recall(self, state: StateDirectory) -> bool:
        """Takes up the last good desired state of an earlier process; whether there was one that may be acted on."""
        snapshot = last_good.recall(state, origin=self._origin)
        if snapshot is None:
            return False
        if self._settings.verifies and not snapshot.revision.signed:
            _log.warning("the last good desired state is not used: nobody has checked its signature")
            return False
        try:
            self.session = self._open(snapshot, snapshot.revision)
        except (InvalidDesiredStateError, StateError) as error:
            _log.warning("the last good desired state is not used: %s", error)
            return False
        self.revision = snapshot.revision
        return True


def _by_source(error: SourceError) -> Refused:
    message = f"{error.message}; {error.hint}" if error.hint else error.message
    stalled = error.reason in _ABOUT_A_COMMIT or not error.retryable
    return Refused(reason=error.reason, message=f"{message}.", stalled=stalled)


def _by_diagnostics(error: InvalidDesiredStateError) -> Refused:
    errors = [each for each in error.diagnostics if each.severity is Severity.ERROR]
    shown = []
    for each in errors[:_SHOWN]:
        place = f"{each.span.file}:{each.span.line}:{each.span.column}: " if each.span else ""
        shown.append(f"{place}{each.message} [{each.code}]")
    rest = len(errors) - _SHOWN
    message = "; ".join(shown) + (f"; and {rest} more mistakes" if rest > 0 else "")
    return Refused(reason="DesiredStateInvalid", message=f"{message}.")

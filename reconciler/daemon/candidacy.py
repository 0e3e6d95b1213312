"""One of several reconcilers that see the same: whether it acts now, and who does otherwise."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from reconciler.daemon.role import ONLY_ONE, Role
from reconciler.desired.vault import Connection, Lock
from reconciler.passes.leading import renewed, view_of
from reconciler.passes.session import Session
from reconciler.vault.errors import VaultError

if TYPE_CHECKING:
    from reconciler.vault.election.cluster_lease import ClusterLease, Waiting

#: Seconds between two looks at a lease that somebody else holds.
LOOK_AGAIN: Final = 10.0
_NOTHING: Final = ("", None, None)


class Candidacy:
    """Stands for the lease of whatever desired state is in force, pass after pass."""

    def __init__(self, lease_of: Callable[[Session], ClusterLease | None], *, clock: Callable[[], float]) -> None:
        """Asks for nothing yet.

        Args:
            lease_of: the lease of a desired state, not asked for yet; None where it has no `lock`.
            clock: seconds since boot.
        """
        self._lease_of: Final = lease_of
        self._clock: Final = clock
        self._about: tuple[str, Lock | None, Connection | None] = _NOTHING
        self._lease: ClusterLease | None = None
        self._kept = ExitStack()
        self._acted = False
        self._look_at = 0.0

    def stand(self, session: Session) -> Role:
        """Whether a pass over this desired state may change anything: asked for anew at each."""
        desired = session.compiled.state
        lock = desired.lock
        about = (view_of(desired), lock, desired.connections.get(lock.connection) if lock is not None else None)
        if about != self._about:
            self.close()
            self._lease = self._lease_of(session)
            if self._lease is not None:
                self._kept.enter_context(renewed(self._lease))
            self._about = about
        if self._lease is None:
            return ONLY_ONE
        role = self._ask(self._lease)
        self._acted = role.acts
        return role

    def moved(self) -> bool:
        """Whether another reconciler acts by now than at the last pass: this one, or no longer this one."""
        lease = self._lease
        if lease is None:
            return False
        if self._acted or self._clock() < self._look_at:
            return self._acted and not lease.leads
        return self._ask(lease).acts

    def close(self) -> None:
        """Gives the lease back."""
        self._kept.close()
        self._lease, self._about, self._acted = None, _NOTHING, False

    def _ask(self, lease: ClusterLease) -> Role:
        from reconciler.vault.election.cluster_lease import ForeignLeaseError, Leading  # noqa: PLC0415 - only where there is a `lock`

        self._look_at = self._clock() + LOOK_AGAIN
        try:
            found = lease.attempt()
        except VaultError as error:
            message = f"{error.advice}. Nothing is changed until it is known who acts."
            return Role(acts=False, status="Unknown", reason="LeaseUnknown", message=message)
        except ForeignLeaseError as error:
            return Role(acts=False, status="Unknown", reason="LeaseForeign", message=str(error), stalled=True)
        if isinstance(found, Leading):
            message = f"This reconciler acts for {found.content.view}, since {found.content.since} (turn {found.content.turn})."
            return Role(leadership=lease, reason="HoldsLease", message=message)
        self._look_at = self._clock() + min(LOOK_AGAIN, found.free_in)
        return _follows(found)


def _follows(found: Waiting) -> Role:
    content = found.content
    message = f"{content.who} acts for {content.view}, since {content.since} (turn {content.turn}); this one only looks."
    return Role(acts=False, status="False", reason="HeldByAnother", message=message)

"""The lease of a view: one of several reconcilers acts. Nothing of it is loaded where the desired state has no `lock`."""

from __future__ import annotations

import hashlib
import os
import secrets
import select
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from reconciler.apply.state import StateDirectory
from reconciler.desired.model import DesiredState
from reconciler.passes.session import Session
from reconciler.vault.election.leadership import ALONE, Leadership

if TYPE_CHECKING:
    from reconciler.vault.election.cluster_lease import ClusterLease

#: Looks at a lease within its time: it is renewed after a third of it.
_LOOKS: Final = 12
_BOOT_ID: Final = "/proc/sys/kernel/random/boot_id"


def boot() -> float:
    """Seconds since boot, sleep included: a machine that slept knows that its lease is over (clock_gettime(2))."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _now() -> datetime:
    return datetime.now(UTC)


def _sleep(seconds: float) -> None:
    """For so long, not until a moment; see `reconciler.apply.lock`."""
    select.select((), (), (), seconds)


def identity(state: StateDirectory) -> str:
    """A word that exactly those processes share whom the lock of a state directory keeps apart (flock(2)).

    That is so within one kernel, from its start to its end (random(4): boot_id), for one directory. A copy of the directory,
    and the same directory on another machine, have another word.
    """
    try:
        with open(_BOOT_ID, encoding="ascii") as file:  # noqa: PTH123 - importing pathlib costs more than it gives
            kernel = file.read().strip()
        where = os.stat(state.path)  # noqa: PTH116 - the same
    except OSError:
        return secrets.token_hex(16)  # nobody else's
    return hashlib.sha256(f"{kernel} {where.st_dev} {where.st_ino}".encode()).hexdigest()[:32]


def view_of(desired: DesiredState) -> str:
    """What a lease is about: the cluster, in a view of one node with the node."""
    return f"{desired.cluster}[{desired.node}]" if desired.node else desired.cluster


def lease_of(session: Session, *, clock: Callable[[], float] = boot, now: Callable[[], datetime] = _now) -> ClusterLease | None:
    """The lease of a view, not asked for yet; None where the desired state has no `lock`.

    Args:
        session: the desired state, and how servers are reached.
        clock: seconds that only grow, also while the machine sleeps.
        now: the time, for people.
    """
    desired = session.compiled.state
    lock = desired.lock
    if lock is None or session.clients is None:
        return None
    from reconciler.vault.election.cluster_lease import ClusterLease, Where, Who  # noqa: PLC0415 - most need none
    from reconciler.vault.engines.kv import Kv  # noqa: PLC0415

    return ClusterLease(
        Kv(session.clients.of(desired.connections, lock.connection), lock.mount),
        Where(
            connection=lock.connection,
            mount=lock.mount,
            path=f"{lock.path}/{desired.node}" if desired.node else lock.path,
            ttl=lock.ttl.total_seconds(),
            call=desired.connections[lock.connection].deadline.total_seconds(),
        ),
        Who(id=identity(session.state), host=os.uname().nodename, pid=os.getpid(), view=view_of(desired)),
        clock=clock,
        now=now,
    )


@contextmanager
def renewed(lease: ClusterLease) -> Iterator[None]:
    """Renews a lease while the block runs, and gives it back after it."""
    try:
        with _renewing(lease):
            yield
    finally:
        lease.release()


def _renewing(lease: ClusterLease) -> AbstractContextManager[None]:
    from reconciler.vault.election.renewing import renewing  # noqa: PLC0415 - see above

    return renewing(lease, every=lease.ttl / _LOOKS)


@contextmanager
def leading(session: Session, *, timeout: float, wait: Callable[[float], object] = _sleep) -> Iterator[Leadership]:
    """Holds the lease while the block runs, under the lock of the state directory; without a `lock` nothing happens.

    Where the reconciler of the same state directory holds it, it is taken at once: that one waits for the state lock.

    Args:
        session: the desired state, and how servers are reached.
        timeout: how long to wait for somebody else to end, in seconds.
        wait: sleeps so many seconds.

    Raises:
        LeaseHeldError: somebody else acts.
        VaultError: the server could not be asked.
        ForeignLeaseError: the secret holds something else.
    """
    lease = lease_of(session)
    if lease is None:
        yield ALONE
        return
    lease.acquire(timeout=timeout, wait=wait, stop=lambda: False)
    # A reconciler beside it, with the same state directory, keeps what was its own.
    with _renewing(lease) if lease.shared else renewed(lease):
        yield lease

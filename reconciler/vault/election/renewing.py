"""Renews a lease beside the work, so that a long step, a hook or a night without work does not lose it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from reconciler.vault.election.cluster_lease import ClusterLease

#: Seconds for which the end of a renewal that is under way is waited for.
_PATIENCE: Final = 1.0


@contextmanager
def renewing(lease: ClusterLease, *, every: float) -> Iterator[None]:
    """Renews it when it is due while the block runs. Whether it is still held is asked by whoever works.

    A process that is stopped stops this, too: it keeps alive only what could go on.

    Args:
        lease: held, or to be held in the block.
        every: seconds between two looks.
    """
    over = threading.Event()

    def work() -> None:
        while not over.wait(every):
            lease.keep()

    thread = threading.Thread(target=work, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(_PATIENCE)

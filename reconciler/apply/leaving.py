"""What leaves the inventory, moves inside it or enters it without a new certificate."""

from __future__ import annotations

import posixpath

from reconciler.apply.run import Run
from reconciler.desired.model import Place
from reconciler.plan.build import Work
from reconciler.plan.inventory import Revoked
from reconciler.plan.revocation.lists import LEFT


def destroy(run: Run, work: Work, started: float) -> None:
    """Removes the files of an address that left the desired state.

    Raises:
        StoreError: something could not be removed; the record stays.
    """
    record = run.records[work.address]
    if record.path:
        place = Place(store="", root=record.root, path=record.path, layout=record.layout)
        base = posixpath.basename(record.path)
        suffixes = tuple(posixpath.basename(path).removeprefix(base) for path in record.paths)
        run.store.remove(place, suffixes)
    if record.kind == "component" and record.serial and record.not_after is not None and record.not_after >= run.now():
        run.revoked.append(
            Revoked(
                serial=record.serial,
                issuer=record.issuer,
                at=run.now().replace(microsecond=0),
                reason=LEFT,
                address=work.address,
                not_after=record.not_after,
                fingerprint=record.fingerprint,
            )
        )
    run.finish(work, record=None, started=started)


def forget(run: Run, work: Work, started: float) -> None:
    """Takes an address out of the inventory; its files stay."""
    run.finish(work, record=None, started=started)


def record_only(run: Run, work: Work, started: float) -> None:
    """Something is taken over as it is, or has another address: only the inventory changes."""
    run.finish(work, record=run.records.get(work.address), started=started)

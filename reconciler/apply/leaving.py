"""What leaves the inventory, moves inside it or enters it without a new certificate."""

from __future__ import annotations

import posixpath

from msgspec.structs import replace

from reconciler.apply.run import Run
from reconciler.desired.external import KEY, REQUEST
from reconciler.desired.place import Place
from reconciler.desired.store import KV_LAYOUT
from reconciler.plan.build import Work
from reconciler.plan.inventory import LEAVES, Revoked
from reconciler.plan.kubeconfig_names import is_merged
from reconciler.plan.revocation.lists import LEFT


def destroy(run: Run, work: Work, started: float) -> None:
    """Removes the files of an address that left the desired state.

    Raises:
        StoreError, UnreadableError: something could not be removed; the record stays.
    """
    record = run.records[work.address]
    if record.kind == "kubeconfig" and is_merged(record.requested):
        from reconciler.apply.entries import take_out  # noqa: PLC0415 - only kubeconfigs for people share their file

        take_out(run, record)
    elif record.path:
        place = Place(store="", root=record.root, path=record.path, layout=record.layout)
        base = posixpath.basename(record.path)
        suffixes = tuple(posixpath.basename(path).removeprefix(base) for path in record.paths)
        run.store.remove(place, suffixes)
        if record.kind in {"component", "kubeconfig"} and record.layout != KV_LAYOUT:  # an external CA may have been asked for it
            run.store.remove(replace(place, layout="plain"), (REQUEST, KEY), for_good=True)
    for each in record.alive(run.now()) if record.kind in LEAVES else ():
        run.revoked.append(
            Revoked(
                serial=each.serial,
                issuer=each.issuer,
                at=run.now().replace(microsecond=0),
                reason=LEFT,
                address=work.address,
                not_after=each.not_after,
                fingerprint=each.fingerprint,
            )
        )
    run.finish(work, record=None, started=started)


def forget(run: Run, work: Work, started: float) -> None:
    """Takes an address out of the inventory; its files stay."""
    run.finish(work, record=None, started=started)


def record_only(run: Run, work: Work, started: float) -> None:
    """Something is taken over as it is, or has another address: only the inventory changes."""
    run.finish(work, record=run.records.get(work.address), started=started)

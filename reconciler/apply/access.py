"""Repairs that touch modes and owners alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from reconciler.apply.run import Run
from reconciler.desired.model import Access
from reconciler.plan.build import Work
from reconciler.plan.reasons import Reason

_ACCESS: Final = frozenset({Reason.MODE_DRIFT, Reason.OWNER_DRIFT})


def is_access_only(work: Work) -> bool:
    """Whether the content of the files is right, and only who may read them is not."""
    return bool(work.findings) and all(finding.reason in _ACCESS for finding in work.findings)


def repair_access(run: Run, work: Work, access: Access, modes: Mapping[str, int], started: float) -> None:
    """Sets mode and owner of files in place.

    Args:
        run: notes the success.
        work: what asked for it.
        access: whose the files should be.
        modes: the mode of each file, by absolute path.
        started: when the step began.

    Raises:
        LintError: the machine does not know the owner.
        StoreError: what could not be set.
    """
    uid, gid = run.ids(access)
    for path, mode in modes.items():
        run.store.set_access(path, mode=mode, uid=uid, gid=gid)
    run.finish(work, record=run.records.get(work.address), started=started)

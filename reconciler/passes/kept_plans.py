"""The plans that the reconciler carried out, one file a revision: what was decided, for whoever asks afterwards."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import Final

from reconciler.apply.state import StateDirectory
from reconciler.plan.document import PlanDocument
from reconciler.plan.saved import encode
from reconciler.stores.directories import make_path
from reconciler.stores.single import write_file

#: So many are kept; the oldest go.
KEPT: Final = 20
_DIGITS: Final = 40


def keep_plan(state: StateDirectory, plan: PlanDocument, *, version: str) -> None:
    """Writes a plan down as `plan --out` would, and removes the oldest beyond `KEPT`.

    Args:
        state: the state directory.
        plan: what was carried out, as it was before.
        version: the revision of the desired state.

    Raises:
        StoreError: it cannot be written.
    """
    make_path(state.plans_path, 0o700)
    name = re.sub(r"[^0-9a-f]", "", version.rpartition(":")[2])[:_DIGITS] or "unknown"
    write_file(f"{state.plans_path}/{name}.json", encode(plan), mode=0o600)
    with os.scandir(state.plans_path) as entries:
        by_age = sorted((entry.stat().st_mtime_ns, entry.path) for entry in entries if entry.name.endswith(".json"))
    for _, path in by_age[:-KEPT]:
        with suppress(OSError):
            os.unlink(path)  # noqa: PTH108 - one call

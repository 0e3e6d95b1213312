"""A rotation as the plan document shows it. Decisions."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.plan.document import RotationEntry, Waiting
from reconciler.plan.rotation.lifecycle import Standing
from reconciler.plan.rotation.phase import PHASES, following


def rotation_entry(
    address: str, standing: Standing, *, acting: frozenset[str], steps: Iterable[str] = ()
) -> RotationEntry | None:
    """What a plan shows of a CA or keypair; None when there is nothing to show.

    Args:
        address: of the CA or keypair.
        standing: where it stands.
        acting: the addresses that the plan does something about.
        steps: what has to reload or restart in this phase.
    """
    if is_quiet(standing):
        return None
    row = PHASES[standing.phase]
    return RotationEntry(
        address=address,
        phase=standing.phase.value,
        from_generation=standing.source,
        to_generation=standing.asked or standing.target,
        signing_generation=standing.signing,
        trusted=list(standing.trusted),
        issues_clients=standing.issues(client=True),
        issues_servers=standing.issues(client=False),
        next_phase=following(standing.phase).value,
        barrier=row.left_when,
        back=row.back,
        waits_for=[
            Waiting(address=blocker.address, message=blocker.message, planned=blocker.address in acting and blocker.by_plan)
            for blocker in standing.waits
        ],
        soaks_until=standing.soaks_until,
        steps=list(steps),
        error=standing.error,
    )


def is_quiet(standing: Standing) -> bool:
    """Whether there is nothing to show."""
    return not (standing.rotating or standing.waits or standing.error)

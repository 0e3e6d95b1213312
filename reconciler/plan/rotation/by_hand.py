"""What people have to restart between two phases, because no hook does it. Decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.desired.model import DesiredState, parse_address
from reconciler.plan.rotation.phase import Phase

if TYPE_CHECKING:
    from reconciler.plan.rotation.kubernetes.step import Step


def by_hand(address: str, desired: DesiredState, phase: Phase) -> tuple[str, ...]:
    """One line for each restart, in order.

    Only of programs that we know to read their files at start alone. What nothing is known of is taken to be told by its
    hooks, or to look for itself.

    Args:
        address: of the CA or keypair that rotates.
        desired: the cluster.
        phase: the one whose files have to be loaded.
    """
    from reconciler.plan.rotation.kubernetes.step import lines  # noqa: PLC0415 - only while something rotates
    from reconciler.plan.rotation.kubernetes.steps import kubernetes_steps  # noqa: PLC0415

    hooked = frozenset(
        each.address
        for group in (desired.components, desired.bundles, desired.kubeconfigs)
        for each in group.values()
        if each.after
    )
    steps = kubernetes_steps(desired, parse_address(address)[1], phase)
    return lines(step for step in steps if _is_by_hand(step, hooked))


def _is_by_hand(step: Step, hooked: frozenset[str]) -> bool:
    return (step.action == "restart" or step.differs) and not hooked.intersection(step.outputs)

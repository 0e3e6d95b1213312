"""How the work of a plan is split into steps."""

from __future__ import annotations

from reconciler.apply.engine import BATCH, in_groups
from reconciler.plan.build import Work
from reconciler.plan.reasons import Action


def work(kind: str, number: int, action: Action = Action.CREATE) -> Work:
    """Something to do."""
    return Work(address=f"{kind}.{number}", kind=kind, action=action, findings=())


def test_neighbours_of_one_kind_are_batched() -> None:
    """CAs and removals go alone; components, bundles and kubeconfigs together, but never two kinds at once."""
    plan = [
        *(work("ca", number) for number in range(2)),
        *(work("component", number) for number in range(BATCH + 1)),
        *(work("bundle", number) for number in range(2)),
        *(work("kubeconfig", number) for number in range(2)),
        *(work("component", number, Action.DESTROY) for number in range(2)),
    ]
    groups = list(in_groups(plan))
    assert [each for group in groups for each in group] == plan
    assert [(group[0].kind, len(group)) for group in groups] == [
        ("ca", 1),
        ("ca", 1),
        ("component", BATCH),
        ("component", 1),
        ("bundle", 2),
        ("kubeconfig", 2),
        ("component", 1),
        ("component", 1),
    ]

"""What a plan tells of the generations of a CA or keypair: one comes in, others are used by nobody any more. Decisions."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.desired.place import Place
from reconciler.plan.reasons import Action, Finding, Reason
from reconciler.plan.rotation.lifecycle import Standing


def comes_in(standing: Standing, why: str = "git asks for it", *, reason: Reason = Reason.REISSUE_REQUESTED) -> Finding:
    """The target is made beside the source.

    Args:
        standing: where the rotation stands.
        why: a clause for people.
        reason: the word for it.
    """
    return Finding(
        reason=reason,
        action=Action.ROTATE,
        message=f"generation {standing.target} comes in beside generation {standing.source}: {why}",
        path="generation",
        current=str(standing.source),
        planned=str(standing.target),
    )


def retired(standing: Standing, place: Place) -> Iterator[Finding]:
    """Generations that nobody uses any more, and that nobody may go back to.

    Args:
        standing: where the rotation stands.
        place: of the CA, or of the replica beside which generations stand.
    """
    for number in standing.retiring:
        yield Finding(
            reason=Reason.OUTPUT_STALE,
            action=Action.REPAIR,
            message=f"generation {number} is used by nobody any more: {place.of_generation(number).absolute}.* are removed",
            path=f"generation.{number}",
            current=str(number),
        )

"""Whether a new commit may take the place of the last good one. A decision: it gets facts, and gives a note or refuses.

A signature says who made a commit, not that it is the newest: an old signed commit can be shown again (a replay), and a
history can be replaced. So a commit must follow from the last good one, unless somebody allows the step back.
"""

from __future__ import annotations

from typing import Final

from reconciler.source.ancestry import Relation
from reconciler.source.revision import Reason, SourceError, shortened

_ALLOW: Final = "if that is meant, run once with --allow-rollback"
_REFUSED: Final[dict[Relation, tuple[Reason, str, str]]] = {
    "ancestor": (
        "RolledBack",
        "{ref} went back from {last} to {new}, an older commit",
        f"revert with a new commit (git revert) instead; {_ALLOW}",
    ),
    "diverged": (
        "ForcePushed",
        "{ref} went from {last} to {new}, which does not follow: its history was replaced, or another branch put in place",
        f"bring {{ref}} back to a commit that follows from {{last}}; {_ALLOW}",
    ),
    "unknown": (
        "AncestryUnknown",
        "whether {new} follows from {last} cannot be proved: the repository does not hold the commits between them",
        f"fetch the history (git fetch --unshallow, git-sync --depth=0); {_ALLOW}",
    ),
}


def advance(*, ref: str, last: str, new: str, relation: Relation, signed: bool, allow_rollback: bool) -> str:
    """Lets a commit pass, or refuses it.

    Args:
        ref: what is followed.
        last: the last good commit.
        new: the commit that stands there now.
        relation: what the new one is to the last one.
        signed: whether signatures are verified: then what cannot be proved is refused.
        allow_rollback: lets everything pass.

    Returns:
        What should be told about it, for people; usually empty.

    Raises:
        SourceError: `RolledBack`, `ForcePushed` or `AncestryUnknown`, with both commits.
    """
    if relation not in _REFUSED:
        return ""
    reason, message, hint = _REFUSED[relation]
    words = {"ref": ref, "last": shortened(last), "new": shortened(new)}
    if allow_rollback or (relation == "unknown" and not signed):
        return message.format_map(words) + ("; allowed" if allow_rollback else "")
    raise SourceError(reason=reason, message=message.format_map(words), hint=hint.format_map(words))

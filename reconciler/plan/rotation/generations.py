"""Which generations of a CA are there, which of them signs, and which one should. Decisions.

Every generation from the second on stands beside the CA for itself (``ca.g2.crt``, ``ca.g2.key``); the signing pair
(``ca.crt``, ``ca.key``) holds whichever issues, and the first generation leaves it for ``ca.g1`` when its turn is over. The
number of what signs follows from its key alone, so that it survives the loss of every record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from reconciler.desired.model import Rotation

#: So many successors in a row may have fallen due before somebody looks at it.
_MOST: Final = 1_000_000


class Wanted(NamedTuple):
    """The generation that should be in use."""

    number: int
    note: str = ""
    """What git should be told; empty when git says the same."""


def signing_number(signing: str, beside: Mapping[int, str], *, noted: int = 0) -> int:
    """The number of the generation in a signing pair.

    Args:
        signing: SHA-256 of its public key; empty when there is none.
        beside: those of the generations that stand for themselves, by number; empty for one that cannot be read.
        noted: the number that our record has for this very key; what stood beside may be lost.

    Returns:
        0 when there is none, or when its number cannot be told.
    """
    if not signing:
        return 0
    matching = [number for number, key in beside.items() if key == signing]
    if matching:
        return max(matching)
    if noted:
        return 0 if beside.get(noted) else noted
    return 0 if 1 in beside else 1


def wanted_number(
    declared: int, signing: int, present: frozenset[int], rotation: Rotation, *, due: Callable[[int], bool]
) -> Wanted:
    """The generation that should be in use: git's, unless that one is gone or its time is over.

    Args:
        declared: git's.
        signing: the one that signs now; 0 for none.
        present: those that are there.
        rotation: what falling due starts.
        due: whether a generation that is there has fallen due; nobody goes back to one that has.
    """
    number = declared
    latest = signing or max(present, default=0)  # without a signing pair, what was to be in it stands beside its place
    if latest > declared and (declared not in present or due(declared)):
        number = latest
    if rotation.strategy == "staged":
        while number in present and due(number) and number < _MOST:
            number += 1
    if number == declared:
        return Wanted(number)
    return Wanted(number, f"generation {number} is in use or under way, git says {declared}: write `generation: {number}`")

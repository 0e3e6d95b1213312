"""Who may act, as those see it who do the work: data, and a question that is asked before each step."""

from __future__ import annotations

from typing import Final, Protocol


class LeaseLostError(Exception):
    """Somebody else may act by now: nothing more is signed or written."""


class Leadership(Protocol):
    """Says whether whoever works may still do so."""

    def ensure(self) -> None:
        """Returns while nobody else may act; cheap enough to be asked before each step.

        Raises:
            LeaseLostError: somebody else may.
        """
        ...


class Alone:
    """Of whoever needs no lease: the lock of the state directory is enough."""

    def ensure(self) -> None:
        """Says yes."""


ALONE: Final = Alone()

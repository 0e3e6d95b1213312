"""What can go wrong with certificates and keys: unreadable input, and requests that must not be signed."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Problem(StrEnum):
    """Why bytes cannot be used; these words stand in `observed.model.Unusable.problem`."""

    EMPTY = "empty"
    NOT_PEM = "not-pem"
    TRUNCATED = "truncated"
    WRONG_TYPE = "wrong-type"
    ENCRYPTED = "encrypted"
    UNPARSABLE = "unparsable"


class UnreadableError(Exception):
    """Bytes that are not what they should be."""

    def __init__(self, problem: Problem, detail: str) -> None:
        """Takes the word, and one sentence for people, without file content."""
        super().__init__(detail)
        self.problem: Final = problem
        self.detail: Final = detail


class UnprovenError(UnreadableError):
    """A signing request that the key in it did not sign: whoever made it need not have that key."""


class LintError(Exception):
    """A certificate that must not be signed, or that did not come out as requested; carries every problem found."""

    def __init__(self, problems: tuple[str, ...], *, retryable: bool = True) -> None:
        """Takes what is wrong.

        Args:
            problems: a clause each, at least one.
            retryable: False when another issuer than this program refused, or answered with something else than was asked
                for: asked again it would say the same.
        """
        super().__init__("; ".join(problems))
        self.problems: Final = problems
        self.retryable: Final = retryable

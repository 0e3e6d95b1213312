"""How a name is refused: one exception, and names shown in messages without surprises."""

from __future__ import annotations

import re
import unicodedata
from typing import Final, NoReturn


class InvalidNameError(ValueError):
    """A name that cannot be used: what is wrong with it, and what to write instead."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message: Final = message
        self.hint: Final = hint


def refuse(message: str, hint: str = "") -> NoReturn:
    """Raises `InvalidNameError`; a caught cause says nothing more to the reader, so it is dropped."""
    raise InvalidNameError(message, hint) from None


def quoted(text: str) -> str:
    """The text in double quotes with everything invisible escaped, cut when long: safe in any message."""
    cut = text if len(text) <= 80 else text[:77] + "…"  # noqa: PLR2004 - what fits on a line
    visible = (c if c.isprintable() and c not in '"\\' else c.encode("unicode_escape").decode() for c in cut)
    return '"' + "".join('\\"' if c == '"' else c for c in visible) + '"'


def scripts(text: str) -> tuple[str, ...]:
    """The alphabets of the letters in a text, by the first word of their Unicode names."""
    words = (unicodedata.name(c, "UNKNOWN").split()[0] for c in text if unicodedata.category(c)[0] == "L")
    return tuple(sorted({word.capitalize() for word in words}))


def first_strange(part: str, pattern: re.Pattern[str]) -> str:
    """The first character that does not belong, escaped for the message."""
    strange = next((c for c in part if not pattern.fullmatch(c)), part[:1])
    return quoted(strange)[1:-1]

"""What a server says, made fit for a line of a log or a status: short, one line, without secrets. Decisions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice
from typing import Final

#: Characters of one text, and how many texts of one answer are kept.
LONGEST: Final = 300
MOST: Final = 5
#: Characters of a text that are looked at: a page of HTML may stand where an error should.
_LOOKED_AT: Final = 16 << 10
#: Secrets shorter than this are no secrets, and would blot out half a sentence.
_SHORTEST_SECRET: Final = 4

_KEY: Final = "PRIVATE KEY"
#: Tokens of Vault and OpenBao (service, batch, recovery; before version 1.10 without the "hv"), JSON Web Tokens, and runs of
#: base64 as lines of PEM are.
_SECRETS: Final = re.compile(
    r"\b(?:hv[sbr]|[sbr])\.[A-Za-z0-9_-]{20,}(?:\.[A-Za-z0-9]+)?|\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?|[A-Za-z0-9+/_=]{44,}"
)


def one_line(text: str, secrets: Iterable[str] = ()) -> str:
    """A text without line ends and invisible characters, cut at `LONGEST` characters.

    Args:
        text: of unknown origin.
        secrets: what must not be in it, such as the token that was sent.
    """
    text = text[:_LOOKED_AT]
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, "[secret]")
    if _KEY in text:
        return "[not shown: it holds a private key]"
    text = _SECRETS.sub("[secret]", text)
    text = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def lines(value: object, secrets: Iterable[str] = ()) -> tuple[str, ...]:
    """``errors`` or ``warnings`` of an answer, whatever type they have; what is no text in them is named by its type.

    Args:
        value: None, a text, or a list of anything.
        secrets: as for `one_line`.
    """
    secrets = tuple(secrets)
    entries = value if isinstance(value, list) else [] if value is None else [value]
    found = (one_line(each, secrets) if isinstance(each, str) else f"[{type(each).__name__}]" for each in entries)
    return tuple(islice((each for each in found if each), MOST))

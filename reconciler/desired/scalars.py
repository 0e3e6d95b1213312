"""What a plain YAML scalar means here: less than in YAML, and the same to every reader.

YAML 1.1, YAML 1.2 and JSON disagree about plain scalars. Those that only YAML 1.1 turns into something else (``NO``,
``on``, ``1:30``, ``2026-01-01``) stay the text that was typed, as YAML 1.2 says. Those that YAML 1.2 itself reads as a
number, a boolean or null in another spelling than JSON's (``010``, ``1.10``, ``1e3``, ``True``, ``~``) are refused: an
editor, ``yq`` and this program would understand three different things.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

#: The only plain words that are not text.
_WORDS: Final[dict[str, bool | None]] = {"": None, "null": None, "true": True, "false": False}
_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)")
#: 64 bits; a longer number is a serial number or an id, and text.
_MAX_INTEGER_DIGITS: Final = 18

_OTHER_WORDS: Final = {
    "~": "null",
    "Null": "null",
    "NULL": "null",
    "True": "true",
    "TRUE": "true",
    "False": "false",
    "FALSE": "false",
}
#: Plain scalars that begin otherwise cannot be ambiguous; most begin with a letter.
_SUSPICIOUS: Final = frozenset("0123456789+-.~NTF")
_NUMBERS: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (
    ("with a leading zero it is octal to some readers and decimal to others", re.compile(r"[-+]?0[0-9][0-9_]*")),
    ("it is a number in another base to some readers", re.compile(r"[-+]?0(?:[oO][0-7_]+|[xX][0-9a-fA-F_]+|[bB][01_]+)")),
    ("some readers drop the underscores and see a number", re.compile(r"[-+]?[0-9][0-9_]*_[0-9_]*")),
    ("some readers drop the plus sign and see a number", re.compile(r"\+[0-9]+")),
    (
        "readers see a decimal number and lose zeros or digits",
        re.compile(r"[-+]?(?:\.[0-9][0-9_]*|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?"),
    ),
    ("it is infinity or no number to other readers", re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")),
)


def resolve(text: str) -> str | int | bool | None:
    """The value of a plain scalar that `ambiguity` has nothing against."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text) and len(text) <= _MAX_INTEGER_DIGITS:
        return int(text)
    return text


def ambiguity(text: str) -> tuple[str, str] | None:
    """Why a plain scalar is not clear, and what to write instead; None when it is."""
    if not text or text[0] not in _SUSPICIOUS:
        return None
    if word := _OTHER_WORDS.get(text):
        return f"{text} is {word} to some readers and text to others", f'write {word}, or "{text}" if text is meant'
    if _INTEGER.fullmatch(text):
        if len(text) <= _MAX_INTEGER_DIGITS:
            return None
        return f"{_cut(text)} has more digits than readers keep", "quote it"
    for reason, pattern in _NUMBERS:
        if pattern.fullmatch(text):
            return f"{_cut(text)} is ambiguous: {reason}", f'quote it: "{text}"' if len(text) <= _MAX_SHOWN else "quote it"
    return None


def unprintable(text: str) -> tuple[str, str] | None:
    """What cannot be seen or compared in a text, and the way out; None when all is well.

    Control, format and private characters, line breaks, spaces that look like others, and forms other than NFC: two
    names that look alike must be equal, or nobody can review a change.
    """
    if text.isprintable():
        if text.isascii() or unicodedata.is_normalized("NFC", text):
            return None
        return "the text is not in Unicode form NFC", f'write "{unicodedata.normalize("NFC", text)}", composed'
    character = next(c for c in text if not c.isprintable())
    return f"the text holds {named(character)}", "remove it; every text is one line of visible characters"


def named(character: str) -> str:
    """``U+202E RIGHT-TO-LEFT OVERRIDE``."""
    special = {"\n": "LINE FEED", "\t": "TAB", "\r": "CARRIAGE RETURN", "\0": "NULL"}
    return f"U+{ord(character):04X} {unicodedata.name(character, special.get(character, ''))}".rstrip()


_MAX_SHOWN: Final = 40


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 1] + "…"

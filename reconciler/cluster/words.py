"""Lines and words of systemd's files: continuation, quoting, specifiers and variables.

As systemd.syntax(7), systemd.unit(5) and systemd.service(5) have them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "s": " ", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_VARIABLE: Final = re.compile(r"\$\$|\$\{(\w+)\}|\$(\w+)")
_SPECIFIER: Final = re.compile(r"%(.)", re.DOTALL)


def logical_lines(text: str) -> Iterator[str]:
    """Lines with their continuations, without comments; a comment between two parts does not end the line."""
    held = ""
    for raw in text.replace("\r\n", "\n").split("\n"):
        line = raw.strip()
        if line[:1] in {"#", ";"}:
            continue
        if raw.endswith("\\"):
            held += f"{raw[:-1]} "
            continue
        whole, held = f"{held}{raw}".strip(), ""
        if whole:
            yield whole
    if held.strip():
        yield held.strip()


def split_words(line: str) -> tuple[str, ...]:
    """Words of a line, quotes and escapes undone. A quote that is not closed reaches to the end."""
    words: list[str] = []
    word: list[str] = []
    begun = False  # a word may be empty: ''
    quote = ""
    left = iter(line)
    for character in left:
        if character == "\\" and quote != "'":
            following = next(left, "")
            word.append(_ESCAPES.get(following, following))
        elif character == quote:
            quote = ""
        elif not quote and character in "\"'":
            quote = character
        elif quote or not character.isspace():
            word.append(character)
        else:
            if begun:
                words.append("".join(word))
            word.clear()
            begun = False
            continue
        begun = True
    return (*words, "".join(word)) if begun else tuple(words)


def specified(text: str, specifiers: Mapping[str, str]) -> str:
    """With ``%i``, ``%H``, … replaced; what is not known stays as it is."""
    return _SPECIFIER.sub(lambda match: "%" if match[1] == "%" else specifiers.get(match[1], match[0]), text)


def expanded(words: tuple[str, ...], environment: Mapping[str, str]) -> tuple[str, ...]:
    """With variables replaced: a word that is ``$NAME`` alone becomes any number of words, elsewhere one stays one."""
    return tuple(each for word in words for each in _expanded(word, environment))


def _expanded(word: str, environment: Mapping[str, str]) -> tuple[str, ...]:
    alone = re.fullmatch(r"\$(\w+)", word)
    if alone is not None:
        return split_words(environment.get(alone[1], ""))
    return (_VARIABLE.sub(lambda match: _value(match, environment), word),)


def _value(match: re.Match[str], environment: Mapping[str, str]) -> str:
    if match[0] == "$$":
        return "$"
    # $NAME inside a word is not replaced by systemd; the value is what the author meant, and nothing else could be.
    return environment.get(match[1] or match[2], "" if match[1] else match[0])

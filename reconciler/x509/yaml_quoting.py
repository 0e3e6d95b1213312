"""Text in double quotes, for every YAML that is written here."""

from __future__ import annotations


def quoted(value: str) -> str:
    """A text in double quotes, as YAML and, where all of it is printable, JSON read it."""
    return f'"{"".join(map(_escaped, value))}"'


def _escaped(character: str) -> str:
    """Inside double quotes; what could be a break or is not printable, by its code."""
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() else f"\\U{ord(character):08x}"

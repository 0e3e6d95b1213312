"""Desired state as text that a person goes on writing: block style, short entries on one line, comments where they belong.

What is written is read back by the strict reader (`reconciler.desired.yaml`) as the same values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from reconciler.desired.scalars import unprintable
from reconciler.x509.yaml_quoting import quoted

#: Longest line that is written where there is a choice.
WIDTH: Final = 120
#: Deeper than this, mappings are never spread over lines.
DEPTH: Final = 3
#: Plain scalars that are the same text to every reader of YAML: begin with a letter or a slash, hold nothing that YAML uses.
_PLAIN: Final = re.compile(
    r"(?!(?:true|false|yes|no|on|off|null|y|n)\Z)(?:[A-Za-z/][A-Za-z0-9._/@+-]*(?: [A-Za-z][A-Za-z0-9._/@+-]*)*)"
    r"|(?:[0-9]+[ydhms])+"  # a duration
    r"|(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?:/[0-9]{1,2})?",  # an address, a subnet
    re.IGNORECASE,
)

Value = str | int | bool | None | Sequence["Value"] | Mapping[str, "Value"]


class Commented(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of a mapping with lines of comment above it."""

    value: object
    above: tuple[str, ...] = ()


def write(document: Mapping[str, object], *, head: Sequence[str] = ()) -> str:
    """The text.

    Args:
        document: values, each perhaps `Commented`; mappings keep their order.
        head: comment lines above everything, without ``#``; an empty one separates.
    """
    return "\n".join([*_comments(head, 0), *_mapping(document, 0)]) + "\n"


def comment(text: str) -> str:
    """One line of comment; what cannot be seen, and would be refused by the reader, is shown by its code."""
    line = " ".join(text.split())
    shown = "".join(c if not unprintable(c) else f"\\u{ord(c):04x}" for c in line)
    return "#" if not shown else f"# {shown}"


def scalar(value: object) -> str:
    """A scalar as it stands in any place; text is quoted unless nobody could take it for something else."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    text = str(value)
    return text if _PLAIN.fullmatch(text) else quoted(text)


def _comments(lines: Sequence[str], indent: int) -> Iterator[str]:
    return (" " * indent + comment(line) for line in lines)


def _mapping(document: Mapping[str, object], indent: int) -> Iterator[str]:
    for key, entry in document.items():
        above, value = (entry.above, entry.value) if isinstance(entry, Commented) else ((), entry)
        yield from _comments(above, indent)
        yield from _entry(key, value, indent)


def _entry(key: str, value: object, indent: int) -> Iterator[str]:
    """``key: value`` on one line where that fits and is clear, else its parts below it."""
    start = " " * indent + scalar(key) + ":"
    line = f"{start} {_flow(value)}" if not _has_comments(value) else ""
    spread = isinstance(value, Mapping | list | tuple) and value and (not indent or len(line) > WIDTH)
    if line and (not spread or indent >= 2 * DEPTH) and "\n" not in line:
        yield line
    elif isinstance(value, Mapping):
        yield start
        yield from _mapping(value, indent + 2)
    else:
        yield start
        yield from (f"{' ' * (indent + 2)}- {_flow(item)}" for item in _items(value))


def _items(value: object) -> Sequence[object]:
    return value if isinstance(value, list | tuple) else [value]


def _has_comments(value: object) -> bool:
    return isinstance(value, Mapping) and any(isinstance(each, Commented) or _has_comments(each) for each in value.values())


def _flow(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(key)}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return scalar(value)

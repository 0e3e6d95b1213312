"""Attribute values as Terraform writes them: quoted strings, lists and maps over several lines, secrets never."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from reconciler.render.colour import Palette
from reconciler.render.escape import quoted, visible

KNOWN_AFTER_APPLY: Final = "(known after apply)"
SENSITIVE: Final = "(sensitive value)"
#: A name in a foreign certificate may be as long as its issuer pleased.
LONGEST_STRING: Final = 500
#: Elements of one list that are written out.
MOST_ELEMENTS: Final = 60
#: Attributes whose value is never shown. No document should hold one; a mistake elsewhere must not print it.
SECRETS: Final = frozenset({"private_key", "key_pem", "key_data", "password", "pkcs12_password", "token"})


def row(depth: int, symbol: str, text: str) -> str:
    """One line of a block: four columns an indent, then the symbol in a column of its own."""
    return f"{'    ' * depth}  {symbol} {text}".rstrip()


def is_secret(name: str) -> bool:
    """Whether an attribute's value must not be shown, whatever it is. A key is never shown, whatever its name."""
    return name in SECRETS


def scalar(value: object) -> str:
    """A single value, or a collection on one line. A private key in PEM is not written, wherever it stands."""
    if isinstance(value, str):
        if "PRIVATE KEY" in value:
            return SENSITIVE
        return quoted(value if len(value) <= LONGEST_STRING else value[:LONGEST_STRING] + "…")
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{visible(key)} = {_item(key, item)}" for key, item in sorted(value.items())) + "}"
    if isinstance(value, Sequence):
        return "[" + ", ".join(scalar(item) for item in value) + "]"
    return str(value)


def whole(value: object, *, symbol: str, depth: int, colour: Palette, one_line: bool = False) -> str:
    """A value that appears, goes away or is merely shown; lines after the first carry their own indent.

    Args:
        value: what to write.
        symbol: in front of each element: ``+``, ``-`` or a blank.
        depth: of the attribute it belongs to.
        colour: the palette.
        one_line: write collections on one line.
    """
    if one_line or not value or isinstance(value, str) or not isinstance(value, (Mapping, Sequence)):
        return scalar(value)
    painted = paint_symbol(symbol, colour)
    if isinstance(value, Mapping):
        width = max(len(visible(key)) for key in value)
        lines = [row(depth + 1, painted, f"{visible(key):<{width}} = {_item(key, item)}") for key, item in sorted(value.items())]
        return "\n".join(["{", *lines, row(depth, " ", "}")])
    lines = [row(depth + 1, painted, f"{scalar(item)},") for item in value[:MOST_ELEMENTS]]
    return "\n".join(["[", *lines, *_cut(len(value), depth, colour), row(depth, " ", "]")])


def changed(before: object, after: object, *, depth: int, colour: Palette) -> str:
    """How one value becomes another: elements of lists and maps one by one, everything else with an arrow."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return "\n".join(["{", *_map_rows(before, after, depth, colour), row(depth, " ", "}")])
    if _is_list(before) and _is_list(after):
        return "\n".join(["[", *_list_rows(before, after, depth, colour), row(depth, " ", "]")])
    return f"{scalar(before)} {colour.yellow('->')} {scalar(after)}"


def hidden(count: int, noun: str, colour: Palette) -> str:
    """The comment that stands for what did not change."""
    return colour.dim(f"# ({count} unchanged {noun}{'' if count == 1 else 's'} hidden)")


def paint_symbol(symbol: str, colour: Palette) -> str:
    """The symbol in the colour of what it does."""
    return {"+": colour.green, "-": colour.red, "~": colour.yellow, ".": colour.red}.get(symbol, str)(symbol)


def _item(name: str, value: object) -> str:
    return SENSITIVE if is_secret(name) else scalar(value)


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _list_rows(before: Any, after: Any, depth: int, colour: Palette) -> Iterator[str]:  # noqa: ANN401 - JSON values
    old, new = (Counter(scalar(item) for item in items) for items in (before, after))
    if old == new:
        yield row(depth + 1, " ", colour.dim(f"# ({len(after)} elements in another order)"))
        return
    entries = [("-", text) for text in (old - new).elements()] + [("+", text) for text in (new - old).elements()]
    for symbol, text in entries[:MOST_ELEMENTS]:
        yield row(depth + 1, paint_symbol(symbol, colour), f"{text},")
    yield from _cut(len(entries), depth, colour)
    if same := (old & new).total():
        yield row(depth + 1, " ", hidden(same, "element", colour))


def _map_rows(before: Mapping[str, object], after: Mapping[str, object], depth: int, colour: Palette) -> Iterator[str]:
    names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    width = max((len(visible(name)) for name in names), default=0)
    for name in names:
        if name not in before:
            symbol, text = "+", _item(name, after[name])
        elif name not in after:
            symbol, text = "-", f"{_item(name, before[name])} {colour.dim('-> null')}"
        else:
            symbol, text = "~", f"{_item(name, before[name])} {colour.yellow('->')} {_item(name, after[name])}"
        yield row(depth + 1, paint_symbol(symbol, colour), f"{visible(name):<{width}} = {text}")
    if same := sum(name in before and before[name] == value for name, value in after.items()):
        yield row(depth + 1, " ", hidden(same, "element", colour))


def _cut(length: int, depth: int, colour: Palette) -> Iterator[str]:
    if length > MOST_ELEMENTS:
        yield row(depth + 1, " ", colour.dim(f"# (and {length - MOST_ELEMENTS} more)"))

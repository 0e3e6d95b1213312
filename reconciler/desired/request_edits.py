"""Changes to the requests of a desired state as a person would make them: a word or a line, every other byte stays."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from reconciler.desired.diagnostics import Span
from reconciler.desired.spans import Place, index
from reconciler.x509.yaml_quoting import quoted

#: Words that YAML reads as themselves; everything else is quoted.
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9._/ -]*[A-Za-z0-9]|[A-Za-z]|[0-9]+[ydhm]|sha256:[0-9a-f]+")
_KEYWORDS: Final = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
_LINE_BREAK: Final = re.compile(r"\r\n|\r|\n")
_SECTION: Final = "requests"


class UneditableError(Exception):
    """A text is written in a way that only a person should change."""


def with_fields(text: str, name: str, fields: Mapping[str, str | None]) -> str:
    """The text with fields of one request set, or taken out where they are None.

    Args:
        text: of a file in which the request stands.
        name: of the request.
        fields: single words or sentences by key, in the order in which new ones are added.

    Raises:
        UneditableError: it cannot be done without touching what is around it.
    """
    for key, value in fields.items():
        entry = _Text(text).place(_SECTION, name)
        if entry is None or not entry.inside:
            msg = f"request {name} is not a mapping in this file"
            raise UneditableError(msg)
        text = _with_field(_Text(text), entry, key, value)
    return text


def with_entry(text: str, name: str, fields: Mapping[str, str | list[str]]) -> str:
    """The text with one more request, behind those that are there.

    Args:
        text: of the file.
        name: of the request, which is new.
        fields: what the entry says.

    Raises:
        UneditableError: see `with_fields`.
    """
    where = _Text(text)
    root, section = where.place(), where.place(_SECTION)
    name = _value(name)
    lines = [f"{name}:", *(f"  {key}: {_value(value)}" for key, value in fields.items())]
    if section is None:
        return where.appended(root, [f"{_SECTION}:", *(f"  {line}" for line in lines)])
    if not section.inside:
        return where.opened(section, [f"  {line}" for line in lines])
    if where.is_flow(section):
        inner = ", ".join(f"{key}: {_value(value)}" for key, value in fields.items())
        return where.inserted(where.end(_last(section)), f", {name}: {{{inner}}}")
    indent = " " * where.column(_key(next(iter(section.inside.values()))))
    return where.inserted(where.line_end(where.end(section)), "".join(f"{where.newline}{indent}{line}" for line in lines))


def _with_field(where: _Text, entry: Place, key: str, value: str | None) -> str:
    field = entry.inside.get(key)
    if field is not None:
        return where.without(entry, field) if value is None else where.replaced(field, _value(value))
    if value is None:
        return where.text
    last = _last(entry)
    if where.is_flow(entry):
        return where.inserted(where.end(last), f", {key}: {_value(value)}")
    indent = " " * where.column(_key(next(iter(entry.inside.values()))))
    return where.inserted(where.line_end(where.end(last)), f"{where.newline}{indent}{key}: {_value(value)}")


def _value(value: str | list[str]) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if _PLAIN.fullmatch(value) and value.lower() not in _KEYWORDS:
        return value
    return quoted(value)


def _key(place: Place) -> Span:
    return place.key or place.value


def _last(place: Place) -> Place:
    return list(place.inside.values())[-1]


class _Text:
    """A text with the offsets of its places, and the elementary changes."""

    def __init__(self, text: str) -> None:
        self.text: Final = text
        self.newline: Final = "\r\n" if "\r\n" in text else "\n"
        self._starts: Final = [0, *(match.end() for match in _LINE_BREAK.finditer(text))]
        self._root: Final = index(text, "")

    def place(self, *path: str) -> Place | None:
        """The place of a value."""
        return self._root.find(path)

    def start(self, place: Place) -> int:
        """Offset of the first character of a value."""
        return self._offset(place.value.line, place.value.column)

    def end(self, place: Place) -> int:
        """Offset behind the last character of a value; without the line break that ends a literal one."""
        offset = self._offset(place.value.end_line, place.value.end_column)
        while offset and self.text[offset - 1] in "\r\n":
            offset -= 1
        return offset

    def column(self, span: Span) -> int:
        """Characters before a place on its line."""
        return span.column - 1

    def is_flow(self, place: Place) -> bool:
        """Whether a collection is written in braces."""
        return self.text[self.start(place)] == "{"

    def line_end(self, offset: int) -> int:
        """Offset of the line break, or of the text's end, behind a place."""
        found = _LINE_BREAK.search(self.text, offset)
        return found.start() if found else len(self.text)

    def inserted(self, offset: int, text: str) -> str:
        """The text with something put in."""
        return self.text[:offset] + text + self.text[offset:]

    def replaced(self, place: Place, text: str) -> str:
        """The text with another value."""
        if place.value.line != place.value.end_line:
            msg = f"line {place.value.line}: a value of several lines"
            raise UneditableError(msg)
        return self.text[: self.start(place)] + text + self.text[self.end(place) :]

    def without(self, entry: Place, field: Place) -> str:
        """The text without a field: its lines in a block, the words and one comma in braces."""
        key = _key(field)
        start, end = self._offset(key.line, key.column), self.end(field)
        if len(entry.inside) == 1:
            msg = f"line {key.line}: the only field of its entry"
            raise UneditableError(msg)
        if not self.is_flow(entry):
            after = _LINE_BREAK.match(self.text, self.line_end(end))
            return self.text[: self._starts[key.line - 1]] + self.text[after.end() if after else len(self.text) :]
        places = list(entry.inside.values())
        number = places.index(field)
        if number:
            return self.text[: self.end(places[number - 1])] + self.text[end:]
        following = _key(places[1])
        return self.text[:start] + self.text[self._offset(following.line, following.column) :]

    def appended(self, root: Place | None, lines: list[str]) -> str:
        """The text with a section behind all others."""
        if root is None or self.is_flow(root):
            msg = "the file is written in braces"
            raise UneditableError(msg)
        last = self.line_end(self.end(root))
        return self.inserted(last, "".join(f"{self.newline}{line}" for line in lines) + self.newline * (last == len(self.text)))

    def opened(self, section: Place, lines: list[str]) -> str:
        """The text with the first entries of a section that is there and empty."""
        key = _key(section)
        colon = self.text.index(":", self._offset(key.end_line, key.end_column)) + 1
        written = self.text[colon : max(colon, self.end(section))]
        if written.strip() not in {"", "{}", "null", "~"}:
            msg = f"line {key.line}: `{_SECTION}` is no mapping"
            raise UneditableError(msg)
        kept = self.text[colon + len(written) :]
        ending = self.line_end(colon + len(written)) - (colon + len(written))
        body = "".join(f"{self.newline}{line}" for line in lines)
        return self.text[:colon] + kept[:ending] + body + kept[ending:]

    def _offset(self, line: int, column: int) -> int:
        return min(self._starts[line - 1] + column - 1, len(self.text)) if line <= len(self._starts) else len(self.text)

"""Where each value of a YAML text stands; read again only when somebody asks, because a valid file needs no places."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import yaml

from reconciler.desired.diagnostics import Path, Span
from reconciler.desired.yaml import parse_events, span_of


@dataclass(slots=True, kw_only=True)
class Place:
    """A value's range, its key's range where it has one, and the places inside it."""

    value: Span
    key: Span | None = None
    inside: dict[str | int, Place] = field(default_factory=dict)

    def find(self, path: Path) -> Place | None:
        """The place of a path, or None."""
        place: Place | None = self
        for step in path:
            place = place.inside.get(step) if place else None
        return place


def index(text: str, file: str) -> Place:
    """The places of a text that composes to a mapping; it may still hold mistakes that composing went on after."""
    start = Span(file=file, line=1, column=1, end_line=1, end_column=1)
    root = _Open(Place(value=start), is_mapping=False)
    stack = [root]
    for event in parse_events(text):
        if isinstance(event, yaml.CollectionEndEvent):
            closed = stack.pop().place
            closed.value = _closed(closed, event, file)
        elif isinstance(event, yaml.ScalarEvent | yaml.AliasEvent):
            place = Place(value=span_of(event, file))
            stack[-1].add(place, event.value if isinstance(event, yaml.ScalarEvent) else None)
        elif isinstance(event, yaml.CollectionStartEvent):
            place = Place(value=span_of(event, file))
            stack[-1].add(place, None)
            stack.append(_Open(place, is_mapping=isinstance(event, yaml.MappingStartEvent)))
    return root.place.inside.get(0, root.place)


_NONE: Final = object()


class _Open:
    """A collection that is not closed yet."""

    __slots__ = ("_key", "_key_place", "is_mapping", "place")

    def __init__(self, place: Place, *, is_mapping: bool) -> None:
        self.place = place
        self.is_mapping = is_mapping
        self._key: object = _NONE
        self._key_place: Place | None = None

    def add(self, place: Place, text: str | None) -> None:
        """Adds the next key, value or item; of two equal keys the first counts, as in composing."""
        inside = self.place.inside
        if not self.is_mapping:
            inside[len(inside)] = place
        elif self._key_place is None:
            self._key, self._key_place = text, place
        else:
            place.key = self._key_place.value
            if isinstance(self._key, str):
                inside.setdefault(self._key, place)
            self._key_place = None


def _closed(place: Place, event: yaml.Event, file: str) -> Span:
    """The range of a closed collection; a block collection's own end mark lies on the next token, lines further."""
    end = span_of(event, file)
    if end.column != end.end_column:
        last = (end.end_line, end.end_column)
    else:
        children = [(child.value.end_line, child.value.end_column) for child in place.inside.values()]
        last = max(children, default=(place.value.end_line, place.value.end_column))
    return Span(file=file, line=place.value.line, column=place.value.column, end_line=last[0], end_column=last[1])

"""Where the values of a YAML text stand, so that a few of them can be changed and every other byte stays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from reconciler.x509.errors import Problem, UnreadableError


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A value: characters ``start`` to ``end``; of a block, to the end of its last value."""

    start: int
    end: int
    flow: bool = False
    """Whether it is written in brackets or braces."""
    text: str = ""
    """Of a scalar."""
    items: tuple[Place, ...] = ()
    """Of a list."""
    fields: tuple[tuple[Place, Place], ...] = ()
    """Of a mapping."""

    def field(self, name: str) -> tuple[Place, Place] | None:
        """Key and value of that name."""
        return next(((key, value) for key, value in self.fields if key.text == name), None)


def places(text: str) -> Place:
    """The places in the one document of a text.

    Args:
        text: that `parse_tree` has read: without anchors, tags and depths.

    Raises:
        UnreadableError: it is not valid YAML.
    """
    try:
        events = iter(yaml.parse(text, Loader=yaml.SafeLoader))
        next(events)  # the stream's start
        next(events)  # the document's start
        return _place(next(events), events)
    except (yaml.YAMLError, ValueError, StopIteration):
        raise UnreadableError(Problem.UNPARSABLE, "it is not valid YAML") from None


def _place(event: yaml.Event, events: Iterator[yaml.Event]) -> Place:
    start, end = _mark(event.start_mark), _mark(event.end_mark)
    if isinstance(event, yaml.ScalarEvent):
        return Place(start=start, end=end, text=event.value)
    flow = isinstance(event, yaml.CollectionStartEvent) and bool(event.flow_style)
    if isinstance(event, yaml.SequenceStartEvent):
        items: list[Place] = []
        while not isinstance(inner := next(events), yaml.SequenceEndEvent):
            items.append(_place(inner, events))
        end = _mark(inner.end_mark) if flow else max((item.end for item in items), default=end)
        return Place(start=start, end=end, flow=flow, items=tuple(items))
    fields: list[tuple[Place, Place]] = []
    while not isinstance(inner := next(events), yaml.MappingEndEvent):
        fields.append((_place(inner, events), _place(next(events), events)))
    end = _mark(inner.end_mark) if flow else max((max(key.end, value.end) for key, value in fields), default=end)
    return Place(start=start, end=end, flow=flow, fields=tuple(fields))


def _mark(mark: object) -> int:
    """The character of a mark; every event of a text has marks."""
    index = getattr(mark, "index", None)
    if not isinstance(index, int):
        raise UnreadableError(Problem.UNPARSABLE, "it cannot be told where a value stands")
    return index

"""The strict YAML subset: bytes to plain values, with every mistake collected.

Only the event parser of PyYAML is used. libyaml's parser keeps its state on the heap, while its composer recurses and
kills the process on 100,000 opening brackets; composing here also means that aliases and tags never come to life.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final, Protocol, cast

import msgspec
import yaml

from reconciler.desired.diagnostics import Diagnostic, Span
from reconciler.desired.scalars import ambiguity, resolve, unprintable
from reconciler.desired.syntax import PARSER_ERRORS, syntax_error
from reconciler.desired.text import place_problem
from reconciler.desired.unusable import quoted

MAX_DEPTH: Final = 50
#: What libyaml says when a text is nested deeper than it reads.
_NESTING: Final = "maximum nesting depth"
MAX_PROBLEMS: Final = 200
"""After that many the file is not YAML for us; reading on helps nobody."""

Value = dict[str, Any] | list[Any] | str | int | bool | None


class Composed(msgspec.Struct, frozen=True, kw_only=True):
    """What a text says, and what is wrong with it."""

    value: dict[str, Any] | None
    """None when it is no mapping, or the parser gave up before its end."""
    problems: tuple[Diagnostic, ...]


def compose(text: str, file: str) -> Composed:
    """Builds plain values from a text that `decode` let through.

    Mistakes do not stop it while the parser can go on: the first of two equal keys wins, an alias is null, a tag is
    ignored, so that one run shows all there is.
    """
    composer = _Composer(file)
    complete = False
    try:
        complete = all(composer.take(event) for event in parse_events(text))
    except PARSER_ERRORS as error:
        if _NESTING in str(error):
            # Newer versions of libyaml have a limit of their own, and find it ahead of the events: ours names the place.
            return _compose_purely(text, file)
        composer.problems.append(syntax_error(error, text, file))
    root = composer.root() if complete else None
    return Composed(value=root, problems=tuple(composer.problems))


def _compose_purely(text: str, file: str) -> Composed:
    """The problems of a text that is nested too deep for libyaml; the pure parser reads it up to our own limit."""
    composer = _Composer(file)
    with suppress(*PARSER_ERRORS):
        all(composer.take(event) for event in parse_events(text, pure=True))
    return Composed(value=None, problems=tuple(composer.problems))


def parse_events(text: str, *, pure: bool = False) -> Iterator[yaml.Event]:
    """The events of a text, by libyaml where PyYAML was built with it, unless the pure parser is asked for.

    Raises:
        yaml.YAMLError: the text is not YAML.
    """
    loader = yaml.SafeLoader(text) if pure or not yaml.__with_libyaml__ else yaml.CSafeLoader(text)
    try:
        while (event := loader.get_event()) is not None:
            yield cast("yaml.Event", event)
    finally:
        loader.dispose()


class _Mark(Protocol):
    line: int
    column: int


def span_of(event: yaml.Event, file: str) -> Span:
    """Where an event stands; its marks count from 0, spans from 1. Events of a parser always have marks."""
    start, end = cast("_Mark", event.start_mark), cast("_Mark", event.end_mark)
    return Span(file=file, line=start.line + 1, column=start.column + 1, end_line=end.line + 1, end_column=end.column + 1)


_AWAITED: Final = object()
_DROPPED: Final = object()


class _Collection:
    """A mapping or sequence that is still open; of a mapping also the key whose value comes next."""

    __slots__ = ("key", "lines", "start", "value")

    def __init__(self, value: dict[str, Any] | list[Any], start: yaml.Event | None = None) -> None:
        self.value = value
        self.start = start
        self.key: object = _AWAITED if isinstance(value, dict) else None
        #: Where each key stands, for the message about its twin.
        self.lines: dict[str, int] = {}


class _Composer:
    """Takes events one by one; keeps a stack instead of recursing."""

    def __init__(self, file: str) -> None:
        self.problems: list[Diagnostic] = []
        self._file = file
        self._documents: list[Any] = []
        self._open = [_Collection(self._documents)]
        self._started = 0

    def take(self, event: yaml.Event) -> bool:
        """Takes one event; False when it makes no sense to read on."""
        if isinstance(event, yaml.ScalarEvent):
            self._take_scalar(event)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._refuse_decoration(event)
            if len(self._open) > MAX_DEPTH:
                self._report(event, "CPK011", f"nested more than {MAX_DEPTH} levels deep", "the format needs seven")
                return False
            self._open.append(_Collection({} if isinstance(event, yaml.MappingStartEvent) else [], event))
        elif isinstance(event, yaml.CollectionEndEvent):
            closed = self._open.pop()
            self._attach(closed.value, closed.start or event)
        elif isinstance(event, yaml.AliasEvent):
            self._report(
                event, "CPK007", f"alias *{event.anchor}: aliases are not part of the format", "write it out, or quote a text"
            )
            self._attach(None, event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._started += 1
            if self._started > 1:
                self._report(event, "CPK010", "a second document begins here", "one file is one document; use `include`")
                return False
        return len(self.problems) < MAX_PROBLEMS

    def root(self) -> dict[str, Any] | None:
        """The document, when it is one mapping; otherwise None and a problem more."""
        root = self._documents[0] if self._documents else None
        if isinstance(root, dict):
            return root
        if root is None:
            message = "the file is empty"
        else:
            kind = "a list" if isinstance(root, list) else "a single value"
            message = f"the file is {kind}, not a mapping"
        hint = "begin with `apiVersion: cluster-pki/v1` and `cluster: NAME`"
        self.problems.append(place_problem(self._file, (1, 1), "CPK010", message, hint))
        return None

    def _take_scalar(self, event: yaml.ScalarEvent) -> None:
        self._refuse_decoration(event)
        text: str = event.value
        if problem := unprintable(text):
            self._report(event, "CPK012", *problem)
        # libyaml says that a scalar is plain by (True, False); with a tag it is text, and the tag is reported already.
        plain = bool(event.implicit[0]) and event.tag is None
        collection = self._open[-1]
        if collection.key is _AWAITED:
            collection.key = self._key(event, text, plain=plain)
        elif not plain:
            self._attach(text, event)
        elif unclear := ambiguity(text):
            self._report(event, "CPK009", *unclear)
            self._attach(text, event)
        else:
            self._attach(resolve(text), event)

    def _key(self, event: yaml.ScalarEvent, text: str, *, plain: bool) -> object:
        collection = self._open[-1]
        if plain and text == "<<":
            self._report(event, "CPK007", "merge keys are not part of the format", "write the keys out, or use `defaults`")
            return _DROPPED
        if plain and (ambiguity(text) or not isinstance(resolve(text), str)):
            self._report(event, "CPK016", f"the key {text or 'null'} is not text", f'quote it: "{text}"' if text else "name it")
            return _DROPPED
        if text in collection.lines:
            message = f"key {quoted(text)} is given twice, first on line {collection.lines[text]}"
            self._report(event, "CPK006", message, "remove one of them")
            return _DROPPED
        collection.lines[text] = span_of(event, self._file).line
        return text

    def _attach(self, value: Value, event: yaml.Event) -> None:
        collection = self._open[-1]
        if isinstance(collection.value, list):
            collection.value.append(value)
        elif collection.key is _AWAITED:
            self._report(event, "CPK016", "a list or mapping cannot be a key", "keys are text")
            collection.key = _DROPPED
        else:
            if collection.key is not _DROPPED:
                collection.value[cast("str", collection.key)] = value
            collection.key = _AWAITED

    def _refuse_decoration(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.anchor is not None:
            self._report(event, "CPK007", f"anchor &{event.anchor}: anchors are not part of the format", "remove it")
        if event.tag is not None:
            self._report(event, "CPK008", f"tag {quoted(event.tag)[1:-1]}: tags are not part of the format", "remove it")

    def _report(self, event: yaml.Event, code: str, message: str, hint: str) -> None:
        self.problems.append(Diagnostic(code=code, message=message, hint=hint, span=span_of(event, self._file)))

"""A small YAML reader for files of others: strings, lists and mappings, without anything that could explode.

Scalars stay the strings they were typed as, so that ``true``, ``1:30`` and dates need no rules. Anchors, aliases, tags and
deep nesting are refused: nothing that writes a kubeconfig uses them, and each of them has brought a parser down.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import yaml

from reconciler.x509.errors import Problem, UnreadableError

#: libyaml's parser gives the same events in a tenth of the time; not every build of PyYAML has it.
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Tree = str | list["Tree"] | dict[str, "Tree"] | None

MAX_CHARACTERS: Final = 1024 * 1024
MAX_EVENTS: Final = 20_000
MAX_DEPTH: Final = 32


def parse_tree(text: str, *, what: str) -> Tree:
    """The one document of a YAML text.

    Args:
        text: at most 1 MiB.
        what: names the file in messages.

    Raises:
        UnreadableError: ``empty``, ``unparsable`` or ``wrong-type``.
    """
    trees = parse_trees(text, what=what)
    if len(trees) > 1:
        raise UnreadableError(Problem.UNPARSABLE, f"the {what} holds more than one document")
    return trees[0]


def parse_trees(text: str, *, what: str) -> tuple[Tree, ...]:
    """Every document of a YAML text, at least one; see `parse_tree`.

    Raises:
        UnreadableError: ``empty``, ``unparsable`` or ``wrong-type``.
    """
    if not text.strip():
        raise UnreadableError(Problem.EMPTY, "the file is empty")
    if len(text) > MAX_CHARACTERS:
        raise UnreadableError(Problem.UNPARSABLE, f"the {what} is larger than 1 MiB")
    trees: list[Tree] = []
    try:
        events = _checked(yaml.parse(text, Loader=_LOADER), what)
        next(events)  # the stream's start
        while not isinstance(next(events), yaml.StreamEndEvent):  # else a document's start
            trees.append(_node(next(events), events, what))
            next(events)  # the document's end
    except (yaml.YAMLError, ValueError):
        # The parser's own message quotes the text, which may hold a key.
        raise UnreadableError(Problem.UNPARSABLE, f"the {what} is not valid YAML") from None
    if not trees:
        raise UnreadableError(Problem.EMPTY, f"the {what} holds no document")
    return tuple(trees)


def _checked(events: Iterator[yaml.Event], what: str) -> Iterator[yaml.Event]:
    depth = 0
    for count, event in enumerate(events):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH or count > MAX_EVENTS:
            raise UnreadableError(Problem.UNPARSABLE, f"the {what} is nested too deeply or has too many entries")
        if isinstance(event, yaml.NodeEvent) and (event.anchor is not None or getattr(event, "tag", None) is not None):
            raise UnreadableError(Problem.UNPARSABLE, f"the {what} uses YAML anchors, aliases or tags")
        yield event


def _node(event: yaml.Event, events: Iterator[yaml.Event], what: str) -> Tree:
    if isinstance(event, yaml.ScalarEvent):
        return None if event.implicit[0] and event.value in {"", "~", "null"} else str(event.value)
    if isinstance(event, yaml.SequenceStartEvent):
        items: list[Tree] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            items.append(_node(event, events, what))
        return items
    mapping: dict[str, Tree] = {}
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        key = _node(event, events, what)
        if not isinstance(key, str) or key in mapping:
            raise UnreadableError(Problem.UNPARSABLE, f"the {what} has a key twice, or one that is not a string")
        mapping[key] = _node(next(events), events, what)
    return mapping


def mapping_of(tree: Tree, what: str) -> dict[str, Tree]:
    """A tree that has to be a mapping.

    Raises:
        UnreadableError: it is none; `what` names it.
    """
    if not isinstance(tree, dict):
        raise UnreadableError(Problem.WRONG_TYPE, f"{what} is not a mapping")
    return tree


def text_in(mapping: Mapping[str, Tree], key: str) -> str:
    """The text of a field; empty where there is none.

    Raises:
        UnreadableError: it is a list or a mapping.
    """
    value = mapping.get(key) or ""
    if not isinstance(value, str):
        raise UnreadableError(Problem.WRONG_TYPE, f"{key} is not a string")
    return value

"""YAML and JSON of configuration files as trees of strings, and trees as settings with dotted names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import cast

from reconciler.x509.errors import Problem, UnreadableError
from reconciler.x509.yaml_tree import MAX_CHARACTERS, MAX_DEPTH, Tree, parse_trees

Settings = Mapping[str, tuple[str, ...]]


def parse_documents(text: str, *, what: str) -> tuple[Tree, ...]:
    """Every document of a YAML text, or the one of a JSON text; scalars are strings.

    Args:
        text: at most 1 MiB.
        what: names the file in messages.

    Raises:
        UnreadableError: it is neither.
    """
    # YAML's parser refuses the tabs that JSON allows, so JSON gets its own.
    if text.lstrip()[:1] == "{" and len(text) <= MAX_CHARACTERS:
        try:
            return (_from_json(json.loads(text), what, 0),)
        except (ValueError, RecursionError):
            pass
    return parse_trees(text, what=what)


def mapping(tree: Tree) -> dict[str, Tree]:
    """A mapping as it is; anything else as an empty one."""
    return tree if isinstance(tree, dict) else {}


def items(tree: Tree) -> list[Tree]:
    """A list as it is; anything else as an empty one."""
    return tree if isinstance(tree, list) else []


def string(tree: Tree) -> str:
    """A scalar as it is; anything else as an empty one."""
    return tree if isinstance(tree, str) else ""


def at(tree: Tree, *names: str) -> Tree:
    """What stands below a path of names; None when nothing does."""
    for name in names:
        tree = mapping(tree).get(name)
    return tree


def settings_of(tree: Tree) -> Settings:
    """Every scalar by its dotted name, such as ``authentication.x509.clientCAFile``; lists of scalars keep their order.

    What kind of document it is (``apiVersion``, ``kind``) is no setting, and neither is a text that is no mapping: a private key
    in the place of a configuration would be taken for the value of something, and be named.
    """
    return {name: values for name, values in _flat(mapping(tree), "") if values and name not in {"apiVersion", "kind"}}


def merged(below: Tree, above: Tree) -> Tree:
    """Two documents as one, as the kubelet merges its drop-ins: mappings are merged, all else is replaced."""
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above
    return {**below, **{name: merged(below[name], value) if name in below else value for name, value in above.items()}}


def _flat(tree: Tree, prefix: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    if isinstance(tree, dict):
        for name, value in tree.items():
            yield from _flat(value, f"{prefix}.{name}" if prefix else name)
    elif isinstance(tree, list):
        yield prefix, tuple(item for item in tree if isinstance(item, str))
    elif tree is not None:
        yield prefix, (tree,)


def _from_json(value: object, what: str, depth: int) -> Tree:
    if depth > MAX_DEPTH:
        raise UnreadableError(Problem.UNPARSABLE, f"the {what} is nested too deeply or has too many entries")
    if isinstance(value, dict):
        return {name: _from_json(each, what, depth + 1) for name, each in cast("dict[str, object]", value).items()}
    if isinstance(value, list):
        return [_from_json(each, what, depth + 1) for each in cast("list[object]", value)]
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)

"""The schema file, the schema in the program and the types are one."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from reconciler.desired.schema import desired_schema, included_schema, structure
from reconciler.plan.schema import schema_text
from tests.desired.full_document import FULL

REPOSITORY: Final = Path(__file__).resolve().parents[2]
VALIDATOR: Final = Draft202012Validator(desired_schema())
ODD_VALUES: Final[tuple[object, ...]] = (
    *(None, True, False, 0, 1, -1, 33, 65536, 10**30),
    *("", "a", "A", "a\n", "1y", "1 y", "33%", "100%", "0600", "9", "https://x", "/x", "1.36", "file", "CPK312", "x" * 2000, "é"),
    *([], ["a"], [None], [[]], ["x", "x", "x"]),
    *({}, {"a": 1}, {"a": None}, {"A B": {}}),
)


def steps(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every path of a document, the root excepted."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, child in children:
        yield (*path, step)
        yield from steps(child, (*path, step))


PATHS: Final = sorted(steps(FULL), key=repr)


def accepted_by_types(document: dict[str, Any]) -> bool:
    """Whether structuring succeeds."""
    try:
        structure(document)
    except msgspec.ValidationError:
        return False
    return True


def changed(path: tuple[str | int, ...], how: str, value: object) -> dict[str, Any]:
    """The full document with one place replaced, removed or given a neighbour."""
    document = copy.deepcopy(FULL)
    holder: Any = document
    for step in path[:-1]:
        holder = holder[step]
    if how == "replace":
        holder[path[-1]] = value
    elif how == "remove":
        del holder[path[-1]]
    elif isinstance(holder, dict):
        holder["exec" if "touch" in holder else "extra"] = value
    else:
        holder.append(value)
    return document


def test_the_shipped_file_is_what_the_types_say() -> None:
    """`cluster-pki schema > schemas/cluster-pki.v1.schema.json` brings it up to date."""
    shipped = REPOSITORY / "schemas" / "cluster-pki.v1.schema.json"
    assert shipped.read_text(encoding="utf-8") == schema_text(desired_schema())


def test_the_schema_is_a_schema() -> None:
    """It is valid JSON Schema 2020-12, and so is the one for included files."""
    Draft202012Validator.check_schema(desired_schema())
    Draft202012Validator.check_schema(included_schema())


def objects(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The root and every definition."""
    yield "root", schema
    yield from schema["$defs"].items()


def test_an_editor_can_explain_every_key() -> None:
    """Each property has a description, or refers to something that has one."""
    silent = [
        f"{name}.{key}"
        for name, schema in objects(desired_schema())
        for key, about in schema["properties"].items()
        if "description" not in about and not any("description" in branch for branch in about.get("anyOf", ()))
    ]
    assert silent == []


def test_the_full_document_holds_every_key() -> None:
    """What the tests change covers the whole format."""
    used = {step for path in PATHS for step in path if isinstance(step, str)}
    known = {key for _, schema in objects(desired_schema()) for key in schema["properties"]}
    assert known - used == set()
    assert accepted_by_types(FULL)
    assert VALIDATOR.is_valid(FULL)


def test_defaults_and_examples_have_the_form_they_illustrate() -> None:
    """What an editor offers is accepted."""
    refused = [
        f"{name}.{key}"
        for name, schema in objects(desired_schema())
        for key, about in schema["properties"].items()
        for value in [*about.get("examples", ()), *([about["default"]] if "default" in about else ())]
        if not VALIDATOR.evolve(schema={**about, "$defs": desired_schema()["$defs"]}).is_valid(value)
    ]
    assert refused == []


@pytest.mark.parametrize("how", ["remove", "add"])
@pytest.mark.parametrize("path", PATHS, ids=repr)
def test_types_and_schema_agree_on_missing_and_extra_keys(path: tuple[str | int, ...], how: str) -> None:
    """At every place of a document."""
    document = changed(path, how, ["x"])
    assert accepted_by_types(document) == VALIDATOR.is_valid(document)


@given(path=st.sampled_from(PATHS), value=st.sampled_from(ODD_VALUES))
@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
def test_types_and_schema_agree_on_values(path: tuple[str | int, ...], value: object) -> None:
    """Whatever stands anywhere."""
    document = changed(path, "replace", value)
    assert accepted_by_types(document) == VALIDATOR.is_valid(document)

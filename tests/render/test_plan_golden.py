"""The plans that people read, whole: every story in every format, byte for byte.

After a change that is meant, ``CLUSTER_PKI_TEST_GOLDEN=write pytest tests/render/test_plan_golden.py`` writes the files anew;
the diff is then what a reviewer looks at.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

import jsonschema
import msgspec
import pytest

from reconciler.plan.document import PlanDocument
from reconciler.render.plans import RENDERERS
from tests.render.plan_stories import NOW, STORIES

GOLDEN: Final = Path(__file__).resolve().parents[1] / "golden"
SCHEMAS: Final = Path(__file__).resolve().parents[2] / "schemas"
FILES: Final = {"text": "plan.txt", "json": "plan.json", "markdown": "plan.md"}


@pytest.mark.parametrize("form", FILES)
@pytest.mark.parametrize("story", STORIES)
def test_story_reads_as_it_did(story: str, form: str) -> None:
    """A rendering is an interface: it changes on purpose or not at all."""
    path = GOLDEN / story / FILES[form]
    rendered = RENDERERS[form](STORIES[story](), now=NOW)
    if os.environ.get("CLUSTER_PKI_TEST_GOLDEN") == "write":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(rendered, encoding="utf-8")
    assert rendered == path.read_text(encoding="utf-8")


def test_no_story_is_left_over() -> None:
    """Every folder of golden files belongs to a story."""
    assert {path.name for path in GOLDEN.iterdir()} == set(STORIES)


@pytest.mark.parametrize("story", STORIES)
def test_json_keeps_to_its_schema(story: str) -> None:
    """What other programs may rely on is what is written."""
    schema = json.loads((SCHEMAS / "plan.v1.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(json.loads((GOLDEN / story / "plan.json").read_text(encoding="utf-8")), schema)


@pytest.mark.parametrize("story", STORIES)
def test_json_can_be_read_back(story: str) -> None:
    """The JSON of a plan is the plan: nothing is lost on the way."""
    document = STORIES[story]()
    assert msgspec.json.decode(RENDERERS["json"](document, now=NOW), type=PlanDocument) == document


@pytest.mark.parametrize("form", RENDERERS)
@pytest.mark.parametrize("story", STORIES)
def test_rendering_twice_gives_the_same_bytes(story: str, form: str) -> None:
    """The same document gives the same text, whatever the order in which its mappings were filled."""
    first, second = STORIES[story](), STORIES[story]()
    entries = [
        msgspec.structs.replace(
            entry,
            change=msgspec.structs.replace(
                entry.change,
                before=_turned(entry.change.before),
                after=_turned(entry.change.after),
                after_unknown=_turned(entry.change.after_unknown),
            ),
        )
        for entry in second.resource_changes
    ]
    second = msgspec.structs.replace(second, resource_changes=entries)
    assert RENDERERS[form](first, now=NOW) == RENDERERS[form](second, now=NOW)


def _turned(mapping: dict[str, Any] | None) -> Any:  # noqa: ANN401 - None stays None
    return None if mapping is None else dict(reversed(mapping.items()))

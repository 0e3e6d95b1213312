"""How an apply ended."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from reconciler.plan.document import ActionWord, Change, ClassWord, PlanDocument, ResourceChange, Source, Summary
from reconciler.render.apply_text import render_outcome


def _change(address: str, actions: list[ActionWord], class_: ClassWord) -> ResourceChange:
    kind, name = address.split(".")
    change = Change(actions=actions, before=None, after=None, class_=class_)
    return ResourceChange(address=address, type=kind, name=name, index=None, change=change)


def _document(*changes: ResourceChange) -> PlanDocument:
    return PlanDocument(
        format_version="1.0",
        tool_version="0",
        cluster="demo",
        source=Source(path="f", sha256="0"),
        resource_changes=list(changes),
        resource_drift=[],
        diagnostics=[],
        summary=Summary(),
        valid_until=datetime(2027, 1, 1, tzinfo=UTC),
    )


CREATE = _change("component.a", ["create"], "create")
UPDATE = _change("component.b", ["update"], "reissue")
DELETE = _change("component.c", ["delete"], "destroy")
BLOCKED = _change("component.d", ["no-op"], "blocked")


@pytest.mark.parametrize(
    ("changes", "done", "failed", "skipped", "interrupted", "expected"),
    [
        ((CREATE, UPDATE, DELETE), {"component.a", "component.b", "component.c"}, (), (), False,
         "\nApply complete! Resources: 1 added, 1 changed, 1 destroyed.\n"),
        ((), set(), (), (), False, "\nApply complete! Resources: 0 added, 0 changed, 0 destroyed.\n"),
        ((CREATE, UPDATE), {"component.a"}, (("component.b", "no\x1b[31m space"),), (), False,
         "\nError: component.b: no\\x1b[31m space\nApply incomplete. Resources: 1 added, 0 changed, 0 destroyed, 1 failed.\n"),
        ((CREATE,), set(), (), (("component.a", "ca.x is not there"),), False,
         "\nError: component.a: not started: ca.x is not there\nApply incomplete. Resources: 0 added, 0 changed, 0 destroyed, 1 failed.\n"),  # noqa: E501
        ((CREATE, UPDATE), {"component.a"}, (), (), True, "\nApply interrupted. Resources: 1 added, 0 changed, 0 destroyed.\n"),
        ((CREATE, BLOCKED), {"component.a"}, (), (), False,
         "\nApply incomplete. Resources: 1 added, 0 changed, 0 destroyed, 1 held back.\n"),
    ],
)  # fmt: skip
def test_the_last_words(  # noqa: PLR0917 - one parameter per column of the table
    changes: tuple[ResourceChange, ...],
    done: set[str],
    failed: tuple[tuple[str, str], ...],
    skipped: tuple[tuple[str, str], ...],
    interrupted: bool,
    expected: str,
) -> None:
    """Partial work is never reported as success, and hostile text cannot drive the terminal."""
    text = render_outcome(
        _document(*changes), done=frozenset(done), failed=failed, skipped=skipped, interrupted=interrupted, form="text"
    )
    assert text == expected


def test_the_same_as_json() -> None:
    """Machines get the numbers and the errors."""
    text = render_outcome(
        _document(CREATE, UPDATE),
        done=frozenset({"component.a"}),
        failed=(("component.b", "no space"),),
        skipped=(),
        interrupted=False,
        form="json",
    )
    assert json.loads(text) == {
        "complete": False,
        "interrupted": False,
        "added": 1,
        "changed": 0,
        "destroyed": 0,
        "held_back": 0,
        "failed": [{"address": "component.b", "error": "no space"}],
        "rotations": [],
        "waiting": [],
        "skipped": [],
    }

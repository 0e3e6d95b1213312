"""What other people's tools read out of a plan's text stays readable to them.

The patterns have the shapes that tfcmt (pkg/terraform/parser.go) and Atlantis (server/events/models/models.go) match plans
with; whoever changes a sentence learns here who would stop understanding it.
"""

from __future__ import annotations

import re
from typing import Final

import pytest

from reconciler.render.plan_text import render_text
from tests.render.plan_stories import NOW, STORIES

TFCMT: Final = {
    "create": re.compile(r"^ *# (.*) will be created$"),
    "update": re.compile(r"^ *# (.*) will be updated in-place$"),
    "delete": re.compile(r"^ *# (.*) will be destroyed$"),
    "replace": re.compile(r"^ *# (.*?)(?: is tainted, so)? must be replaced$"),
    "replace-option": re.compile(r"^ *# (.*?) will be replaced, as requested$"),
    "move": re.compile(r"^ *# (.*?) has moved to .*?$"),
    "import": re.compile(r"^ *# (.*?) will be imported$"),
}
TFCMT_PASS: Final = re.compile(r"^(Plan: \d|No changes.)", re.MULTILINE)
TFCMT_FAIL: Final = re.compile(r"^([│|] )?(Error: )", re.MULTILINE)
TFCMT_WARNING: Final = re.compile(r"^([│|] )?(Warning: )", re.MULTILINE)
TFCMT_DESTROY: Final = re.compile(r"([1-9][0-9]* to destroy.)", re.MULTILINE)
ATLANTIS_SUMMARY: Final = re.compile(r"Plan: (?:(\d+) to import, )?(\d+) to add, (\d+) to change, (\d+) to destroy.")
ATLANTIS_NO_CHANGES: Final = re.compile(
    r"No changes. (Infrastructure is up-to-date|Your infrastructure matches the configuration)."
)
ATLANTIS_DIFF: Final = re.compile(r"^( +)([-+~]\s)(.*)(\s=\s|\s->\s|<<|\{|\(known after apply\)| {2,}[^ ]+:.*)(.*)", re.MULTILINE)


def text_of(story: str) -> str:
    """A story as text without colour."""
    return render_text(STORIES[story](), now=NOW)


def read_by_tfcmt(text: str) -> dict[str, list[str]]:
    """What tfcmt lists, by kind."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        for kind, pattern in TFCMT.items():
            if match := pattern.match(line):
                found.setdefault(kind, []).append(match[1])
    return found


@pytest.mark.parametrize(
    ("story", "lists"),
    [
        (
            "first-apply",
            {"create": ["ca.kubernetes", "keypair.sa", "component.apiserver[cp-1]", "bundle.kubernetes[cp-1]"]},
        ),
        ("san-change", {"update": ["component.apiserver[cp-1]"]}),
        (
            "mixed",
            {
                "update": [
                    "component.apiserver[cp-1]",
                    "component.etcd-peer[cp-1]",
                    "component.etcd-peer[cp-2]",
                    "component.scheduler[cp-1]",
                    "component.front-proxy-client[cp-1]",
                ],
                "import": ["component.imported"],
                "move": ["component.etcd[cp-1]"],
                "delete": ["component.jane"],
            },
        ),
        ("replace", {"replace": ["ca.kubernetes", "component.jane"], "replace-option": ["component.bob"]}),
        ("guard-tripped", {"update": ["component.etcd-peer[cp-1]"]}),
        ("blocked-ca", {}),
        ("drift-only", {}),
        ("empty", {}),
    ],
)
def test_tfcmt_lists_the_addresses(story: str, lists: dict[str, list[str]]) -> None:
    """Each headline is one that tfcmt knows, and what is held back or merely drifted is in no list of it."""
    assert read_by_tfcmt(text_of(story)) == lists


@pytest.mark.parametrize(
    ("story", "passes", "fails", "warns", "destroys"),
    [
        ("first-apply", True, False, False, False),
        ("san-change", True, False, False, False),
        ("mixed", True, False, True, True),
        ("drift-only", True, False, False, False),
        ("empty", True, False, False, False),
        ("blocked-ca", False, True, False, False),
        ("guard-tripped", True, True, False, False),
        ("replace", True, False, False, True),
    ],
)
def test_tfcmt_judges_the_plan(story: str, *, passes: bool, fails: bool, warns: bool, destroys: bool) -> None:
    """A routine renewal raises no alarm about destruction, and an error is seen as one."""
    text = text_of(story)
    found = [bool(pattern.search(text)) for pattern in (TFCMT_PASS, TFCMT_FAIL, TFCMT_WARNING, TFCMT_DESTROY)]
    assert found == [passes, fails, warns, destroys]


@pytest.mark.parametrize(
    ("story", "numbers"),
    [("first-apply", (None, "4", "0", "0")), ("mixed", ("1", "0", "5", "1")), ("replace", (None, "3", "0", "3"))],
)
def test_atlantis_counts(story: str, numbers: tuple[str | None, ...]) -> None:
    """Atlantis takes its four numbers from the summary line."""
    match = ATLANTIS_SUMMARY.search(text_of(story))
    assert match is not None
    assert match.groups() == numbers


@pytest.mark.parametrize("story", STORIES)
def test_atlantis_hides_only_plans_without_changes(story: str) -> None:
    """The sentence that makes Atlantis drop its comment stands in empty plans alone, never beside an error."""
    assert bool(ATLANTIS_NO_CHANGES.search(text_of(story))) == (story in {"empty", "drift-only"})


def test_atlantis_colours_headers_and_attributes() -> None:
    """The word `resource` and the brace let Atlantis find block headers, ` = ` the attributes."""
    coloured = [match[3] for match in ATLANTIS_DIFF.finditer(text_of("san-change"))]
    assert [line for line in coloured if line.startswith("resource")] == ['resource "component" "apiserver[cp-1]" ']
    assert any(line.startswith("not_after") for line in coloured)


@pytest.mark.parametrize("story", STORIES)
def test_note_about_drift_is_not_terraforms(story: str) -> None:
    """After Terraform's own sentence tfcmt slices to an end marker that is not there."""
    assert "outside of Terraform" not in text_of(story)

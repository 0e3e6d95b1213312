"""Plans as pull-request comments."""

from __future__ import annotations

import re

import pytest

from reconciler.plan.document import DiagnosticEntry
from reconciler.render.markdown import code, fenced, marker
from reconciler.render.plan_markdown import LONGEST, as_diff, render_markdown
from tests.render.plan_stories import (
    APISERVER,
    NOW,
    STORIES,
    blocked_ca,
    document,
    empty,
    entry,
    first_apply,
    mixed,
    reason,
    replace,
    san_change,
    wanted,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("component.apiserver[cp-1]", "`component.apiserver[cp-1]`"),
        ("", ""),
        ("a|b", "<code>a&#124;b</code>"),
        ("a`b @team", "<code>a&#96;b &#64;team</code>"),
        ("\x1b", "<code>&#92;x1b</code>"),
        ("<b>@team</b>", "`<b>@team</b>`"),
    ],
)
def test_code_keeps_text_text(text: str, shown: str) -> None:
    """Nothing in a code span is markup, and nothing in it ends the span or a table's cell."""
    assert code(text) == shown


def test_a_fence_is_longer_than_what_it_holds() -> None:
    """No run of backticks inside can close it."""
    assert fenced("a\n````\nb", language="diff") == "`````diff\na\n````\nb\n`````"


@pytest.mark.parametrize(
    ("name", "shown"),
    [("demo", "<!-- cluster-pki:plan:demo -->"), ("a--> <b>", "<!-- cluster-pki:plan:a-b- -->")],
)
def test_the_marker_stays_a_comment(name: str, shown: str) -> None:
    """The hidden marker cannot be ended by a name."""
    assert marker("plan", name) == shown


@pytest.mark.parametrize(
    ("line", "diff"),
    [
        ('  ~ resource "component" "a" {', '!   resource "component" "a" {'),
        ("      + serial = 1", "+       serial = 1"),
        ('          - "dns:a",', '-           "dns:a",'),
        ('-/+ resource "ca" "a" {', '-   resource "ca" "a" {'),
        ('+/- resource "ca" "a" {', '+   resource "ca" "a" {'),
        ('  . resource "ca" "a" {', '-   resource "ca" "a" {'),
        ("        # (2 unchanged attributes hidden)", "        # (2 unchanged attributes hidden)"),
        ("  # component.a will be created", "  # component.a will be created"),
        ("    }", "    }"),
    ],
)
def test_signs_stand_where_github_colours_them(line: str, diff: str) -> None:
    """The sign moves to the first column, a change is `!`, everything else keeps its place."""
    assert as_diff(line) == diff


@pytest.mark.parametrize(
    ("story", "title", "cautioned"),
    [
        (empty(), "## :white_check_mark: cluster-pki plan for `demo`: no changes", False),
        (san_change(), "## :memo: cluster-pki plan for `demo`: changes", False),
        (first_apply(), "## :memo: cluster-pki plan for `demo`: changes", True),
        (mixed(), "## :memo: cluster-pki plan for `demo`: changes", True),
        (replace(), "## :memo: cluster-pki plan for `demo`: changes", True),
        (blocked_ca(), "## :x: cluster-pki plan for `demo`: errors", False),
    ],
    ids=["empty", "san-change", "first-apply", "mixed", "replace", "blocked"],
)
def test_title_and_banner_tell_what_to_read(story: object, title: str, *, cautioned: bool) -> None:
    """A reviewer sees at once whether something goes away or a CA changes; a routine renewal is no alarm."""
    text = render_markdown(story, now=NOW)  # type: ignore[arg-type]
    assert title in text.split("\n")
    assert ("> [!CAUTION]" in text) is cautioned


@pytest.mark.parametrize("count", [1, 100, 5000])
def test_a_comment_fits_into_a_comment(count: int) -> None:
    """GitHub refuses what is longer; whole rows and blocks are left out, and the text says how many."""
    sans = [f"dns:a-rather-long-name-{number}.example.com" for number in range(20)]
    changes = [
        entry(f"component.a[n{number}]", "create", reason("Missing"), after=wanted(APISERVER, sans=sans))
        for number in range(count)
    ]
    errors = [DiagnosticEntry(severity="error", code="X", summary="s" * 2000, detail="d " * 2000) for _ in range(count)]
    text = render_markdown(document(*changes, diagnostics=tuple(errors)), now=NOW)
    assert len(text) <= LONGEST
    assert len(re.findall(r"^```", text, re.MULTILINE)) % 2 == 0
    assert text.count("<details>") == text.count("</details>")
    assert ("left out here" in text) is (count > 100 or count == 100)


@pytest.mark.parametrize("story", STORIES)
def test_tables_have_four_cells(story: str) -> None:
    """Every row of the table has the columns of its head."""
    rows = [line for line in render_markdown(STORIES[story](), now=NOW).split("\n") if line.startswith("| ")]
    assert {row.count("|") for row in rows} <= {5}

"""What the golden stories do not show: colour, secrets, hostile names, size."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.plan.document import ActionWord, DiagnosticEntry
from reconciler.render.plan_text import FULL_CREATIONS, MOST_HELD_BACK, render_text
from reconciler.render.plans import RENDERERS
from tests.render.plan_stories import (
    APISERVER,
    ISSUED,
    JANE,
    NOW,
    STORIES,
    changed,
    document,
    entry,
    first_apply,
    reason,
    wanted,
)

ESCAPE_CODES: Final = re.compile(r"\x1b\[\d+m")
HOSTILE: Final = "\x1b]0;owned\x07\x9b2J\r\nPlan: 0 to add, 0 to change, 9 to destroy.\n\u202e</details>```|@team <script>"


@pytest.mark.parametrize("story", STORIES)
def test_colour_adds_nothing_but_codes(story: str) -> None:
    """The text reads the same without colour; and without leave there is no code in it."""
    plain, coloured = (render_text(STORIES[story](), now=NOW, color=color) for color in (False, True))
    assert "\x1b" not in plain
    assert "\x1b" in coloured
    assert ESCAPE_CODES.sub("", coloured) == plain


@pytest.mark.parametrize("story", STORIES)
def test_lines_end_in_text(story: str) -> None:
    """No trailing blanks: the text can be kept in git and compared."""
    text = render_text(STORIES[story](), now=NOW)
    assert [line for line in text.splitlines() if line != line.rstrip()] == []
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


def test_hints_only_on_request() -> None:
    """Automation gets the plan alone; a person at a terminal is told that it was not saved; an empty plan has no next step."""
    assert "--out" not in render_text(first_apply(), now=NOW)
    assert "--out" in render_text(first_apply(), now=NOW, hints=True)
    assert "--out" not in render_text(document(), now=NOW, hints=True)


@pytest.mark.parametrize("form", ["text", "markdown", "github"])
@pytest.mark.parametrize(
    "attributes",
    [
        {"private_key": "c2VjcmV0"},
        {"password": "c2VjcmV0"},
        {"note": "-----BEGIN PRIVATE KEY-----\nc2VjcmV0"},
        {"notes": ["-----BEGIN EC PRIVATE KEY-----\nc2VjcmV0"]},
        {"notes": {"key": "-----BEGIN RSA PRIVATE KEY-----\nc2VjcmV0"}},
    ],
    ids=["by-name", "password", "by-content", "in-a-list", "in-a-map"],
)
def test_secrets_are_never_shown(form: str, attributes: dict[str, Any]) -> None:
    """No document should hold a key; if one does by mistake, no rendering for people prints it."""
    for plan in (
        document(entry("component.jane", "create", after=attributes)),
        document(entry("component.jane", "destroy", before=attributes)),
        document(entry("component.jane", "repair", before=attributes, after={"mode": "0600"})),
        document(entry("component.jane", "import", before=attributes, importing="/x")),
    ):
        assert "c2VjcmV0" not in RENDERERS[form](plan, now=NOW)


@pytest.mark.parametrize("form", RENDERERS)
def test_hostile_names_stay_text(form: str) -> None:
    """A name in a certificate drives no terminal, forges no line, and ends no code block or comment."""
    hostile = changed(JANE, subject=f"CN={HOSTILE}", sans=[f"dns:{HOSTILE}"])
    plan = document(
        entry(
            "component.jane", "reissue", reason("SubjectMismatch", HOSTILE, path="subject"), before=hostile, after=wanted(JANE)
        ),
        entry("component.bob", "import", before=hostile, importing=HOSTILE),
        drift=(entry("component.eve", "repair", reason("Foreign", HOSTILE), before=JANE, after=hostile),),
        diagnostics=(DiagnosticEntry(severity="error", code="X", summary=HOSTILE, detail=HOSTILE, held_back=[HOSTILE]),),
    )
    text = RENDERERS[form](plan, now=NOW)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)
    assert not re.search(r"^Plan: 0 to add, 0 to change, 9 to destroy\.", text, re.MULTILINE)
    if form == "markdown":
        assert text.count("</details>") - text.count("`</details>") >= 0
        outside = re.sub(r"^(`{3,})\w*\n.*?^\1$", "", text, flags=re.DOTALL | re.MULTILINE)
        assert "@team" not in outside
        assert "<script>" not in outside


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_name_keeps_the_form(subject: str, message: str) -> None:
    """Whatever a subject or message holds, the text has as many lines as with a harmless one."""

    def lines(subject: str, message: str) -> int:
        findings = reason("Unreadable", message or "m", path="certificate")
        plan = document(entry("component.jane", "repair", findings, before={"subject": "CN=x" + subject}, after={"subject": "y"}))
        return len(render_text(plan, now=NOW).split("\n"))

    assert lines(subject, message) == lines("harmless", "harmless")


def test_many_creations_stay_readable() -> None:
    """Beyond a screenful of creations a block keeps what identifies a certificate, each on one line."""
    few, many = (
        render_text(
            document(*(entry(f"component.a[n{number}]", "create", after=wanted(APISERVER)) for number in range(count))), now=NOW
        )
        for count in (FULL_CREATIONS, FULL_CREATIONS + 1)
    )
    assert "+ mode " in few
    assert '          + "dns:cp-1",' in few
    assert "+ mode " not in many
    assert '      + usages  = ["server auth"]\n' in many
    assert many.count("will be created\n") == FULL_CREATIONS + 1


def test_a_thousand_held_back_addresses_are_cut() -> None:
    """A tripped guard does not bury its own message."""
    plan = document(*(entry(f"component.a[n{number}]", "blocked", before=JANE, after=JANE) for number in range(1000)))
    text = render_text(plan, now=NOW)
    assert text.count(" is held back\n") == MOST_HELD_BACK
    assert f"(and {1000 - MOST_HELD_BACK} more; --format json lists them all)" in text


def test_long_values_are_cut() -> None:
    """A certificate with ten thousand names, one of them endless, does not fill the screen."""
    before = changed(APISERVER, sans=[f"dns:n{number}" for number in range(10_000)], subject="CN=" + "x" * 100_000)
    text = render_text(document(entry("component.a", "reissue", before=before, after=wanted(APISERVER))), now=NOW)
    assert len(text) < 10_000
    assert "(and 9946 more)" in text


@pytest.mark.parametrize(
    ("before", "after", "unknown", "lines"),
    [
        ({"mode": "0644"}, {"mode": "0600"}, (), ['      ~ mode = "0644" -> "0600"']),
        ({}, {"owner": "root"}, (), ['      + owner = "root"']),
        ({"owner": "root"}, {"owner": None}, (), ['      - owner = "root" -> null']),
        ({"path_length": 0}, {"path_length": 1}, (), ["      ~ path_length = 0 -> 1"]),
        ({"serial": "1f"}, {}, ("serial",), ['      ~ serial = "1f" -> (known after apply)']),
        ({}, {}, ("serial",), ["      + serial = (known after apply)"]),
        (
            {"a": "x", "b": "y"},
            {"a": "x", "b": "y", "c": True},
            (),
            ["      + c = true", "        # (2 unchanged attributes hidden)"],
        ),
        (
            {"sans": ["a", "b"]},
            {"sans": ["b", "a"]},
            (),
            ["      ~ sans = [", "            # (2 elements in another order)", "        ]"],
        ),
        (
            {"sans": ["a", "a", "b"]},
            {"sans": ["a", "c"]},
            (),
            [
                "      ~ sans = [",
                '          - "a",',
                '          - "b",',
                '          + "c",',
                "            # (1 unchanged element hidden)",
                "        ]",
            ],
        ),
        (
            {"limits": {"dns": "x", "ip": "y", "uri": "z"}},
            {"limits": {"dns": "x", "ip": "w", "email": "v"}},
            (),
            [
                "      ~ limits = {",
                '          + email = "v"',
                '          ~ ip    = "y" -> "w"',
                '          - uri   = "z" -> null',
                "            # (1 unchanged element hidden)",
                "        }",
            ],
        ),
        ({}, {"limits": {"b": 1, "a": 2}}, (), ["      + limits = {", "          + a = 2", "          + b = 1", "        }"]),
        ({"outputs": ["pem"]}, {"outputs": []}, (), ["      - outputs = [", '          - "pem",', "        ] -> null"]),
        ({"outputs": "pem"}, {"outputs": ["der"]}, (), ['      ~ outputs = "pem" -> ["der"]']),
    ],
)
def test_attributes(before: dict[str, Any], after: dict[str, Any], unknown: tuple[str, ...], lines: list[str]) -> None:
    """Each kind of difference has one way to be written."""
    text = render_text(document(entry("component.a", "repair", before=before, after=after, unknown=unknown)), now=NOW)
    block = text[text.index("{\n") + 2 : text.index("\n    }")]
    assert block.split("\n") == lines


def test_the_stronger_cause_is_told() -> None:
    """Of two causes behind one attribute, the one that takes the key is written; a repair never forces anything."""
    plan = document(
        entry(
            "component.a",
            "rekey",
            reason("KeyPolicyMismatch", path="key"),
            reason("WeakSignature", path="key"),
            reason("SanMismatch", path="sans"),
            reason("ModeDrift", path="mode"),
            before={"key": "rsa-2048", "sans": ["dns:a"], "mode": "0644"},
            after={"key": "ecdsa-p256", "sans": ["dns:b"], "mode": "0600"},
        )
    )
    suffixes = re.findall(r"# (forces .*)$|(mode .*)$", render_text(plan, now=NOW), re.MULTILINE)
    assert suffixes == [("forces reissue", ""), ("forces new key", ""), ("", 'mode = "0644" -> "0600"')]


def test_a_moved_and_imported_change_says_both_where_tfcmt_looks() -> None:
    """The origin stands directly below the headline, the reasons below that."""
    plan = document(
        entry(
            "component.a",
            "reissue",
            reason("SanMismatch", path="sans"),
            before={"sans": ["dns:a"]},
            after={"sans": ["dns:b"]},
            previous="component.b",
            importing="/srv/a.crt",
        )
    )
    assert render_text(plan, now=NOW).split("\n")[5:9] == [
        "  # component.a will be updated in-place",
        "  # (moved from component.b)",
        '  # (imported from "/srv/a.crt")',
        "  # (reissue: SanMismatch)",
    ]


def test_refresh_only_says_nothing_about_changes_it_did_not_plan() -> None:
    """With drift to report, a drift report does not claim that nothing changed."""
    drift = (entry("component.eve", "repair", before=JANE, after=changed(JANE, mode="0644")),)
    report = document(drift=drift, options={"refresh_only": True})
    assert "No changes" not in render_text(report, now=NOW)
    assert "No changes" in render_text(msgspec.structs.replace(report, resource_drift=[]), now=NOW)


@pytest.mark.parametrize(
    ("actions", "before", "after"),
    [(["create"], None, JANE), (["update"], JANE, wanted(JANE)), (["delete"], JANE, JANE), (["no-op"], None, None)],
)
def test_what_is_held_back_never_looks_planned(
    actions: list[ActionWord], before: dict[str, Any] | None, after: dict[str, Any] | None
) -> None:
    """Whatever it would do if it could: no symbol in front, no line that a tool would count."""
    plan = document(
        entry("component.jane", "blocked", reason("Foreign"), before=before, after=after, unknown=ISSUED, actions=actions)
    )
    text = render_text(plan, now=NOW)
    assert '    resource "component" "jane" {' in text
    assert not re.search(r"will be|must be|^Plan:|will perform", text, re.MULTILINE)
    assert not re.search(r"^ +[-+] ", text, re.MULTILINE)

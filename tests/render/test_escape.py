"""Text of unknown origin cannot drive a terminal."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.render.escape import INVISIBLE, quoted, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("kube-apiserver", "kube-apiserver"),
        ("Zoë & Søn, 株式会社", "Zoë & Søn, 株式会社"),
        ("\x1b[2Jgone", r"\x1b[2Jgone"),
        ("\x9b2Jgone", r"\x9b2Jgone"),
        ("a\r\nPlan: 0 to add", r"a\r\nPlan: 0 to add"),
        ("tab\there", r"tab\there"),
        ("\x7f", r"\x7f"),
        ("nimda\u202eadmin", r"nimda\u202eadmin"),
        ("zero\u200bwidth", r"zero\u200bwidth"),
        ("line\u2028separator", r"line\u2028separator"),
        ("tag\U000e0041", r"tag\U000e0041"),
        ("half\udc80", r"half\udc80"),
    ],
)
def test_invisible_characters_become_visible(text: str, shown: str) -> None:
    """Controls, direction changes, zero-width and tag characters are spelled out; letters of any script stay."""
    assert visible(text) == shown


@given(st.text())
def test_nothing_invisible_is_left(text: str) -> None:
    """Whatever goes in, no character without a glyph comes out, and it can be encoded."""
    shown = visible(text)
    assert not [char for char in shown if unicodedata.category(char) in INVISIBLE]
    shown.encode()


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a", '"a"'), ('say "hi"', r'"say \"hi\""'), (r"\x1b", r'"\\x1b"'), ("\x1b", r'"\x1b"')],
)
def test_quoted_text_is_unambiguous(text: str, shown: str) -> None:
    """A quote cannot end the value, and a real escape differs from one that somebody typed."""
    assert quoted(text) == shown

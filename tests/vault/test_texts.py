"""What a server says, made fit for one line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.vault.texts import LONGEST, MOST, lines, one_line

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW06c2VydmljZWFjY291bnQifQ.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("permission denied", "permission denied"),
        ("two\r\nlines\tand\x1b[31m more\u2028\u202e", "two lines and [31m more"),
        ("  ", ""),
        ("x" * 301, "[secret]"),
        ("word " * 100, f"{('word ' * 60)[: LONGEST - 1]}…"),
        ("token hvs.CAESIJlU02mR_q2Bxyzabcdefg is bad", "token [secret] is bad"),
        ("token s.abcdefghijklmnopqrstuvwx is bad", "token [secret] is bad"),
        (f"jwt {JWT} expired", "jwt [secret] expired"),
        ("-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE", "[not shown: it holds a private key]"),
        ("MHcCAQEEIBn1234567890abcdefghijklmnopqrstuvwxyzAB+/ was sent", "[secret] was sent"),
        ("secret_id mine-and-only-mine", "secret_id [secret]"),
        ("internal-a1b2-1234567890.eu-west-1.elb.amazonaws.com", "internal-a1b2-1234567890.eu-west-1.elb.amazonaws.com"),
    ],
)
def test_a_text_becomes_one_short_line_without_secrets(text: str, shown: str) -> None:
    """Names stay, since a person has to find them."""
    assert one_line(text, ("mine-and-only-mine", "", "x")) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ()),
        ([], ()),
        ("one", ("one",)),
        (["one", "", "two"], ("one", "two")),
        ([{}, 7, None, ["x"], "one"], ("[dict]", "[int]", "[NoneType]", "[list]", "one")),
        (7, ("[int]",)),
        ({"a": 1}, ("[dict]",)),
        (["same"] * 100, ("same",) * MOST),
    ],
)
def test_errors_of_any_type(value: object, shown: tuple[str, ...]) -> None:
    """What is no text is named by its type."""
    assert lines(value) == shown


@given(st.text())
def test_whatever_is_said_is_one_line(text: str) -> None:
    """Printable, and no longer than it may be."""
    shown = one_line(text)
    assert shown.isprintable()
    assert len(shown) <= LONGEST

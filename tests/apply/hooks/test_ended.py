"""What a program printed is kept for people: short, harmless, and without a key."""

from __future__ import annotations

import base64

import pytest

from reconciler.apply.hooks.ended import KEPT, Ended, readable
from tests.builders import key_pem, make_key, raw_key

KEY = make_key("secret").pem()
BODY = KEY.split(b"\n")[1]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"plain\n", "plain"),
        (b"\x1b[31mred\x1b[0m \x1b]0;title\x07end", "red end"),
        (b"a\rb\r\nc\td", "a\nb\nc\td"),
        ("bidi \u202e and zero\u200bwidth".encode(), "bidi  and zerowidth"),
        (b"not \xff utf-8 \x00\x08\x7f\xc2\x9b", "not \ufffd utf-8"),
        (b"", ""),
    ],
)
def test_what_acts_on_a_terminal_is_left_out(data: bytes, text: str) -> None:
    """Sequences, controls and invisible characters go; lines and letters stay."""
    assert readable(data, cut=False) == text


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"before\n" + KEY + b"after", "before\n[redacted]\nafter"),
        (key_pem(raw_key("secret")).replace(b"\n", b"\r\n"), "[redacted]"),
        (b"cut short\n" + KEY[:60], "cut short\n[redacted]"),
        (BODY + KEY[KEY.find(BODY) + len(BODY) :] + b"after", "[redacted]\nafter"),
        (KEY.replace(b"\n", b"\\n"), r"[redacted]\n"),
        (b"\n".join(b"log: \x1b[1m" + line for line in KEY.splitlines()), "log: [redacted]"),
        (b"client-key-data: " + base64.b64encode(KEY) + b"\nend", "client-key-data: [redacted]\nend"),
    ],
    ids=["whole", "crlf", "no end", "no beginning", "in JSON", "in a log", "kubeconfig"],
)
def test_private_keys_are_taken_out(data: bytes, text: str) -> None:
    """A program that prints a key by mistake does not put it into our status."""
    assert readable(data, cut=False) == text


def test_a_certificate_is_no_secret() -> None:
    """Only keys are taken out."""
    data = base64.b64encode(b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")
    assert readable(b"certificate: " + data, cut=False) == f"certificate: {data.decode()}"


def test_a_key_before_the_end_that_is_shown() -> None:
    """What is cut away for its length is looked at first: the end of a key is not shown without its beginning."""
    text = readable(KEY + b"x" * (KEPT - 100), cut=False)
    assert (BODY.decode()[-20:] in text, len(text) <= KEPT) == (False, True)


def test_the_line_that_was_cut_goes() -> None:
    """It may be the middle of anything."""
    assert readable(b"ddle of a line\nwhole", cut=True) == "whole"


def test_letters_are_not_split() -> None:
    """The limit counts bytes, and what is shown is text."""
    text = readable("ä".encode() * KEPT + b"x", cut=False)
    assert (text.strip("ä"), len(text.encode()) <= KEPT) == ("x", True)


def test_its_repr_shows_no_output() -> None:
    """A traceback or a log line with it holds nothing that was not looked at."""
    assert repr(Ended(status=1, output=KEY, cut=False)) == f"Ended(1, {len(KEY)} bytes, '')"

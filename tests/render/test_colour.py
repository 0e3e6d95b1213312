"""When output is coloured."""

from __future__ import annotations

import io

import pytest

from reconciler.render.colour import Palette, wants_colour


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        """It says so."""
        return True


@pytest.mark.parametrize(
    ("option", "environ", "terminal", "expected"),
    [
        ("auto", {}, True, True),
        ("auto", {}, False, False),
        ("auto", {"TERM": "dumb"}, True, False),
        ("auto", {"NO_COLOR": "1"}, True, False),
        ("auto", {"NO_COLOR": ""}, True, True),
        ("auto", {"FORCE_COLOR": "1"}, False, True),
        ("auto", {"FORCE_COLOR": ""}, False, False),
        ("auto", {"FORCE_COLOR": "1", "TERM": "dumb"}, False, True),
        ("auto", {"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
        ("always", {"NO_COLOR": "1", "TERM": "dumb"}, False, True),
        ("never", {"FORCE_COLOR": "1"}, True, False),
    ],
)
def test_the_order_of_precedence(option: str, environ: dict[str, str], *, terminal: bool, expected: bool) -> None:
    """The option, NO_COLOR, FORCE_COLOR, TERM=dumb, the terminal: the first that has a say decides."""
    stream = Terminal() if terminal else io.StringIO()
    assert wants_colour(option, environ, stream) is expected


def test_pieces_close_what_they_open() -> None:
    """Coloured pieces can be joined in any order; without colour they are the bare text."""
    coloured, plain = Palette(enabled=True), Palette()
    assert coloured.red("gone") == "\x1b[31mgone\x1b[0m"
    assert coloured.bold("") == ""
    assert plain.red("gone") + plain.dim("!") == "gone!"

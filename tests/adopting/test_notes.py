"""What is said of what was not taken over."""

from __future__ import annotations

import pytest

from reconciler.adopting.document import sentences
from reconciler.adopting.model import Note
from reconciler.adopting.names import few


def test_what_is_true_of_several_nodes_is_said_once() -> None:
    """In the order in which it was found; without nodes where there is one."""
    notes = [Note(node=node, path="/a", why="it is odd") for node in ("n-1", "n-2")]
    notes += [Note(node="n-1", path="/a", why="it is old"), Note(node="n-2", path="/b", why="it is odd")]
    assert sentences(notes, several=True) == [
        "/a on n-1, n-2: it is odd",
        "/a on n-1: it is old",
        "/b on n-2: it is odd",
    ]
    assert sentences(notes[:1], several=False) == ["/a: it is odd"]


def test_what_is_true_of_many_files_is_said_once() -> None:
    """A directory of thousands of files is a line."""
    notes = [Note(node="", path=f"/{number}", why="it is odd") for number in range(3000)]
    assert sentences([Note(node="", path="/a", why="it is old"), *notes], several=False) == [
        "/a: it is old",
        "/0, /1, /2, /3 and 2996 more: it is odd",
    ]


@pytest.mark.parametrize(
    ("count", "text"),
    [(1, "n1"), (5, "n1, n2, n3, n4, n5"), (6, "n1, n2, n3, n4 and 2 more"), (99, "n1, n2, n3, n4 and 95 more")],
)
def test_a_fleet_is_not_listed(count: int, text: str) -> None:
    """Beyond five nodes their number says enough."""
    assert few([f"n{number}" for number in range(1, count + 1)]) == text

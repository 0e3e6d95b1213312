"""The board between the loop and those who look."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Final

import msgspec

from reconciler.daemon.published import Published
from tests.render.page_stories import CALM, NOW, RICH, document, reconciler


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        """The time."""
        return self.seconds


FAILED: Final = msgspec.structs.replace(CALM, reconciler=reconciler(result="error"))


def test_empty_at_first() -> None:
    """Before the first pass there is nothing, and that is said."""
    published = Published(monotonic=Clock())
    assert (published.document, published.json(now=NOW), published.page(now=NOW), published.ready) == (None, None, None, False)


def test_shows_the_last() -> None:
    """JSON and page are those of the last status."""
    published = Published(monotonic=Clock())
    published.update(RICH)
    published.update(CALM)
    body, page = published.json(now=NOW), published.page(now=NOW)
    assert published.document is CALM
    assert body is not None
    assert page is not None
    assert json.loads(body)["summary"]["total"] == len(CALM.resources)
    assert b"All is well" in page


def test_rendered_once() -> None:
    """Who asks again gets the same bytes, and a page that tells the time gets old."""
    published = Published(monotonic=Clock())
    published.update(CALM)
    assert published.json(now=NOW) is published.json(now=NOW + timedelta(days=1))
    page = published.page(now=NOW)
    assert published.page(now=NOW + timedelta(seconds=4)) is page
    assert published.page(now=NOW + timedelta(days=1)) != page
    assert published.page(now=NOW) == page


def test_a_page_turns_red_by_itself() -> None:
    """What expires while nothing is reported is not shown as good."""
    published = Published(monotonic=Clock())
    published.update(CALM)
    page = published.page(now=NOW + timedelta(hours=21))
    assert page is not None
    assert b"1 certificate has expired" in page


def test_life() -> None:
    """The age is that of the last sign of life."""
    clock = Clock()
    published = Published(monotonic=clock)
    clock.seconds += 7
    assert published.age == 7
    published.beat()
    assert published.age == 0


def test_ready_from_the_first_good_pass_on() -> None:
    """A failed pass makes nobody ready, and takes it from nobody."""
    published = Published(monotonic=Clock())
    seen = []
    for status in (document([]), FAILED, CALM, FAILED):
        published.update(status)
        seen.append(published.ready)
    assert seen == [False, False, True, True]

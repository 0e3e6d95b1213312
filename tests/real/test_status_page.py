"""The status page in a real browser: what it looks like, what it asks for, and that its policy lets it be what it is."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from reconciler.daemon.http import StatusServer
from reconciler.daemon.metrics import Metrics
from reconciler.daemon.published import Published
from reconciler.render.discover_html import render_discovery_html
from reconciler.render.inventory_html import render_inventory_html
from reconciler.render.status_html import render_status_html
from tests.real.browser import Tab, browser
from tests.render import discover_stories, status_stories
from tests.render.page_stories import CALM, NOW, RICH, large

PNG: Final = b"\x89PNG\r\n\x1a\n"
STORIES: Final = {
    "rich": render_status_html(RICH, now=NOW),
    "calm": render_status_html(CALM, now=NOW),
    "plain": render_status_html(status_stories.status(), now=NOW),
    "large": render_status_html(large(), now=NOW),
    "inventory": render_inventory_html(RICH, now=NOW),
    "discovery": render_discovery_html(discover_stories.document(), now=NOW),
}
#: Everything that is wider than the window, by what it is.
OVERFLOWING: Final = """[...document.body.querySelectorAll('*')]
  .filter(e => !e.closest('thead') && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 200))"""
#: Rows of the timeline, and how many of them draw something that can be seen.
DRAWN: Final = """[...document.querySelectorAll('.timeline li:not(.axis)')].map(li =>
  [...li.querySelectorAll(':scope > svg rect')].some(e => e.getBoundingClientRect().width >= 1
    && e.getBoundingClientRect().right <= li.getBoundingClientRect().right + 1
    && getComputedStyle(e).fill !== 'none'))"""
BACKGROUND: Final = "getComputedStyle(document.body).backgroundColor"


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    """One browser for all of these."""
    with browser(tmp_path_factory.mktemp("profile")) as one:
        yield one


@pytest.fixture
def pages(tmp_path: Path) -> dict[str, str]:
    """URLs of the stories, as files."""
    for name, text in STORIES.items():
        (tmp_path / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: f"file://{tmp_path}/{name}.html" for name in STORIES}


@pytest.mark.parametrize("story", STORIES)
def test_fits_a_phone_and_asks_for_nothing(tab: Tab, pages: dict[str, str], story: str) -> None:
    """No scrolling sideways at 360 pixels, no request but for the page itself, nothing that its policy refuses."""
    tab.look_like(width=360, height=740)
    tab.open(pages[story])
    assert tab.evaluate("document.documentElement.scrollWidth") == 360
    assert tab.evaluate(OVERFLOWING) == []
    assert tab.requests() == [pages[story]]
    assert tab.complaints() == []


@pytest.mark.parametrize(("width", "media"), [(360, "screen"), (1280, "screen"), (700, "print")])
def test_the_timeline_is_drawn(tab: Tab, pages: dict[str, str], width: int, media: str) -> None:
    """Each row draws something, on a phone, a desk and paper."""
    tab.look_like(width=width, media=media)
    tab.open(pages["rich"])
    drawn = tab.evaluate(DRAWN)
    assert (len(drawn), set(drawn)) == (20, {True})
    assert tab.evaluate(OVERFLOWING) == []


def test_light_and_dark(tab: Tab, pages: dict[str, str], tmp_path: Path) -> None:
    """As the reader's system has it; the picture is another."""
    pictures = []
    for scheme, background in (("light", "rgb(255, 255, 255)"), ("dark", "rgb(20, 23, 28)")):
        tab.look_like(width=1280, scheme=scheme)
        tab.open(pages["rich"])
        assert tab.evaluate(BACKGROUND) == background
        pictures.append(tab.screenshot(tmp_path / f"{scheme}.png"))
    assert [picture[:8] for picture in pictures] == [PNG, PNG]
    assert len(pictures[0]) > 50_000
    assert pictures[0] != pictures[1]


def test_filter_and_age(tab: Tab, pages: dict[str, str]) -> None:
    """The script filters rows, and says when a page has become old."""
    tab.look_like(width=1280)
    tab.open(pages["rich"])
    visible = "[...document.querySelectorAll('#all tbody tr')].filter(row => row.getClientRects().length).length"
    everything = tab.evaluate(visible)
    tab.evaluate("filter.value = 'ETCD-server'; filter.dispatchEvent(new Event('input'))")
    assert (everything, tab.evaluate(visible)) == (26, 3)
    seen = [
        tab.evaluate(f"Date.now = () => made + {minutes * 60_000}; look(); [old.hidden, old.textContent]")
        for minutes in (1, 60, 300, 5 * 1440)
    ]
    assert seen[0][0] is True
    assert seen[1] == [False, "This page was made 60 minutes ago. Load it again to see how things are now."]
    assert [text.partition(" made ")[2].partition(" ago")[0] for _, text in seen[2:]] == ["5 hours", "5 days"]


def test_the_table_of_a_discovery_sorts_and_filters(tab: Tab, pages: dict[str, str]) -> None:
    """By the end, what ends first first; and by any text of a row."""
    tab.look_like(width=1400)
    tab.open(pages["discovery"])
    shown = "[...document.querySelectorAll('#all tbody tr')].filter(row => row.getClientRects().length).map(row => {})"
    tab.evaluate("document.querySelectorAll('#all th button')[8].click()")
    assert tab.evaluate(shown.format("row.cells[8].innerText.split('\\n')[0]"))[:3] == ["2026-11-17", "2026-11-20", "2026-11-24"]
    tab.evaluate("filter.value = 'ETCD'; filter.dispatchEvent(new Event('input'))")
    assert tab.evaluate(shown.format("row.cells[1].innerText")) == ["/etc/kubernetes/pki/etcd/server.crt"]


def test_without_its_script(tab: Tab, pages: dict[str, str]) -> None:
    """Everything can be read where scripts are off."""
    tab.look_like(width=1280)
    tab.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        tab.open(pages["rich"])
        words = tab.evaluate("document.body.innerText")
    finally:
        tab.call("Emulation.setScriptExecutionDisabled", value=False)
    assert "Needs attention" in words
    assert "component.etcd-server[cp-1]" in words
    assert "This page was made" not in words


def test_served(tab: Tab) -> None:
    """From the server, with both policies in force, it looks the same, and a browser asks for nothing besides an icon."""
    board = Published(monotonic=time.monotonic)
    board.update(RICH)
    metrics = Metrics(lambda: RICH, version="1", clock=lambda: NOW)
    with StatusServer("127.0.0.1", 0, board, metrics, clock=lambda: NOW, live_within=60.0) as server:
        tab.look_like(width=1280, scheme="dark")
        tab.open(f"http://127.0.0.1:{server.port}/")
        assert tab.evaluate(BACKGROUND) == "rgb(20, 23, 28)"
        assert set(tab.evaluate(DRAWN)) == {True}
        assert {url.partition(str(server.port))[2] for url in tab.requests()} <= {"/", "/favicon.ico"}
        assert [text for text in tab.complaints() if "favicon" not in text and "404" not in text] == []

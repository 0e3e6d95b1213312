"""A verification as text, JSON, a picture and a page."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from msgspec.structs import replace

from reconciler.render.graph_layout import LANE_WIDTH, layout_of
from reconciler.render.graph_svg import RED, render_svg
from reconciler.render.verifications import RENDERERS
from reconciler.trust.document import VerificationDocument
from tests.render.verification_stories import BROKEN, EVIL, SOUND, UNTRUSTED, document, edge, ends

SVG = "{http://www.w3.org/2000/svg}"
STORIES = {"sound": SOUND, "broken": BROKEN, "evil": EVIL, "nothing": document()}
TEXT = """\
EDGE    FROM                        TO                DIALS              CONNECTIONS  TLS 1.3    TLS 1.2
E6      kubelet (x17)               apiserver (x3)    api.example.com             51  refused    refused
E6      kubelet (x4,983)            apiserver (x3)    api.example.com         14,949  ok         ok
E13     front-proxy-client (x3)     apiserver (x3)    api.example.com              9  ok         ok

E6 kubelet to apiserver: 51 connections fail
  Untrusted: the certificate of x (/x.crt) is signed by no CA in y (/y.crt).
  from component.kubelet[n-1], component.kubelet[n-2], component.kubelet[n-3] and 14 more
  to   component.apiserver[n-1], component.apiserver[n-2], component.apiserver[n-3]

Nothing is said about E21: --format json has the reason of each.
2 edges, 15,009 connections: 51 of them in 1 edge fail.
"""


def words(text: str) -> list[str]:
    """What is said, without the columns."""
    return [" ".join(line.split()) for line in text.splitlines()]


def test_the_table() -> None:
    """One row a class, then what fails with its reason and the first addresses, then the sum."""
    assert words(RENDERERS["text"](BROKEN)) == words(TEXT)


def test_the_table_colours_what_fails() -> None:
    """Red and green; without them it reads the same."""
    coloured = RENDERERS["text"](BROKEN, color=True)
    assert re.sub(r"\x1b\[\d+m", "", coloured) == RENDERERS["text"](BROKEN)
    assert "\x1b[31mrefused\x1b[0m" in coloured
    assert "\x1b[32mok\x1b[0m" in coloured


def test_lints_are_notes() -> None:
    """They are told below the table, and the sum says that all get through."""
    lines = words(RENDERERS["text"](SOUND))
    assert "Note on E6: strict verifiers refuse x. (Strict)" in lines
    assert lines[-1] == "2 edges, 15,009 connections: all get through."


def test_when_something_fails_on_the_way() -> None:
    """The first moments by name, and how many more."""
    late = replace(
        edge("E6", ends("kubelet"), ends("apiserver"), UNTRUSTED), moments=["from a to b, already new: x"], moment_count=4
    )
    lines = words(RENDERERS["text"](document(late, scope="every-phase", moments=9)))
    assert "when from a to b, already new: x" in lines
    assert "and in 3 more states" in lines
    assert lines[-1] == "1 edge, 9 connections, 9 states: 1 edge fails in some of them."


def test_json_is_the_document() -> None:
    """On one line, for programs."""
    text = RENDERERS["json"](BROKEN)
    assert text.count("\n") == 1
    assert json.loads(text)["summary"] == {
        "edges": 2, "broken_edges": 1, "connections": 15009, "broken_connections": 51, "lints": 0, "moments": 1,
    }  # fmt: skip


@pytest.mark.parametrize("form", RENDERERS)
@pytest.mark.parametrize("story", STORIES)
def test_every_format_renders_every_story_the_same_each_time(form: str, story: str) -> None:
    """Ends with a newline; the same document gives the same bytes; no name can drive a terminal or a browser."""
    text = RENDERERS[form](STORIES[story])
    assert text.endswith("\n")
    assert text == RENDERERS[form](STORIES[story])
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e]", text)
    if form in {"svg", "html"}:
        assert "<script>alert" not in text


@pytest.mark.parametrize("story", STORIES)
def test_the_picture_stands_alone(story: str) -> None:
    """Well-formed, with a title for those who cannot see it, and nothing in it that runs or is fetched."""
    root = ET.fromstring(render_svg(STORIES[story]))  # noqa: S314 - our own
    assert (root.tag, root.get("role")) == (f"{SVG}svg", "img")
    assert root[0].tag == f"{SVG}title"
    assert {each.tag.removeprefix(SVG) for each in root.iter()} <= {
        "svg", "title", "rect", "defs", "marker", "path", "circle", "text", "g",
    }  # fmt: skip
    addresses = [value for each in root.iter() for name, value in each.attrib.items() if "href" in name or "url(" in value]
    assert all(re.fullmatch(r"url\(#to-[0-9a-f]{6}\)", value) for value in addresses)


def lines(document: VerificationDocument) -> list[tuple[str, str]]:
    """Colour and words of every line of the graph."""
    root = ET.fromstring(render_svg(document))  # noqa: S314 - our own
    found = [each for each in root.iter(f"{SVG}path") if each.get("marker-end")]
    return [(each.get("stroke") or "", each[0].text or "") for each in found]


def test_what_fails_is_red_and_says_why() -> None:
    """One line for what gets through and one for what does not, drawn last; the reason is in its title and below the graph."""
    assert [colour == RED for colour, _ in lines(BROKEN)] == [False, False, True]
    assert "is signed by no CA in y (/y.crt)" in lines(BROKEN)[-1][1]
    assert [colour for colour, _ in lines(SOUND) if colour == RED] == []
    below = "".join(ET.fromstring(render_svg(BROKEN)).itertext())  # noqa: S314 - our own
    assert "Untrusted: the certificate of x (/x.crt) is signed by no CA in y (/y.crt)." in below


def test_many_ways_to_fail_are_one_red_line() -> None:
    """Its title tells them all."""
    other = replace(UNTRUSTED, message="another reason")
    both = document(
        edge("E6", ends("kubelet", 1), ends("apiserver"), UNTRUSTED), edge("E6", ends("kubelet", 2), ends("apiserver"), other)
    )
    ((colour, said),) = lines(both)
    assert colour == RED
    assert said.count("\n") == 1
    assert "another reason" in said


def test_a_fleet_is_as_large_a_picture_as_three_nodes() -> None:
    """All instances of one identity are one row with their number."""
    few = layout_of(document(edge("E6", ends("kubelet", 3), ends("apiserver"))))
    many = layout_of(document(edge("E6", ends("kubelet", 5000), ends("apiserver"))))
    assert (few.width, few.height) == (many.width, many.height)
    assert "&#215;5,000" in render_svg(document(edge("E6", ends("kubelet", 5000), ends("apiserver"))))


@pytest.mark.parametrize("story", ["sound", "broken", "evil"])
def test_rows_do_not_overlap_and_lines_end_at_them(story: str) -> None:
    """Boxes of a lane stand below each other; every line begins and ends at the side of a row."""
    layout = layout_of(STORIES[story])
    for lane in range(3):
        boxes = sorted((box for box in layout.boxes if box.lane == lane), key=lambda box: box.y)
        assert all(upper.y + upper.height < lower.y for upper, lower in pairwise(boxes))
    sides = {(box.x + shift, row.y, row.y + row.height) for box in layout.boxes for row in box.rows for shift in (0, LANE_WIDTH)}
    for line in layout.lines:
        for x, y in (line.start, line.end):
            assert any(x == side and top <= y <= bottom for side, top, bottom in sides)


def test_other_pkis_have_lanes_by_what_they_do() -> None:
    """Who only connects stands left, who does both in the middle, who only serves right."""
    layout = layout_of(
        document(
            edge("a", ends("browser"), ends("web")), edge("b", ends("web"), ends("db")), edge("c", ends("db"), ends("browser2"))
        )
    )
    assert {row.kind: box.lane for box in layout.boxes for row in box.rows} == {"browser": 0, "web": 1, "db": 1, "browser2": 2}


def test_the_page_holds_picture_and_table() -> None:
    """One file: a row for each class, the picture, and what nothing is said about."""
    page = RENDERERS["html"](BROKEN)
    assert page.count("<tr>") == 1 + len(BROKEN.edges)
    assert page.count("<svg ") == 1
    assert "E21 kubelet probes: they verify nothing" in page
    assert "Content-Security-Policy" in page

"""The trust graph as a picture: SVG that stands alone, dark on light, without style sheet or script.

What fails is red and says why; an edge that gets through has the colour of the CA behind its server.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

from reconciler.render.graph_layout import LANE_WIDTH, MARGIN, Box, Line, Row, layout_of
from reconciler.render.page_style import text
from reconciler.render.verification_words import headline, instances, who
from reconciler.trust.document import VerificationDocument, VerifiedEdge

INK: Final = "#1c2026"
DIM: Final = "#5d6673"
RED: Final = "#c01f1b"
GREEN: Final = "#12703a"
AMBER: Final = "#8a5a00"
#: Of CAs; each has a contrast of at least 4.5:1 on white, and none of them is red.
_KNOWN_CAS: Final = {"kubernetes": "#1f5fbf", "etcd": "#9a5200", "front-proxy": "#7a3fb0"}
_OTHER_CAS: Final = ("#0f7276", "#5b6b1f", "#8c2f6f", "#3f4fa8", "#7d5a00")
_NONE: Final = "#6b7480"
_FONT: Final = """font-family="system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif\""""
_LINE: Final = 17
_WRAP: Final = 165
#: Stands for a height that is not known yet; nothing that is shown can hold it.
_Y: Final = "\x00"
#: Characters of a name that fit into a row.
_LONGEST: Final = 24
#: Broken edges that are told below the picture.
_MOST: Final = 12


def render_svg(document: VerificationDocument, *, color: bool = False) -> str:
    """The picture.

    Args:
        document: the verification.
        color: without meaning here: a picture has its own colours.
    """
    del color
    return picture(document, words=True)


def picture(document: VerificationDocument, *, words: bool) -> str:
    """One ``svg`` element; the same document gives the same bytes.

    Args:
        document: the verification.
        words: whether what fails is told below the graph, too.
    """
    layout = layout_of(document)
    colours = _colours(document.edges)
    below = [_legend(colours), *(_failures(document) if words else ())]
    height = layout.height + sum(step for step, _ in below) + MARGIN
    size = f'width="{layout.width:.0f}" height="{height:.0f}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {layout.width:.0f} {height:.0f}" {size} role="img" {_FONT}>',
        f"<title>{text(document.cluster)}: {text(headline(document))}</title>",
        f'<rect {size} fill="#ffffff"/>',
        "<defs>",
        *(_marker(colour) for colour in sorted({*colours.values(), _NONE, RED})),
        "</defs>",
        *_heading(document),
        # What fails is drawn over the rest; boxes lie over lines that pass them by.
        *(_curve(line, colours) for line in layout.lines if line.edges[0].result == "ok"),
        *(_curve(line, colours) for line in layout.lines if line.edges[0].result != "ok"),
        *(part for box in layout.boxes for part in _box(box, colours)),
        *(_label(line, colours) for line in sorted(layout.lines, key=lambda line: line.edges[0].result != "ok")),
    ]
    y = layout.height + 4
    for step, part in below:
        y += step
        parts.append(part.replace(_Y, f"{y:.1f}"))
    return "\n".join((*parts, "</svg>")) + "\n"


def _colours(edges: Sequence[VerifiedEdge]) -> dict[str, str]:
    cas = sorted({ca for edge in edges for ca in (edge.servers.ca, edge.clients.ca) if ca is not None})
    others = [ca for ca in cas if ca not in _KNOWN_CAS]
    colours = _KNOWN_CAS | {ca: _OTHER_CAS[place % len(_OTHER_CAS)] for place, ca in enumerate(others)}
    return {ca: colours[ca] for ca in (*_KNOWN_CAS, *others) if ca in cas}


def _marker(colour: str) -> str:
    return (
        f'<marker id="to-{colour[1:]}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        f'orient="auto-start-reverse" markerUnits="userSpaceOnUse"><path d="M0 .8 7.4 4 0 7.2z" fill="{colour}"/></marker>'
    )


def _heading(document: VerificationDocument) -> Iterator[str]:
    colour = RED if document.broken else GREEN
    yield f'<circle cx="{MARGIN + 7}" cy="35" r="7" fill="{colour}"/>'
    mark = "m-3 -3 6 6m0 -6 -6 6" if document.broken else "m-3.4 .2 2.4 2.6 4.4 -5.2"
    yield f'<path d="M{MARGIN + 7} 35{mark}" fill="none" stroke="#ffffff" stroke-width="1.8" stroke-linecap="round"/>'
    yield f'<text x="{MARGIN + 24}" y="41" font-size="20" font-weight="650" fill="{INK}">{text(document.cluster)}</text>'
    yield f'<text x="{MARGIN}" y="64" font-size="13.5" fill="{colour}">{text(headline(document))}</text>'


def _box(box: Box, colours: dict[str, str]) -> Iterator[str]:
    yield _rect(box.x, box.y, LANE_WIDTH, box.height, 'rx="7" fill="#f6f8fa" stroke="#cfd6de"')
    place = f'x="{box.x + 12:.1f}" y="{box.y + 18:.1f}"'
    yield f'<text {place} font-size="12" font-weight="600" fill="{DIM}">{text(_short(box.title))}</text>'
    for row in box.rows:
        yield from _row(box, row, colours)


def _row(box: Box, row: Row, colours: dict[str, str]) -> Iterator[str]:
    middle = row.y + row.height / 2
    yield _rect(box.x + 6, row.y, LANE_WIDTH - 12, row.height - 4, 'rx="5" fill="#ffffff" stroke="#e1e6eb"')
    signed = f"signed by ca.{row.ca}" if row.ca else "presents no certificate of ours"
    colour = colours.get(row.ca or "", _NONE)
    dot = f'fill="{colour}"' if row.ca else f'fill="#ffffff" stroke="{colour}" stroke-width="1.4"'
    yield f'<circle cx="{box.x + 20:.1f}" cy="{middle - 2:.1f}" r="4.5" {dot}><title>{text(signed)}</title></circle>'
    yield f'<text x="{box.x + 32:.1f}" y="{middle + 2.5:.1f}" font-size="12.5" fill="{INK}">{text(_short(row.kind))}</text>'
    if row.count > 1:
        yield (
            f'<text x="{box.x + LANE_WIDTH - 16:.1f}" y="{middle + 2.5:.1f}" font-size="12" text-anchor="end" fill="{DIM}">'
            f"&#215;{row.count:,}</text>"
        )


def _short(kind: str) -> str:
    return kind if len(kind) <= _LONGEST else kind[: _LONGEST - 1] + "…"


def _colour(edge: VerifiedEdge, colours: dict[str, str]) -> str:
    if edge.result != "ok":
        return RED
    return colours.get(edge.servers.ca or edge.clients.ca or "", _NONE)


def _curve(line: Line, colours: dict[str, str]) -> str:
    colour, broken = _colour(line.edges[0], colours), line.edges[0].result != "ok"
    style = 'stroke-width="2.4"' if broken else 'stroke-width="1.5" stroke-opacity=".8"'
    return (
        f'<path d="{_path(line)}" fill="none" stroke="{colour}" {style} marker-end="url(#to-{colour[1:]})">'
        f"<title>{_told(line)}</title></path>"
    )


def _points(line: Line) -> tuple[tuple[float, float], ...]:
    """A cubic curve: start, two handles, end."""
    (x1, y1), (x2, y2) = line.start, line.end
    if line.same_side:
        reach = 58 + abs(y2 - y1) * 0.12 + 5 * max(0, len(line.edges[0].id) - 3)
        return (x1, y1), (x1 + reach, y1), (x2 + reach, y2), (x2, y2)
    middle = (x2 - x1) * 0.5
    return (x1, y1), (x1 + middle, y1), (x2 - middle, y2), (x2, y2)


def _path(line: Line) -> str:
    (x1, y1), (ax, ay), (bx, by), (x2, y2) = _points(line)
    return f"M{x1:.1f} {y1:.1f}C{ax:.1f} {ay:.1f} {bx:.1f} {by:.1f} {x2:.1f} {y2:.1f}"


def _label(line: Line, colours: dict[str, str]) -> str:
    """Near the client, where edges lie apart; in the bend of those that come back."""
    colour, broken = _colour(line.edges[0], colours), line.edges[0].result != "ok"
    at = 0.5 if line.same_side else 0.2
    points = _points(line)
    weights = ((1 - at) ** 3, 3 * at * (1 - at) ** 2, 3 * at**2 * (1 - at), at**3)
    x = sum(weight * point[0] for weight, point in zip(weights, points, strict=True))
    y = sum(weight * point[1] for weight, point in zip(weights, points, strict=True))
    name = _short(line.edges[0].id)
    width = 10 + 7.2 * len(name)
    if not line.same_side:
        # A long name would stand on its client.
        x = max(x, points[0][0] + width / 2 + 8) if points[3][0] > points[0][0] else min(x, points[0][0] - width / 2 - 8)
    fill, ink = (RED, "#ffffff") if broken else ("#ffffff", colour)
    pill = _rect(x - width / 2, y - 8, width, 16, f'rx="8" fill="{fill}" stroke="{colour}"')
    style = f'font-size="11.5" font-weight="600" text-anchor="middle" fill="{ink}"'
    return f'<g>{pill}<text x="{x:.1f}" y="{y + 4:.1f}" {style}>{text(name)}</text><title>{_told(line)}</title></g>'


def _rect(x: float, y: float, width: float, height: float, style: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" {style}/>'


def _told(line: Line) -> str:
    """A line for each way to get through or fail; `text` alone would show the breaks as escapes."""
    return "&#10;".join(text(_sentence(edge)) for edge in line.edges)


def _sentence(edge: VerifiedEdge) -> str:
    hosts = f", dialling {', '.join(edge.hosts)}" if edge.hosts else ""
    head = f"{edge.id} {edge.title}: {who(edge.clients)} to {who(edge.servers)}{hosts}"
    if edge.result == "ok":
        return f"{head}. TLS 1.3 and 1.2 get through."
    return f"{head}. Broken: {'; '.join(problem.message for problem in edge.problems)}."


def _legend(colours: dict[str, str]) -> tuple[float, str]:
    x = float(MARGIN)
    marks: list[str] = []
    for ca, colour in colours.items():
        marks.append(f'<circle cx="{x + 5:.1f}" cy="{_Y}" r="4.5" fill="{colour}"/>')
        marks.append(_small(x + 15, f"ca.{ca}"))
        x += 60 + 7 * len(ca)
    marks.append(
        _small(x + 8, "an arrow leads from client to server and has the colour of the CA behind the server; red: it fails")
    )
    return 14, f"<g>{''.join(marks)}</g>"


def _failures(document: VerificationDocument) -> Iterator[tuple[float, str]]:
    """What is broken, in words: each line with its distance from the one above, its place to be filled in."""
    broken = [edge for edge in document.edges if edge.result != "ok"]
    if broken:
        yield 18, ""
    for edge in broken[:_MOST]:
        head = text(f"{edge.id} {edge.title}: {instances(edge)}")
        yield _LINE + 8, f'<text x="{MARGIN}" y="{_Y}" font-size="13" font-weight="600" fill="{RED}">{head}</text>'
        for problem in edge.problems:
            for wrapped in textwrap.wrap(f"{problem.code}: {problem.message}.", _WRAP, break_long_words=True):
                yield _LINE, f'<text x="{MARGIN + 14}" y="{_Y}" font-size="12.5" fill="{INK}">{text(wrapped)}</text>'
        for words in textwrap.wrap(f"from {who(edge.clients)} to {who(edge.servers)}", _WRAP):
            yield _LINE, f'<text x="{MARGIN + 14}" y="{_Y}" font-size="12" fill="{DIM}">{text(words)}</text>'
    if len(broken) > _MOST:
        yield _LINE + 8, f'<text x="{MARGIN}" y="{_Y}" font-size="13" fill="{RED}">and {len(broken) - _MOST} more</text>'


def _small(x: float, words: str) -> str:
    return f'<text x="{x:.1f}" y="{_Y}" dy="4" font-size="12" fill="{DIM}">{text(words)}</text>'

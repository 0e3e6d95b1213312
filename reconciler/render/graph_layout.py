"""Where everything of a trust graph stands in its picture. Decisions.

Three lanes: who only connects, who does both, who only serves. What is one process of Kubernetes stands in one box, with a
row for each identity in it; all instances of one identity are one row, so that a picture of 5,000 nodes is that of five.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from reconciler.trust.document import VerificationDocument, VerifiedEdge

#: Of identities of Kubernetes: their process, and its lane.
_PROCESSES: Final[dict[str, tuple[str, int]]] = {
    "controller-manager": ("kube-controller-manager", 0),
    "scheduler": ("kube-scheduler", 0),
    "kubelet": ("kubelet", 0),
    "kube-proxy": ("kube-proxy", 0),
    "pods": ("with a token", 0),
    "joining nodes": ("with a token", 0),
    "apiserver": ("kube-apiserver", 1),
    "front-proxy-client": ("kube-apiserver", 1),
    "apiserver-kubelet-client": ("kube-apiserver", 1),
    "apiserver-etcd-client": ("kube-apiserver", 1),
    "etcd-healthcheck-client": ("probes, etcdctl", 1),
    "extension API servers": ("extensions", 2),
    "kubelet-serving": ("kubelet", 2),
    "etcd-server": ("etcd", 2),
    "etcd-peer": ("etcd", 2),
}
_USERS: Final = "users"
_KUBERNETES: Final = re.compile(r"E[0-9]+")

LANE_WIDTH: Final = 236
LANE_GAP: Final = 214
MARGIN: Final = 40
TOP: Final = 92
#: Between two edges that meet at one side of a row.
_APART: Final = 19
_ROW: Final = 32
_TITLE: Final = 26
_BOX_GAP: Final = 20


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One identity."""

    kind: str
    count: int
    ca: str | None
    y: float
    height: float


class Box(msgspec.Struct, frozen=True, kw_only=True):
    """A process."""

    title: str
    """Empty when its one row says the same."""
    lane: int
    y: float
    height: float
    rows: tuple[Row, ...]

    @property
    def x(self) -> float:
        """Its left side."""
        return MARGIN + self.lane * (LANE_WIDTH + LANE_GAP)


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """An edge with its two ends."""

    edges: tuple[VerifiedEdge, ...]
    """One id, one pair of identities, one result."""
    start: tuple[float, float]
    end: tuple[float, float]
    same_side: bool
    """Whether it leaves and arrives at the right side of one lane."""


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """A picture's parts in their places."""

    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    width: float
    height: float
    """Of the graph, without what stands below it."""


def layout_of(document: VerificationDocument) -> Layout:
    """The places of everything; the same document gives the same picture."""
    kinds = _kinds(document.edges)
    bundled = _bundled(document.edges)
    ports = _ports([alike[0] for alike in bundled], kinds)
    boxes: list[Box] = []
    tops = [float(TOP)] * 3
    for (title, lane), members in _processes(kinds):
        y = tops[lane]
        rows: list[Row] = []
        # What stands for itself alone needs no heading.
        heading = "" if [kind for kind, _, _ in members] == [title] else title
        below = y + (_TITLE if heading else 6)
        for kind, count, ca in members:
            height = max(_ROW, _APART * max(len(ports.get((kind, side), ())) for side in ("left", "right")) + 10)
            rows.append(Row(kind=kind, count=count, ca=ca, y=below, height=height))
            below += height
        boxes.append(Box(title=heading, lane=lane, y=y, height=below - y + 6, rows=tuple(rows)))
        tops[lane] = below + 6 + _BOX_GAP
    boxes = _centred(boxes, tops)
    lines = _lines(bundled, kinds, boxes)
    return Layout(
        boxes=tuple(boxes),
        lines=tuple(lines),
        width=2 * MARGIN + 3 * LANE_WIDTH + 2 * LANE_GAP + 60,
        height=max(tops) if boxes else TOP,
    )


def _bundled(edges: Sequence[VerifiedEdge]) -> list[tuple[VerifiedEdge, ...]]:
    """What one line stands for: however many ways there are to fail, a line is red once."""
    found: dict[tuple[str, str, str, str], list[VerifiedEdge]] = {}
    for edge in edges:
        found.setdefault((edge.id, edge.clients.kind, edge.servers.kind, edge.result), []).append(edge)
    return [tuple(alike) for alike in found.values()]


class _Kind(msgspec.Struct, kw_only=True):
    process: str
    lane: int
    count: int
    ca: str | None


def _kinds(edges: Sequence[VerifiedEdge]) -> dict[str, _Kind]:
    """Every identity with its process and lane."""
    clients = {edge.clients.kind for edge in edges}
    servers = {edge.servers.kind for edge in edges}
    kinds: dict[str, _Kind] = {}
    for edge in edges:
        for ends, role in ((edge.clients, 0), (edge.servers, 2)):
            lane = 1 if ends.kind in clients and ends.kind in servers else role
            process = _USERS if role == 0 and edge.id == "E9" else ends.kind
            if _KUBERNETES.fullmatch(edge.id):
                process, lane = _PROCESSES.get(ends.kind, (process, lane))
            known = kinds.setdefault(ends.kind, _Kind(process=process, lane=lane, count=ends.total, ca=ends.ca))
            known.ca = known.ca or ends.ca
    return kinds


def _processes(kinds: dict[str, _Kind]) -> list[tuple[tuple[str, int], list[tuple[str, int, str | None]]]]:
    """Boxes in the order of the table above, then the others in that of the graph."""
    order = {kind: place for place, kind in enumerate(_PROCESSES)}
    found: dict[tuple[str, int], list[tuple[str, int, str | None]]] = {}
    for kind, each in sorted(kinds.items(), key=lambda item: order.get(item[0], len(order))):
        found.setdefault((each.process, each.lane), []).append((kind, each.count, each.ca))
    return list(found.items())


def _sides(edge: VerifiedEdge, kinds: dict[str, _Kind]) -> tuple[str, str]:
    """On which side it leaves its client, and arrives at its server."""
    there, here = kinds[edge.servers.kind].lane, kinds[edge.clients.kind].lane
    if here == there:
        return "right", "right"
    return ("right", "left") if here < there else ("left", "right")


def _ports(edges: Sequence[VerifiedEdge], kinds: dict[str, _Kind]) -> dict[tuple[str, str], list[tuple[int, bool]]]:
    """The edges at each side of each identity: their number, and whether it is the client's end."""
    found: dict[tuple[str, str], list[tuple[int, bool]]] = {}
    for number, edge in enumerate(edges):
        leaves, arrives = _sides(edge, kinds)
        found.setdefault((edge.clients.kind, leaves), []).append((number, True))
        found.setdefault((edge.servers.kind, arrives), []).append((number, False))
    return found


def _centred(boxes: list[Box], tops: list[float]) -> list[Box]:
    """Each lane in the middle of the highest."""
    highest = max(tops)

    def moved(box: Box) -> Box:
        shift = (highest - tops[box.lane]) / 2
        rows = tuple(msgspec.structs.replace(row, y=row.y + shift) for row in box.rows)
        return msgspec.structs.replace(box, y=box.y + shift, rows=rows)

    return [moved(box) for box in boxes]


def _lines(bundled: Sequence[tuple[VerifiedEdge, ...]], kinds: dict[str, _Kind], boxes: Sequence[Box]) -> list[Line]:
    edges = [alike[0] for alike in bundled]
    places = {row.kind: (box, row) for box in boxes for row in box.rows}
    ends: dict[tuple[int, bool], tuple[float, float]] = {}
    for (kind, side), ports in _ports(edges, kinds).items():
        box, row = places[kind]

        def height_of_other(port: tuple[int, bool]) -> tuple[float, int, bool]:
            other = edges[port[0]].servers.kind if port[1] else edges[port[0]].clients.kind
            return places[other][1].y, port[0], port[1]

        for place, port in enumerate(sorted(ports, key=height_of_other)):
            y = row.y + row.height / 2 + (place - (len(ports) - 1) / 2) * _APART
            ends[port] = (box.x + (LANE_WIDTH if side == "right" else 0), y)
    return [
        Line(
            edges=alike,
            start=ends[number, True],
            end=ends[number, False],
            same_side=_sides(alike[0], kinds) == ("right", "right"),
        )
        for number, alike in enumerate(bundled)
    ]

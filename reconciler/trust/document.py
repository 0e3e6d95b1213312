"""The verification document: every kind of connection, and whether it gets through.

``schemas/verification.v1.schema.json`` is generated from these types.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from reconciler.desired.model import DesiredState
from reconciler.trust.graph import End, Graph
from reconciler.trust.verdicts import Result, Verdict

FORMAT_VERSION: Final = "1.0"

Scope = Literal["disk", "plan", "every-phase"]


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Base of every part of the document."""


class Problem(Part, frozen=True, kw_only=True):
    """Something that is wrong, or should be looked at."""

    code: Annotated[str, Meta(description="PascalCase word, such as HostMismatch.")]
    message: Annotated[str, Meta(description="One sentence for people; it names the files.")]


class Ends(Part, frozen=True, kw_only=True):
    """The clients or the servers of an edge."""

    kind: Annotated[str, Meta(description="What they are instances of: the name of a component or kubeconfig.")]
    count: int
    total: Annotated[int, Meta(description="How many instances of this kind the whole graph has.")]
    examples: Annotated[list[str], Meta(description="The addresses of the first few.")]
    ca: Annotated[str | None, Meta(description="Name of the CA that should have signed what they present.")] = None


class VerifiedEdge(Part, frozen=True, kw_only=True):
    """Connections of one kind that all get through, or all fail alike."""

    id: Annotated[str, Meta(description="E1 to E22 for Kubernetes, the declared name for others.")]
    title: str
    result: Literal["ok", "broken"]
    connections: Annotated[int, Meta(description="How many connections this stands for.")]
    clients: Ends
    servers: Ends
    hosts: Annotated[list[str], Meta(description="Names and addresses that the clients dial, as examples.")] = []
    tls13: Result
    tls12: Result
    problems: Annotated[list[Problem], Meta(description="Why they fail, the first one first.")] = []
    lints: Annotated[list[Problem], Meta(description="What gets through, and should be looked at.")] = []
    moments: Annotated[list[str], Meta(description="When it is so, the first few; empty outside --every-phase.")] = []
    moment_count: int = 0


class NotJudged(Part, frozen=True, kw_only=True):
    """Edges that nothing is said about."""

    id: str
    title: str
    why: str


class VerificationSummary(Part, frozen=True, kw_only=True):
    """How many of what."""

    edges: Annotated[int, Meta(description="Kinds of edges that were judged.")] = 0
    broken_edges: int = 0
    connections: int = 0
    broken_connections: Annotated[int, Meta(description="With --every-phase, counted once for each way to fail.")] = 0
    lints: int = 0
    moments: Annotated[int, Meta(description="States that were judged, mixed ones included.")] = 1


class VerificationDocument(Part, frozen=True, kw_only=True):
    """A whole trust graph."""

    format_version: str
    cluster: str
    at: Annotated[datetime, Meta(description="The time of judgement; of the first state with --every-phase.")]
    scope: Annotated[Scope, Meta(description="What is on disk, what a plan leaves behind, or every state on the way there.")]
    summary: VerificationSummary
    edges: Annotated[list[VerifiedEdge], Meta(description="In the order of the graph; broken ones before others of their kind.")]
    not_judged: list[NotJudged] = []

    @property
    def broken(self) -> bool:
        """Whether any connection fails."""
        return self.summary.broken_edges > 0


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict, and when it holds."""

    verdict: Verdict
    moments: tuple[str, ...] = ()


#: Moments of a row that are kept by name.
_MOMENTS: Final = 5


def document_of(
    desired: DesiredState,
    rows: Sequence[Row],
    graph: Graph,
    *,
    at: datetime,
    scope: Scope = "disk",
    moments: int = 1,
) -> VerificationDocument:
    """The document for what was found.

    Args:
        desired: whose graph it is.
        rows: the verdicts, in the order of the graph.
        graph: its edges.
        at: the time of judgement, aware.
        scope: what was judged.
        moments: how many states were.
    """
    order = {identity: place for place, identity in enumerate(dict.fromkeys(family.id for family in graph.families))}
    totals = _totals(graph)
    edges = [
        _edge(desired, row, totals)
        for row in sorted(rows, key=lambda row: (order[row.verdict.family.id], not row.verdict.troubles))
    ]
    broken = [edge for edge in edges if edge.result == "broken"]
    return VerificationDocument(
        format_version=FORMAT_VERSION,
        cluster=desired.cluster,
        at=at,
        scope=scope,
        summary=VerificationSummary(
            edges=len(order),
            broken_edges=len({edge.id for edge in broken}),
            connections=graph.connections,
            broken_connections=sum(edge.connections for edge in broken),
            lints=sum(len(edge.lints) for edge in edges),
            moments=moments,
        ),
        edges=edges,
        not_judged=[NotJudged(id=each.id, title=each.title, why=each.why) for each in graph.left_out],
    )


def _edge(desired: DesiredState, row: Row, totals: Mapping[str, int]) -> VerifiedEdge:
    verdict = row.verdict
    return VerifiedEdge(
        id=verdict.family.id,
        title=verdict.family.title,
        result="broken" if verdict.troubles else "ok",
        connections=verdict.connections,
        clients=_ends(desired, verdict.clients, verdict.client_count, totals),
        servers=_ends(desired, verdict.servers, verdict.server_count, totals),
        hosts=list(verdict.hosts),
        tls13=verdict.tls13,
        tls12=verdict.tls12,
        problems=[Problem(code=each.code, message=each.message) for each in verdict.troubles],
        lints=[Problem(code=each.code, message=each.message) for each in verdict.lints],
        moments=list(row.moments[:_MOMENTS]),
        moment_count=len(row.moments),
    )


def _totals(graph: Graph) -> dict[str, int]:
    """How many instances there are of each kind."""
    members: dict[str, set[str]] = {}
    for family in graph.families:
        for end in (*family.clients, *family.servers):
            members.setdefault(end.kind, set()).add(end.who)
    return {kind: len(those) for kind, those in members.items()}


def _ends(desired: DesiredState, ends: Sequence[End], count: int, totals: Mapping[str, int]) -> Ends:
    first = ends[0]
    kubeconfig = desired.kubeconfigs.get(first.presents)
    component = desired.components.get(kubeconfig.component if kubeconfig is not None else first.presents)
    return Ends(
        kind=first.kind,
        count=count,
        total=totals[first.kind],
        examples=list(dict.fromkeys(end.who for end in ends)),
        ca=component.ca if component is not None else None,
    )

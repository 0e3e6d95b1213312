"""Verifications to render: sound, broken, with hostile names."""

from __future__ import annotations

from typing import Final, Literal

from reconciler.trust.document import (
    Ends,
    NotJudged,
    Problem,
    Scope,
    VerificationDocument,
    VerificationSummary,
    VerifiedEdge,
)
from tests.trust.scenes import NOW

HOSTILE: Final = "</text></title><script>alert(1)</script>\u202e\x1b[2J\x00\"'&amp;"


def ends(kind: str, count: int = 3, ca: str | None = "kubernetes") -> Ends:
    """Some instances of a component."""
    examples = [f"component.{kind}[n-{each}]" for each in range(1, min(count, 5) + 1)]
    return Ends(kind=kind, count=count, total=count, examples=examples, ca=ca)


def edge(identity: str, client: Ends, server: Ends, *problems: Problem, lints: tuple[Problem, ...] = ()) -> VerifiedEdge:
    """An edge that gets through, or fails for these reasons."""
    result: Literal["ok", "refused"] = "refused" if problems else "ok"
    return VerifiedEdge(
        id=identity,
        title=f"{client.kind} to {server.kind}",
        result="broken" if problems else "ok",
        connections=client.count * server.count,
        clients=client,
        servers=server,
        hosts=["api.example.com"],
        tls13=result,
        tls12=result,
        problems=list(problems),
        lints=list(lints),
    )


def document(*edges: VerifiedEdge, scope: Scope = "disk", moments: int = 1) -> VerificationDocument:
    """These edges."""
    broken = [each for each in edges if each.result == "broken"]
    return VerificationDocument(
        format_version="1.0",
        cluster="demo",
        at=NOW,
        scope=scope,
        summary=VerificationSummary(
            edges=len({each.id for each in edges}),
            broken_edges=len({each.id for each in broken}),
            connections=sum(each.connections for each in edges),
            broken_connections=sum(each.connections for each in broken),
            moments=moments,
        ),
        edges=list(edges),
        not_judged=[NotJudged(id="E21", title="kubelet probes", why="they verify nothing")],
    )


UNTRUSTED: Final = Problem(code="Untrusted", message="the certificate of x (/x.crt) is signed by no CA in y (/y.crt)")
STRICT: Final = Problem(code="Strict", message="strict verifiers refuse x")
SOUND: Final = document(
    edge("E1", ends("apiserver-etcd-client", ca="etcd"), ends("etcd-server", ca="etcd")),
    edge("E6", ends("kubelet", 5000), ends("apiserver"), lints=(STRICT,)),
)
BROKEN: Final = document(
    edge("E6", ends("kubelet", 17), ends("apiserver"), UNTRUSTED),
    edge("E6", ends("kubelet", 4983), ends("apiserver")),
    edge("E13", ends("front-proxy-client", ca="front-proxy"), ends("apiserver")),
)
EVIL: Final = document(
    edge("E9", ends("admin", 1), ends("apiserver"), Problem(code="NodeIdentity", message=f"it is for {HOSTILE}"))
)

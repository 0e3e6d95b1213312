"""What a verification is called in sentences: one wording for every format."""

from __future__ import annotations

from reconciler.trust.document import Ends, VerificationDocument, VerifiedEdge

#: Addresses that a sentence names.
_NAMED = 3


def headline(document: VerificationDocument) -> str:
    """The result: ``13 edges, 123 connections: all get through``."""
    numbers = document.summary
    if not numbers.edges:
        return "There is no edge to verify: without `kubernetes:`, declare some under `edges:`."
    what = f"{counted(numbers.edges, 'edge')}, {counted(numbers.connections, 'connection')}"
    if numbers.moments > 1:
        what += f", {numbers.moments:,} states"
    if not document.broken:
        return f"{what}: all get through."
    if document.scope == "every-phase":
        return (
            f"{what}: {counted(numbers.broken_edges, 'edge')} {'fails' if numbers.broken_edges == 1 else 'fail'} in some of them."
        )
    return f"{what}: {numbers.broken_connections:,} of them in {counted(numbers.broken_edges, 'edge')} fail."


def who(ends: Ends) -> str:
    """The first few by their addresses, and how many more."""
    named = ends.examples[:_NAMED]
    rest = ends.count - len(named)
    return ", ".join(named) + (f" and {rest:,} more" if rest > 0 else "")


def instances(edge: VerifiedEdge) -> str:
    """How many connections of a class fail."""
    return f"{counted(edge.connections, 'connection')} {'fails' if edge.connections == 1 else 'fail'}"


def counted(number: int, word: str) -> str:
    """``1 edge``, ``2 edges``."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"

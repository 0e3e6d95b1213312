"""A verification as a table for people, and below it what fails and why."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.render.colour import Palette
from reconciler.render.escape import visible
from reconciler.render.verification_words import headline, instances, who
from reconciler.trust.document import Ends, VerificationDocument, VerifiedEdge

_HEADER = ("EDGE", "FROM", "TO", "DIALS", "CONNECTIONS", "TLS 1.3", "TLS 1.2")


def render_verification_text(document: VerificationDocument, *, color: bool = False) -> str:
    """One row a class of connections.

    Args:
        document: the verification.
        color: whether escape codes may be used.
    """
    # Only this format needs it, and it costs as much to import as the rest of this package.
    from tabulate import tabulate  # noqa: PLC0415

    palette = Palette(enabled=color)
    lines: list[str] = []
    if document.edges:
        rows = [_row(edge, palette) for edge in document.edges]
        align = ("left", "left", "left", "left", "right", "left", "left")
        table = tabulate(rows, headers=_HEADER, tablefmt="plain", disable_numparse=True, colalign=align)
        lines += [*(line.rstrip() for line in table.splitlines()), ""]
    for edge in document.edges:
        if edge.result == "broken":
            lines += [*_broken(edge, palette), ""]
    notes = dict.fromkeys((edge.id, lint.code, lint.message) for edge in document.edges for lint in edge.lints)
    lines += [f"{palette.yellow('Note')} on {visible(name)}: {visible(message)}. ({code})" for name, code, message in notes]
    if any(edge.lints for edge in document.edges):
        lines.append("")
    if document.not_judged:
        names = ", ".join(each.id for each in document.not_judged)
        lines.append(palette.dim(f"Nothing is said about {names}: --format json has the reason of each."))
    paint = palette.red if document.broken else palette.green
    return "\n".join([*lines, paint(headline(document)), ""])


def _row(edge: VerifiedEdge, palette: Palette) -> tuple[str, ...]:
    results = {"ok": palette.green("ok"), "refused": palette.red("refused"), "untried": palette.red("untried")}
    paint = palette.red if edge.result == "broken" else str
    return (
        paint(visible(edge.id)),
        _ends(edge.clients),
        _ends(edge.servers),
        _dials(edge.hosts),
        f"{edge.connections:,}",
        results[edge.tls13],
        results[edge.tls12],
    )


def _ends(ends: Ends) -> str:
    return visible(ends.examples[0]) if ends.count == 1 else f"{visible(ends.kind)} (x{ends.count:,})"


def _dials(hosts: list[str]) -> str:
    few = 2
    return visible(", ".join(hosts[:few])) + (", ..." if len(hosts) > few else "")


def _broken(edge: VerifiedEdge, palette: Palette) -> Iterator[str]:
    yield palette.red(palette.bold(f"{visible(edge.id)} {visible(edge.title)}: {instances(edge)}"))
    yield from (f"  {problem.code}: {visible(problem.message)}." for problem in edge.problems)
    yield f"  from {visible(who(edge.clients))}"
    yield f"  to   {visible(who(edge.servers))}"
    for moment in edge.moments:
        yield f"  when {visible(moment)}"
    if edge.moment_count > len(edge.moments):
        yield f"       and in {edge.moment_count - len(edge.moments)} more states"

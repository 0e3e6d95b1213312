"""The findings of a discovery for people: one paragraph each, in the form of every other diagnostic."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from reconciler.health.document import DiscoveryDocument, FindingEntry
from reconciler.render.colour import Palette
from reconciler.render.discover_columns import WIDTH, fold
from reconciler.render.discover_words import breaks, count, where
from reconciler.render.escape import visible

#: So many of one kind are told one by one.
_FEW: Final = 5
#: Code, severity, file and setting.
_Kind = tuple[str, str, str, str]


def paragraphs(document: DiscoveryDocument, palette: Palette) -> Iterator[str]:
    """Lines, an empty one after each finding; in the order of the document.

    Of a fleet, what is wrong with one file on nearly every node is told of the first ones, and of the others only their names.
    """
    alike: defaultdict[_Kind, list[FindingEntry]] = defaultdict(list)
    for finding in document.findings:
        alike[_kind(finding)].append(finding)
    for finding in document.findings:
        same = alike[_kind(finding)]
        if len(same) <= _FEW or finding in same[: _FEW - 1]:
            yield from (*_paragraph(finding, document.at, palette), "")
        elif finding == same[_FEW - 1]:
            yield from (*_others(same[_FEW - 1 :], palette), "")


def _kind(finding: FindingEntry) -> _Kind:
    return finding.code, finding.severity, finding.path, finding.setting


def _others(findings: Sequence[FindingEntry], palette: Palette) -> Iterator[str]:
    """The names of the nodes that are like those before."""
    nodes = list(dict.fromkeys(node for finding in findings for node in finding.nodes))
    first = findings[0]
    message = f"likewise {first.path} on {count(len(nodes), 'more node')}"
    yield from _head(first, message, palette)
    yield from _part("-->", ", ".join(nodes), palette)
    yield from _part("= help:", f"cluster-pki rule {first.code}; --format json and excel have each of them", palette)


def _paragraph(finding: FindingEntry, now: datetime, palette: Palette) -> Iterator[str]:
    yield from _head(finding, finding.message, palette)
    yield from _part("-->", where(finding), palette)
    yield from _part("= breaks:", breaks(finding, now=now), palette)
    yield from _part("= mend:", finding.mend, palette)
    yield from _part("= help:", f"cluster-pki rule {finding.code}", palette)


def _head(finding: FindingEntry, message: str, palette: Palette) -> Iterator[str]:
    paint = {"error": palette.red, "warning": palette.yellow, "notice": palette.cyan}[finding.severity]
    head = f"{finding.severity}[{finding.code}]"
    first, *rest = fold(f"{head}: {visible(message)}", width=WIDTH)
    yield palette.bold(paint(head)) + palette.bold(first.removeprefix(head))
    yield from (palette.bold(f"  {line}") for line in rest)


def _part(label: str, text: str, palette: Palette) -> Iterator[str]:
    """A labelled text, its further lines below its beginning; nothing for an empty one."""
    if not text:
        return
    margin = " " * (len(label) + 3)
    first, *rest = fold(visible(text), width=WIDTH - len(margin))
    sign, _, word = label.partition(" ")
    yield f"  {palette.cyan(sign)}{f' {word}' if word else ''} {first}"
    yield from (f"{margin}{line}" for line in rest)

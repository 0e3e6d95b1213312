"""A discovery for people: the inventory by node and directory, then what is wrong with it, then the sums."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from reconciler.health.document import DiscoveryDocument, InventoryEntry, NodeEntry
from reconciler.health.document_of import worst_of
from reconciler.render.colour import Palette
from reconciler.render.discover_columns import WIDTH, columns, detail, fold
from reconciler.render.discover_groups import Group, groups_of
from reconciler.render.discover_paragraphs import paragraphs
from reconciler.render.discover_words import expiry, found, fuller_subject, heading, issuer, left, name_of, processes, sums, users
from reconciler.render.durations import instant
from reconciler.render.escape import visible

_HEADER: Final = ("FILE", "SUBJECT", "ISSUER", "KEY", "EXPIRES", "MODE")
_INDENT: Final = 2


def render_discovery_table(document: DiscoveryDocument, *, now: datetime, color: bool = False) -> str:
    """At most 120 columns wide, however long the names.

    Args:
        document: the discovery.
        now: without meaning here: the document has its own time.
        color: whether escape codes may be used.
    """
    del now
    palette = Palette(enabled=color)
    lines: list[str] = []
    rows: defaultdict[str, list[InventoryEntry]] = defaultdict(list)
    for row in document.inventory:
        rows[row.node].append(row)
    for node in document.nodes:
        lines += [*_node(node, groups_of(rows[node.name]), document.at, palette), ""]
    lines += paragraphs(document, palette)
    lines += [palette.bold(line) for line in fold(visible(sums(document)), width=WIDTH)]
    paint = {"error": palette.red, "warning": palette.yellow}.get(worst_of(document.findings) or "", palette.green)
    return "\n".join([*lines, palette.bold(paint(found(document))), ""])


def _node(node: NodeEntry, groups: Sequence[Group], now: datetime, palette: Palette) -> Iterator[str]:
    yield from _folded(heading(node), 0, palette)
    yield from detail("runs", processes(node), indent=_INDENT, palette=palette)
    yield from detail("addresses", node.addresses, indent=_INDENT, palette=palette)
    if not groups:
        yield f"{' ' * _INDENT}no certificates and keys"
        return
    head, *lines = columns([_HEADER, *(_cells(group, now) for group in groups)], width=WIDTH - 2 * _INDENT)
    yield from ("", f"{' ' * 2 * _INDENT}{palette.dim(head)}")
    directory = ""
    for group, line in zip(groups, lines, strict=True):
        if group.directory != directory:
            directory = group.directory
            yield from ("", *_folded(directory, _INDENT, palette))
        yield f"{' ' * 2 * _INDENT}{_painted(group.row, line, palette)}"
        for label, values in _details(group, line, now, is_idle=not node.processes):
            yield from detail(label, [value for value in values if value], indent=3 * _INDENT, palette=palette)


def _folded(text: str, indent: int, palette: Palette) -> Iterator[str]:
    """A heading, over several lines if need be."""
    yield from (f"{' ' * indent}{palette.bold(line)}" for line in fold(visible(text), width=WIDTH - indent))


def _cells(group: Group, now: datetime) -> tuple[str, ...]:
    row = group.row
    return group.file, name_of(row), issuer(row), row.key or "", expiry(row, now=now), row.mode or ""


def _painted(row: InventoryEntry, line: str, palette: Palette) -> str:
    if row.severity == "error" or row.state in ("expired", "missing", "unusable"):
        return palette.red(line)
    return palette.yellow(line) if row.severity == "warning" or row.state in ("expiring", "not-yet-valid") else line


def _details(group: Group, line: str, now: datetime, *, is_idle: bool) -> Iterator[tuple[str, Sequence[str]]]:
    """What a row says below itself: labels and values, of which empty ones are left out."""
    row = group.row
    for label, cell in (("file", group.file), ("subject", name_of(row)), ("issuer", issuer(row))):
        yield label, [cell] if visible(cell) not in line else []
    yield "subject", [fuller_subject(row)]
    yield "organisation", row.organizations
    if row.position == 1:
        by = users(row) or ([] if is_idle else ["nothing that was found"])
        yield from (("" if number else "used by", [each]) for number, each in enumerate(by))
    yield "names", row.sans
    yield "server", [row.server]
    yield "certificate", [row.certificate_path]
    yield "links to", [row.link]
    yield from (("key", [_key(key)]) for key in group.keys)
    yield from (("chain", [_trust(each, now)]) for each in group.chain)
    yield from (("trusts", [_trust(each, now)]) for each in group.trusts)
    if row.kind != "missing":
        yield "problem", [row.problem]
    yield "findings", row.findings


def _key(row: InventoryEntry) -> str:
    return ", ".join((posixpath.basename(row.path), f"mode {row.mode}", *users(row), *row.findings))


def _trust(row: InventoryEntry, now: datetime) -> str:
    until = f" until {instant(row.not_after)[:10]} ({left(row.not_after, now=now)})" if row.not_after else ""
    return f"{name_of(row)}{until}{f': {row.problem}' if row.problem else ''}"

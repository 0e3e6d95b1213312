"""What is odd, as comments at the place it concerns. Decisions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from reconciler.adopting.model import Entry
from reconciler.adopting.names import few
from reconciler.health.model import HealthFinding


class Oddities(msgspec.Struct, frozen=True, kw_only=True):
    """Comment lines by entry, and those that belong to none."""

    by_entry: dict[tuple[str, str], tuple[str, ...]]
    elsewhere: tuple[str, ...]


def oddities(entries: Sequence[Entry], findings: Iterable[HealthFinding]) -> Oddities:
    """Sorts findings to the entries whose files they are about; each is said once, with its nodes."""
    owners = {place: (entry.section, entry.name) for entry in reversed(entries) for place in entry.paths}
    nodes: dict[tuple[str, str] | None, dict[str, list[str]]] = {}
    for finding in findings:
        path = finding.path.partition("#")[0]
        owner = owners.get((finding.node, path)) or (_anywhere(path, owners) if not finding.node else None)
        line = f"{finding.code}: {finding.message}"
        on = nodes.setdefault(owner, {}).setdefault(line if owner else f"{line}{_at(finding)}", [])
        if finding.node and finding.node not in on:
            on.append(finding.node)
    spans = {(entry.section, entry.name): {node for node, _ in entry.paths} for entry in entries}
    return Oddities(
        by_entry={
            owner: tuple(_line(line, on, spans[owner]) for line, on in lines.items())
            for owner, lines in nodes.items()
            if owner is not None
        },
        elsewhere=tuple(_line(line, on, set()) for line, on in nodes.get(None, {}).items()),
    )


def _anywhere(path: str, owners: dict[tuple[str, str], tuple[str, str]]) -> tuple[str, str] | None:
    return next((owner for (_, other), owner in owners.items() if path and other == path), None)


def _at(finding: HealthFinding) -> str:
    return f" ({finding.path})" if finding.path and finding.path not in finding.message else ""


def _line(line: str, on: Sequence[str], everywhere: set[str]) -> str:
    return line if not on or set(on) == everywhere else f"{line} [{few(on)}]"

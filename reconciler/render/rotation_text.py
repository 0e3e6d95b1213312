"""A rotation in a few lines: where it stands, what comes next, and what it waits for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

from reconciler.plan.document import RotationEntry, Waiting
from reconciler.render.colour import Palette
from reconciler.render.durations import instant
from reconciler.render.escape import visible

PHASES: Final = ("stage", "clients", "servers", "soak", "distrust")
#: Addresses that are named for one cause; more are counted.
MOST_NAMED: Final = 4


def rotation_blocks(entries: Iterable[RotationEntry], colour: Palette) -> list[str]:
    """A block for each CA and keypair between two generations."""
    return [rotation_block(entry, colour) for entry in entries]


def rotation_block(entry: RotationEntry, colour: Palette) -> str:
    """One rotation."""
    title = f"Rotation of {entry.address}: generation {entry.from_generation} to {entry.to_generation}"
    facts = [(word, line) for word, lines in _facts(entry, colour) for word, line in _labelled(word, lines)]
    width = max(len(word) for word, _ in facts)
    lines = [colour.bold(title), "", f"    {trail(entry, colour)}", *(f"    {word:<{width}}  {line}" for word, line in facts)]
    return "\n".join(lines)


def trail(entry: RotationEntry, colour: Palette) -> str:
    """``stage > [clients] > servers > soak > distrust``: all phases, the present one marked."""
    return " > ".join(colour.bold(colour.cyan(f"[{phase}]")) if phase == entry.phase else phase for phase in PHASES)


def waiting_lines(waits: Iterable[Waiting]) -> list[str]:
    """What is waited for, one line a cause, with the addresses that share it."""
    by_cause: defaultdict[str, list[str]] = defaultdict(list)
    for waiting in waits:
        by_cause[waiting.message].append(waiting.address)
    return [f"{_named(addresses)} {visible(cause)}" for cause, addresses in by_cause.items()]


def _labelled(word: str, lines: list[str]) -> Iterator[tuple[str, str]]:
    return (("" if position else word, line) for position, line in enumerate(lines))


def _facts(entry: RotationEntry, colour: Palette) -> Iterator[tuple[str, list[str]]]:
    yield "trusted", [f"generation{'s' if len(entry.trusted) > 1 else ''} {' and '.join(map(str, entry.trusted))}"]
    if entry.issues_clients == entry.issues_servers:
        yield "issues", [f"generation {entry.issues_servers}"]
    else:
        yield "issues", [f"generation {entry.issues_clients} for client certificates, {entry.issues_servers} for all others"]
    if entry.phase != "stable":
        yield "next", [f"{entry.next_phase}, when {entry.barrier}"]
    planned = sum(waiting.planned for waiting in entry.waits_for)
    waits = [f"for {planned} change{'' if planned == 1 else 's'} of this plan"] if planned else []
    waits += waiting_lines(waiting for waiting in entry.waits_for if not waiting.planned)
    yield "waits", waits
    if entry.soaks_until is not None:
        yield "soaks", [f"until {instant(entry.soaks_until)}"]
    yield "then", [visible(step) for step in entry.steps]
    if entry.phase != "stable":
        yield "back", [f"with `generation: {entry.from_generation}`: {entry.back}"]
    if entry.error:
        yield "refused", [colour.red(visible(entry.error))]


def _named(addresses: list[str]) -> str:
    shown = ", ".join(visible(address) for address in addresses[:MOST_NAMED])
    more = len(addresses) - MOST_NAMED
    return f"{shown} and {more} more" if more > 0 else shown

"""`moved`: our record follows a new name, so that a rename costs nothing."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.desired.model import DesiredState, parse_address
from reconciler.desired.moves import Move
from reconciler.plan.inventory import Record
from reconciler.plan.options import desired_addresses


def moved(desired: DesiredState, records: Mapping[str, Record]) -> tuple[Mapping[str, Record], dict[str, str]]:
    """The records under today's addresses, and the former address of each that moved.

    A move applies when something is recorded under the old address, nothing under the new one, and the new one is desired;
    after that it is inert, so it may stay in the file. Without an index it moves every instance.
    """
    if not desired.moves:
        return records, {}
    current = dict(records)
    previous: dict[str, str] = {}
    wanted = frozenset(desired_addresses(desired))
    for move in desired.moves:
        for source, target in _instances(move, current):
            if target in wanted and target not in current and source not in wanted:
                current[target] = current.pop(source)
                previous[target] = previous.pop(source, source)
    return current, previous


def _instances(move: Move, records: Mapping[str, Record]) -> list[tuple[str, str]]:
    if move.source in records:
        return [(move.source, move.target)]
    if parse_address(move.source)[2] is not None or parse_address(move.target)[2] is not None:
        return []
    prefix = f"{move.source}["
    return [(address, move.target + address[len(move.source) :]) for address in sorted(records) if address.startswith(prefix)]

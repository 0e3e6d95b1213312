"""No two outputs may be the same file, and none may lie inside another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from reconciler.desired.diagnostics import Path
from reconciler.desired.external import asked_outside, waiting_of
from reconciler.desired.model import DesiredState, parse_address
from reconciler.desired.place import Place
from reconciler.desired.presets.fragments import KINDS
from reconciler.desired.report import Report
from reconciler.desired.store import KV_LAYOUT
from reconciler.desired.vault import SCHEME

_SECTIONS: Final = {kind: section for section, kind in KINDS.items()} | {"request": "requests"}


def check_clashes(state: DesiredState, excepted: frozenset[str], report: Report) -> None:
    """Reports the entries whose files meet, in time linear in the number of files: a directory is walked up once.

    Args:
        state: what is desired.
        excepted: entries, such as ``component.api``, whose places are already known to be wrong.
        report: takes the mistakes.
    """
    files: dict[str, str] = {}
    parents: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()

    def clash(message: str, first: str, second: str) -> None:
        pair = (_entry(first), _entry(second))
        if pair not in seen and not excepted.intersection(pair):
            seen.add(pair)
            hint = "give one of them another path" if first != second else "give one of them another ending, or leave it out"
            report.add("CPK207", message, at=_place_of(second), hint=hint, address=second)

    for path, address in claims(state):
        if (owner := files.get(path)) is not None:
            who = f"{owner} and {address}" if owner != address else f"two files of {address}"
            clash(f"{who} would both be {path}", owner, address)
        files.setdefault(path, address)
        if path.startswith(SCHEME):
            continue  # a secret may be called as the folder of others (KV v2: both are prefixes of one key space)
        if (inside := parents.get(path)) is not None:
            clash(f"{path} of {address} is a directory that holds {inside}", inside, address)
        parent = path.rpartition("/")[0]
        while parent and parent not in parents:
            parents[parent] = address
            if (owner := files.get(parent, "")) not in {"", address}:
                clash(f"{path} of {address} lies inside {parent} of {owner}", owner, address)
            parent = parent.rpartition("/")[0]


def claims(state: DesiredState) -> Iterator[tuple[str, str]]:
    """Every path that something writes, with its address."""
    for ca in state.cas.values():
        yield from _pair(ca.place, ca.address, ca.suffixes)
        for replica in ca.replicas:
            yield from _pair(replica.place, replica.address, ca.suffixes)
    for keypair in state.keypairs.values():
        for replica in keypair.replicas:
            yield from _pair(replica.place, replica.address, (".key", ".pub"))
    for component in state.components.values():
        if component.place is not None:
            yield from _pair(component.place, component.address, component.suffixes)
    yield from ((path, each.address) for each in asked_outside(state) for path in waiting_of(each, state).paths)
    for bundle in state.bundles.values():
        yield bundle.place.absolute, bundle.address
    for kubeconfig in state.kubeconfigs.values():
        yield kubeconfig.place.absolute, kubeconfig.address
    for crl in state.crls.values():
        yield from _pair(crl.place, crl.address, tuple(crl.suffixes.values()))


def _pair(place: Place, address: str, suffixes: tuple[str, ...]) -> list[tuple[str, str]]:
    """The files of one base name, and the hidden directory of its generations beside them; in KV the one secret.

    The directory belongs to the pair in both layouts: whoever goes over to plain files removes what was there before.
    """
    base = place.absolute
    if place.layout == KV_LAYOUT:
        return [(base, address)]
    claims = [(place.file(suffix), address) for suffix in suffixes]
    directory, _, name = base.rpartition("/")
    return [*claims, (f"{directory}/.{name}", address)]


def _entry(address: str) -> str:
    """``component.api[cp-1]`` belongs to ``component.api``."""
    return address.partition("[")[0]


def _place_of(address: str) -> Path:
    kind, name, node = parse_address(address)
    if kind in _SECTIONS:
        return (_SECTIONS[kind], name, "path")
    return ("cas", name, "crl", *(("copies",) if node else ()), "path")

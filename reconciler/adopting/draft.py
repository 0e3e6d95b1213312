"""From a cluster to a document, with what is known so far. Decisions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from reconciler.adopting.authorities import authorities_of, authority_items
from reconciler.adopting.document import document_of
from reconciler.adopting.entries import entries_of
from reconciler.adopting.exceptions import same_copies, selected
from reconciler.adopting.identities import named, pairs_of
from reconciler.adopting.keypairs import keypair_items
from reconciler.adopting.kubeconfigs import kubeconfig_items
from reconciler.adopting.kubernetes import Base, base_of, with_ca_keys
from reconciler.adopting.model import Authority, Choices, Entry, Ground, Item, Note, Survey
from reconciler.adopting.odd import oddities
from reconciler.adopting.trust import bundle_items, own_bundles, trusts_of
from reconciler.cluster.model import Cluster
from reconciler.health.model import HealthFinding

T = TypeVar("T")


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A document that is to be tried out."""

    text: str
    entries: tuple[Entry, ...]
    notes: tuple[Note, ...]
    authorities: tuple[Authority, ...]


def draft_of(
    cluster: Cluster, findings: Sequence[HealthFinding], ground: Ground, choices: Choices, *, name: str, now: datetime
) -> Draft:
    """Everything that could be managed, in the words of the desired state."""
    every = authorities_of(cluster)
    authorities, notes = _taken_over(every, ground, choices)
    survey = Survey(cluster=cluster, ground=ground, authorities=authorities, choices=choices, now=now)
    components = _kept(named(_kept(pairs_of(survey), notes), survey), notes)
    bundles = _kept(bundle_items(survey), notes)
    own = list(own_bundles(survey, bundles))
    inside = _kept(kubeconfig_items(survey, components, trusts_of([*bundles, *own], authorities)), notes)
    base = base_of(cluster, ground)
    used = {item.spec["bundle"] for item in inside if item.section == "kubeconfigs"} | {bundle.name for bundle in bundles}
    serving = [bundle for bundle in own if bundle.name in used or _is_presets(bundle, base)]
    keypairs = _kept(keypair_items(survey), notes)
    items = [*authority_items(survey), *(each.item for each in components), *inside, *bundles, *serving, *keypairs]
    entries = entries_of(items, ground)
    text = document_of(
        name,
        survey,
        _with_copies(base, entries, ground),
        entries,
        odd=oddities(entries, findings),
        notes=notes,
    )
    return Draft(text=text, entries=entries, notes=tuple(notes), authorities=authorities)


def _taken_over(every: Sequence[Authority], ground: Ground, choices: Choices) -> tuple[tuple[Authority, ...], list[Note]]:
    """The CAs and copies of CAs that stay as they are, and why others do not."""
    kept: list[Authority] = []
    notes: list[Note] = []
    for authority in every:
        copies = []
        for spot in (authority.home, *authority.copies):
            label = "" if spot is authority.home else ground.machine(spot.node.name).label
            why = choices.left_out.get(("cas", authority.name, label))
            if why is not None:
                notes.append(Note(node=spot.node.name, path=spot.names.certificate, why=why))
            elif spot is not authority.home:
                copies.append(spot)
        for spot in authority.apart:
            why = f"it is the key of CA {authority.name}, whose pair is called otherwise on {authority.home.node.name}"
            notes.append(Note(node=spot.node.name, path=spot.names.key, why=why))
        if ("cas", authority.name, "") not in choices.left_out:
            kept.append(replace(authority, copies=tuple(copies)))
    return tuple(kept), notes


def _kept(found: Iterable[T | Note], notes: list[Note]) -> list[T]:
    """What was found, in its order; notes go to the notes."""
    kept = []
    for each in found:
        if isinstance(each, Note):
            notes.append(each)
        else:
            kept.append(each)
    return kept


def _is_presets(bundle: Item, base: Base | None) -> bool:
    return base is not None and bundle.name in base.fragments.bundles


def _with_copies(base: Base | None, entries: Iterable[Entry], ground: Ground) -> Base | None:
    """The preset that has CA keys on all control-plane nodes, where they really all have them."""
    if base is None:
        return None
    copied = {entry.name: entry.spec["copies"] for entry in entries if entry.section == "cas" and "copies" in entry.spec}
    spread = with_ca_keys(base, ground)
    wanted = {
        name: msgspec.to_builtins(spec.copies)
        for name, spec in spread.fragments.cas.items()
        if len(selected(msgspec.to_builtins(spec.copies)["forEach"], ground)) > 1
    }
    fits = all(name in wanted and same_copies(own, wanted[name], ground) for name, own in copied.items())  # type: ignore[arg-type]
    return spread if copied and fits and copied.keys() == wanted.keys() else base

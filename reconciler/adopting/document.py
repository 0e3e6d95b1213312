"""The document: preset, nodes, stores and entries put together, with what is odd beside them. Decisions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from reconciler.adopting.exceptions import Frame, dropped, written
from reconciler.adopting.kubernetes import Base, node_specs
from reconciler.adopting.model import Authority, Entry, Ground, Note, Spec, Survey
from reconciler.adopting.names import few, gathered
from reconciler.adopting.odd import Oddities
from reconciler.adopting.yaml_text import Commented, write
from reconciler.cluster.model import Cluster
from reconciler.desired.model import address_of
from reconciler.desired.presets.fragments import KINDS

_SCHEMA: Final = "yaml-language-server: $schema=schemas/cluster-pki.v1.schema.json"
#: Programs that write their own files, and know nothing of links.
_REWRITING: Final = frozenset({"k3s", "rke2", "k0s"})
_SECTIONS: Final = ("cas", "components", "bundles", "kubeconfigs", "keypairs")


def document_of(
    name: str, survey: Survey, base: Base | None, entries: Sequence[Entry], *, odd: Oddities, notes: Sequence[Note]
) -> str:
    """The text of cluster-pki.yaml."""
    ground, authorities = survey.ground, survey.authorities
    document: dict[str, object] = {"apiVersion": "cluster-pki/v1", "cluster": name}
    if base is not None:
        document["kubernetes"] = base.spec
    if not ground.nodeless:
        document["nodes"] = node_specs(ground)
    defaults = _defaults(entries)
    if defaults:
        document["defaults"] = defaults
    stores, of_ca = _stores(survey.cluster, ground, authorities)
    if stores:
        document["stores"] = stores
    own = frozenset((ground.machine(node).label, path) for authority in authorities for node, path in authority.files)
    frame = Frame(ground=ground, base=base, stores=of_ca, defaults=defaults, own=own)
    for section in _SECTIONS:
        found = _section(section, entries, frame, odd)
        if found:
            document[section] = found
    addresses = _adopted(entries, own)
    if addresses:
        above = ("What was there when this was written, and fitted: ours to replace when its entry changes.",)
        document["adopted"] = Commented(value=addresses, above=above)
    if survey.choices.softened:
        document["policy"] = {
            "rules": Commented(
                value=dict.fromkeys(survey.choices.softened, "warn"), above=("what is there already is not an error",)
            )
        }
    return write(document, head=_head(ground, notes, odd))


def store_of(label: str, homes: Sequence[str]) -> str:
    """The store of the CAs that are at home on a node."""
    return "authority" if label == homes[0] else f"authority-{label.replace('.', '-')}"


def _section(section: str, entries: Sequence[Entry], frame: Frame, odd: Oddities) -> dict[str, object]:
    found: dict[str, object] = {}
    for entry in entries:
        if entry.section != section:
            continue
        above = (*odd.by_entry.get((section, entry.name), ()), *entry.remarks)
        spec = written(entry, frame)
        if spec is None and above:
            spec = {}
        if spec is not None:
            found[entry.name] = Commented(value=spec, above=above) if above else spec
    for other, name in dropped(entries, frame.base):
        if other == section:
            found[name] = None
    return dict(sorted(found.items()))


def _adopted(entries: Sequence[Entry], own: frozenset[tuple[str, str]]) -> list[str]:
    """Everything that may be replaced: no CA is, and no bundle that is a CA's own file."""
    return [
        address_of(KINDS[entry.section], entry.name)
        for entry in entries
        if entry.section != "cas" and not (entry.section == "bundles" and set(_bundle_files(entry)) <= own)
    ]


def _bundle_files(entry: Entry) -> list[tuple[str, str]]:
    path = f"/{entry.spec['path']}"
    return [(label, path) for label in entry.nodes or ("",)]


def _defaults(entries: Sequence[Entry]) -> Spec:
    keys = Counter(str(entry.spec["key"]) for entry in entries if entry.section == "components")
    most = min(keys, key=lambda key: (-keys[key], key), default="ecdsa-p256")
    return {} if most == "ecdsa-p256" else {"key": most}


def _stores(cluster: Cluster, ground: Ground, authorities: Sequence[Authority]) -> tuple[Spec, dict[str, str]]:
    """The stores, and that of each CA where they are not all in one."""
    layout: Spec = {"layout": "plain"} if any(node.layout in _REWRITING for node in cluster.nodes) else {}
    if ground.nodeless:
        return {"files": {"type": "file", "root": ground.machines[0].root, **layout}}, {}
    if not ground.central:
        return ({"files": {"type": "file", "root": "/", **layout}} if layout else {}), {}
    above = ground.machines[0].root.rpartition("/")[0]
    stores: Spec = {"files": {"type": "file", "root": f"{above}/{{node}}", **layout}}
    homes = [ground.machine(authority.home.node.name).label for authority in authorities]
    counted = Counter(homes)
    ranked = sorted(counted, key=lambda label: (-counted[label], label))
    for label in ranked:
        root = next(machine.root for machine in ground.machines if machine.label == label)
        stores[store_of(label, ranked)] = {"type": "file", "root": root, **layout}
    if len(ranked) < 2:  # noqa: PLR2004 - a single one is found without being named
        return stores, {}
    return stores, {each.name: store_of(label, ranked) for each, label in zip(authorities, homes, strict=True)}


def _head(ground: Ground, notes: Sequence[Note], odd: Oddities) -> list[str]:
    lines = [_SCHEMA, "Written from the files of a cluster as they are: nothing here asks for a change of them."]
    if odd.elsewhere:
        lines += ["", "What is odd beside the files below (cluster-pki rule CODE explains each):", *odd.elsewhere]
    if notes:
        several = len(ground.machines) > 1
        lines += ["", "Not taken over:", *sentences(notes, several=several)]
    return [*lines, ""]


def sentences(notes: Sequence[Note], *, several: bool) -> list[str]:
    """Notes as people read them: what is true of several nodes, or of many files, is said once."""
    nodes: dict[tuple[str, str], list[str]] = {}
    for note in notes:
        nodes.setdefault((note.path, note.why), []).append(note.node)
    return list(
        gathered(
            [
                (path, f" on {few(list(filter(None, on)))}: {why}" if several and any(on) else f": {why}")
                for (path, why), on in nodes.items()
            ]
        )
    )

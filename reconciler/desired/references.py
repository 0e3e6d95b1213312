"""Names that must exist, fields that must be there, issuers that must not go round in circles."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from msgspec import UNSET, UnsetType

from reconciler.desired.diagnostics import Path
from reconciler.desired.issuing import parent_of, parent_path, vault_issuer
from reconciler.desired.presets.fragments import KINDS, Fragments
from reconciler.desired.report import Report, did_you_mean
from reconciler.desired.spec import BundleSpec, CaSpec, ComponentSpec, Document, KeypairSpec, KubeconfigSpec, NodeSpec
from reconciler.desired.spec_parts import ForEach, Spec

#: The code of an unknown name, by section.
_UNKNOWN: Final = {
    "cas": "CPK201",
    "components": "CPK202",
    "bundles": "CPK203",
    "stores": "CPK204",
    "connections": "CPK238",
}
_WORDS: Final = {"ca": "CA"}
#: Fields without a default, by section. A component's path is missing only when no kubeconfig holds it (CPK214).
_REQUIRED: Final = {
    "cas": ("path",),
    "keypairs": ("path",),
    "components": ("ca", "usages"),
    "bundles": ("cas", "path"),
    "kubeconfigs": ("component", "bundle", "server", "path"),
}


def check_references(
    fragments: Fragments, document: Document, preset: Fragments, stores: Collection[str], report: Report
) -> tuple[Fragments, Mapping[str, ComponentSpec]]:
    """Reports every broken reference.

    Args:
        fragments: the merged entries with their defaults.
        document: what the user wrote, to tell a dropped entry from a misspelt one.
        preset: the entries of the preset, to guess what an incomplete entry was meant to override.
        stores: names of all stores.
        report: takes the mistakes.

    Returns:
        The entries that stand on their own, so that the remaining checks say nothing twice; and the components that
        would, if only their CA existed: their own fields can still be judged.
    """
    check = _References(fragments, document, preset, stores, report)
    return check.sound(), {name: fragments.components[name] for name in check.without_ca}


def check_nodes(nodes: Collection[NodeSpec], report: Report) -> None:
    """Reports nodes with one name, and addresses that two nodes share."""
    names: dict[str, int] = {}
    addresses: dict[str, str] = {}
    for index, node in enumerate(nodes):
        if node.name in names:
            message = f'nodes {names[node.name] + 1} and {index + 1} of the list are both named "{node.name}"'
            report.add("CPK209", message, at=("nodes", index, "name"), hint="rename or remove one")
            continue
        names[node.name] = index
        for number, address in enumerate(() if node.addresses is UNSET else node.addresses):
            if (owner := addresses.setdefault(address, node.name)) != node.name:
                message = f"{owner} and {node.name} both have the address {address}"
                report.add("CPK231", message, at=("nodes", index, "addresses", number), hint="give each node its own")


class _References:
    """One pass over all sections; an entry that leans on a broken one is broken too, silently."""

    def __init__(
        self, fragments: Fragments, document: Document, preset: Fragments, stores: Collection[str], report: Report
    ) -> None:
        self.fragments = fragments
        self.document = document
        self.preset = preset
        self.stores = stores
        self.report = report
        self.nodes = [node.name for node in (() if document.nodes is UNSET else document.nodes)]
        self.broken: set[tuple[str, str]] = set()
        self.without_ca: list[str] = []
        written = {section: getattr(document, section) for section in KINDS}
        self.dropped = {
            section: {name for name, spec in ({} if entries is UNSET else entries).items() if spec is None}
            for section, entries in written.items()
        }

    def sound(self) -> Fragments:
        """Checks in order of dependency."""
        self._check_section("cas", self._ca)
        self._check_cycles()
        self._check_section("keypairs", self._keypair)
        self._check_section("components", self._component)
        self._check_section("bundles", self._bundle)
        self._check_section("kubeconfigs", self._kubeconfig)
        return Fragments(
            **{
                section: {
                    name: spec for name, spec in getattr(self.fragments, section).items() if (section, name) not in self.broken
                }
                for section in KINDS
            }
        )

    def _check_section(self, section: str, check: Callable[[str, Any], bool]) -> None:
        entries: Mapping[str, Spec] = getattr(self.fragments, section)
        for name, spec in entries.items():
            complete = self._required(section, name, spec)
            stored = self._names("stores", (section, name, "store"), getattr(spec, "store", UNSET))
            selected = self._for_each((section, name, "forEach"), getattr(spec, "for_each", UNSET))
            copied = self._copies((section, name), spec)
            known = check(name, spec)
            if not (known and complete and stored and selected and copied):
                self.broken.add((section, name))
            if section == "components" and complete and stored and selected and copied and not known:
                self.without_ca.append(name)

    def _required(self, section: str, name: str, spec: Spec) -> bool:
        missing = [field for field in _REQUIRED[section] if getattr(spec, field) is UNSET]
        if not missing:
            return True
        listed = " and ".join(f"`{field}`" for field in missing)
        known = getattr(self.preset, section)
        guess = did_you_mean(name, known) if known else ""
        self.report.add(
            "CPK208",
            f'{_WORDS.get(KINDS[section], KINDS[section])} "{name}" needs {listed}',
            at=(section, name),
            hint=guess if guess.startswith("did") else f"add {listed}",
            address=f"{KINDS[section]}.{name}",
        )
        return False

    def _ca(self, name: str, spec: CaSpec) -> bool:
        here: Path = ("cas", name)
        fine = self._home(here, spec.home)
        if spec.copies is not UNSET:
            fine &= self._names("stores", (*here, "copies", "store"), spec.copies.store)
            fine &= self._for_each((*here, "copies", "forEach"), spec.copies.for_each)
        if spec.crl is not UNSET and spec.crl.copies is not UNSET:
            fine &= self._names("stores", (*here, "crl", "copies", "store"), spec.crl.copies.store)
            fine &= self._for_each((*here, "crl", "copies", "forEach"), spec.crl.copies.for_each)
        issuer, above = vault_issuer(spec), parent_of(spec)
        if issuer is not None:
            fine &= self._names("connections", (*here, "issuer", "vault", "connection"), issuer.connection)
        if spec.transit is not UNSET:
            fine &= self._names("connections", (*here, "transit", "connection"), spec.transit.connection)
        return fine & (above is None or self._names("cas", parent_path(name, spec), above))

    def _keypair(self, name: str, spec: KeypairSpec) -> bool:
        return self._home(("keypairs", name), spec.home)

    def _component(self, name: str, spec: ComponentSpec) -> bool:
        return self._names("cas", ("components", name, "ca"), spec.ca)

    def _bundle(self, name: str, spec: BundleSpec) -> bool:
        listed = [] if spec.cas is UNSET else spec.cas
        found = [self._names("cas", ("bundles", name, "cas", index), ca) for index, ca in enumerate(listed)]
        return all(found)

    def _kubeconfig(self, name: str, spec: KubeconfigSpec) -> bool:
        here: Path = ("kubeconfigs", name)
        component = self._names("components", (*here, "component"), spec.component)
        bundle = self._names("bundles", (*here, "bundle"), spec.bundle)
        return bundle & component & self._entries(here, spec)

    def _entries(self, here: Path, spec: KubeconfigSpec) -> bool:
        """The further entries of a kubeconfig."""
        clusters = {} if spec.clusters is UNSET else spec.clusters
        users = {} if spec.users is UNSET else spec.users
        found = [self._names("bundles", (*here, "clusters", name, "bundle"), each.bundle) for name, each in clusters.items()]
        found += [self._names("components", (*here, "users", name, "component"), each.component) for name, each in users.items()]
        return all(found)

    def _copies(self, here: Path, spec: Spec) -> bool:
        if not isinstance(spec, ComponentSpec | BundleSpec | KubeconfigSpec) or spec.copies is UNSET:
            return True
        stored = self._names("stores", (*here, "copies", "store"), spec.copies.store)
        return self._for_each((*here, "copies", "forEach"), spec.copies.for_each) & stored

    def _names(self, section: str, at: Path, name: str | UnsetType) -> bool:
        """Whether the name exists and is sound; a missing one is `_required`'s business."""
        if name is UNSET:
            return True
        known = self._known(section)
        if name in known:
            return (section, name) not in self.broken
        kind = KINDS.get(section, section.removesuffix("s"))
        owner = f"{KINDS[str(at[0])]}.{at[1]}"
        if name in self.dropped.get(section, ()):
            message, hint = (
                f'{owner} needs {kind} "{name}", which is dropped with null',
                f"drop {owner} with null too, or keep both",
            )
        else:
            message, hint = (
                f'there is no {_WORDS.get(kind, kind)} "{name}"',
                did_you_mean(name, known) or f"declare it under `{section}`",
            )
        self.report.add(_UNKNOWN[section], message, at=at, hint=hint, address=owner)
        return False

    def _known(self, section: str) -> Collection[str]:
        if section == "connections":
            return () if self.document.connections is UNSET else self.document.connections
        return self.stores if section == "stores" else getattr(self.fragments, section)

    def _for_each(self, at: Path, selector: ForEach | UnsetType) -> bool:
        if selector is UNSET or selector.nodes is UNSET:
            return True
        unknown = [(index, name) for index, name in enumerate(selector.nodes) if name not in self.nodes]
        for index, name in unknown:
            hint = did_you_mean(name, self.nodes) or "declare it under `nodes`"
            self.report.add("CPK205", f'there is no node "{name}"', at=(*at, "nodes", index), hint=hint)
        return not unknown

    def _home(self, at: Path, home: str | UnsetType) -> bool:
        if home is UNSET or home in self.nodes:
            return True
        hint = did_you_mean(home, self.nodes) or "declare it under `nodes`"
        self.report.add("CPK205", f'there is no node "{home}"', at=(*at, "home"), hint=hint)
        return False

    def _check_cycles(self) -> None:
        """Follows each CA up to its root; every circle is reported once, at its first CA by name."""
        cas = self.fragments.cas
        fine: dict[str, bool] = {}
        for start in sorted(cas):
            chain: dict[str, None] = {}
            name = start
            while name in cas and name not in chain and name not in fine:
                chain[name] = None
                name = parent_of(cas[name]) or ""
            if name in chain:
                above = list(chain)
                self._report_cycle(above[above.index(name) :])
            sound = name not in chain and fine.get(name, True)
            for lower in reversed(chain):
                sound = sound and ("cas", lower) not in self.broken
                fine[lower] = sound
        self.broken.update(("cas", name) for name, sound in fine.items() if not sound)

    def _report_cycle(self, cycle: list[str]) -> None:
        first = cycle.index(min(cycle))
        names = [*cycle[first:], *cycle[: first + 1]]
        message = f"each is issued by the next: {' -> '.join(f'ca.{name}' for name in names)}"
        at = parent_path(names[0], self.fragments.cas[names[0]])
        self.report.add("CPK206", message, at=at, hint="one of them must be a root: issuer: self")

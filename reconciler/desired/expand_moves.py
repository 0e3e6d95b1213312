"""``moved``, ``imports``, ``adopted`` and ``removed``: what happens to addresses, checked against those that exist."""

from __future__ import annotations

from typing import Final

from msgspec import UNSET
from msgspec.structs import replace

from reconciler.desired.diagnostics import Path
from reconciler.desired.expand_context import Context
from reconciler.desired.expand_stores import under
from reconciler.desired.model import DesiredState, address_of, parse_address
from reconciler.desired.moves import Move, Removal
from reconciler.desired.names import InvalidNameError, relative_path
from reconciler.desired.place import Place
from reconciler.desired.presets.fragments import KINDS, Fragments
from reconciler.desired.report import did_you_mean
from reconciler.desired.spec import Document
from reconciler.desired.spec_parts import ForEach
from reconciler.desired.vault import SCHEME

_SECTIONS: Final = {kind: section for section, kind in KINDS.items()}

#: A revocation list has no entry of its own: it can leave, and neither move nor be imported.
_CRL: Final = "crl"

Parsed = tuple[str, str, str | None]


def expand_moves(context: Context, fragments: Fragments, document: Document, state: DesiredState, root: str) -> DesiredState:
    """The state with its moves, imports and removals; an address without a node stands for all instances of its entry."""
    addresses = _Addresses(context, fragments)
    moves: list[Move] = []
    for index, moved in enumerate(() if document.moved is UNSET else document.moved):
        moves += addresses.moves(("moved", index), moved.from_, moved.to)
    imports: dict[str, str] = {}
    for index, entry in enumerate(() if document.imports is UNSET else document.imports):
        imports |= addresses.imported(("imports", index), entry.to, entry.id, state, root)
    adopted: set[str] = set()
    for index, text in enumerate(() if document.adopted is UNSET else document.adopted):
        adopted |= addresses.adopted(("adopted", index), text, state)
    removals: list[Removal] = []
    for index, removed in enumerate(() if document.removed is UNSET else document.removed):
        removals += addresses.removals(("removed", index), removed.from_, destroy=removed.destroy is True)
    return replace(state, moves=tuple(moves), imports=imports, adopted=frozenset(adopted), removals=tuple(removals))


class _Addresses:
    """Which addresses there are."""

    def __init__(self, context: Context, fragments: Fragments) -> None:
        self.context = context
        self.fragments = fragments

    def moves(self, at: Path, source_text: str, target_text: str) -> list[Move]:
        source = self._parse((*at, "from"), source_text)
        target = self._parse((*at, "to"), target_text)
        if source is None or target is None or not self._must_exist((*at, "to"), target):
            return []
        if source[0] != target[0]:
            self._refuse((*at, "to"), f"{source_text} cannot become {target_text}", "both must be of one kind")
            return []
        if not self._must_be_gone((*at, "from"), source):
            return []
        selector = self._selector(target)
        if source[2] is None and target[2] is None and isinstance(selector, ForEach):
            names = [node.name for node in self.context.instances(selector) if node]
            whole = [Move(source=source_text, target=target_text)] if target[0] in {"ca", "keypair"} else []
            return whole + [Move(source=address_of(*source[:2], node), target=address_of(*target[:2], node)) for node in names]
        return [Move(source=source_text, target=target_text)]

    def imported(self, at: Path, text: str, path: str, state: DesiredState, root: str) -> dict[str, str]:
        address = self._parse((*at, "to"), text)
        if address is None or not self._must_exist((*at, "to"), address):
            return {}
        here = _certificate_path(state, text)
        if here is None:
            if self.context.node is None:
                self._refuse(
                    (*at, "to"), f"{text} has no files of its own", "import the kubeconfig or each instance by its address"
                )
            return {}
        if self.context.spread and path.startswith(SCHEME) != here.startswith(SCHEME):
            return {}  # it is about the original, and this is the view of a copy, or the other way round
        if (path if path.startswith(SCHEME) else under(root, path)) != here:
            expected = here.removeprefix(root.rstrip("/"))
            message = f"{text} lives at {expected}, so {path} cannot become it"
            hint = f'write "{expected}", or change the path of {text}'
            self.context.report.add("CPK230", message, at=(*at, "id"), hint=hint, address=text)
            return {}
        return {text: here}

    def adopted(self, at: Path, text: str, state: DesiredState) -> set[str]:
        """The instances of this view that an address stands for."""
        address = self._parse(at, text)
        if address is None or not self._must_exist(at, address):
            return set()
        replicas = (copy.address for each in state.keypairs.values() for copy in each.replicas)
        known = (*state.components, *state.bundles, *state.kubeconfigs, *replicas)
        return {each for each in known if each == text or (address[2] is None and each.startswith(f"{text}["))}

    def removals(self, at: Path, text: str, *, destroy: bool) -> list[Removal]:
        address = self._parse((*at, "from"), text, also=(_CRL,))
        if address is None or not self._must_be_gone((*at, "from"), address):
            return []
        kind, name, node = address
        every = [text] if node else [text, *(address_of(kind, name, known.name) for known in self.context.nodes)]
        return [Removal(address=each, destroy=destroy) for each in every]

    def _parse(self, at: Path, text: str, *, also: tuple[str, ...] = ()) -> Parsed | None:
        try:
            kind, name, node = parse_address(text)
        except ValueError:
            self._refuse(at, f'"{text}" is not an address', "such as component.apiserver[cp-1]")
            return None
        if kind not in _SECTIONS and kind not in also:
            self._refuse(at, f'"{text}": there is no kind "{kind}"', did_you_mean(kind, (*_SECTIONS, *also)))
            return None
        if not _is_name(name) or (node is not None and not _is_name(node)):
            self._refuse(at, f'"{text}" is not an address', "such as component.apiserver[cp-1]")
            return None
        return kind, name, node

    def _selector(self, address: Parsed) -> ForEach | None:
        """The forEach of an entry that exists; of a CA, the one of its copies."""
        spec = getattr(self.fragments, _SECTIONS[address[0]])[address[1]]
        if address[0] == "ca":
            return None if spec.copies is UNSET else spec.copies.for_each
        return None if spec.for_each is UNSET else spec.for_each

    def _exists(self, address: Parsed) -> bool:
        """Whether the entry exists and, with a node, whether it has an instance there."""
        kind, name, node = address
        if kind == _CRL:
            spec = self.fragments.cas.get(name)
            if spec is None or spec.crl is UNSET:
                return False
            selector = None if spec.crl.copies is UNSET else spec.crl.copies.for_each
        elif name not in getattr(self.fragments, _SECTIONS[kind]):
            return False
        else:
            selector = self._selector(address)
        if node is None:
            return True
        return selector is not None and any(known.name == node for known in self.context.select(selector))

    def _must_exist(self, at: Path, address: Parsed) -> bool:
        if self._exists(address):
            return True
        kind, name, node = address
        known = [address_of(kind, other) for other in getattr(self.fragments, _SECTIONS[kind])]
        entry = address_of(kind, name)
        if entry in known and (selector := self._selector(address)) is not None:
            known = [address_of(kind, name, other.name) for other in self.context.select(selector)]
        self._refuse(at, f"there is no {address_of(kind, name, node)}", did_you_mean(address_of(kind, name, node), known))
        return False

    def _must_be_gone(self, at: Path, address: Parsed) -> bool:
        if not self._exists(address):
            return True
        self._refuse(at, f"{address_of(*address)} is still declared", "remove its entry, or this one")
        return False

    def _refuse(self, at: Path, message: str, hint: str) -> None:
        self.context.report.add("CPK215", message, at=at, hint=hint)


def _is_name(text: str) -> bool:
    try:
        return relative_path(text) == text and "/" not in text
    except InvalidNameError:
        return False


def _certificate_path(state: DesiredState, address: str) -> str | None:
    """The file that stands for an address: its certificate, or the file itself; None when it has none in this view."""
    if address in state.components:
        component = state.components[address]
        return None if component.place is None else component.place.file(component.pair[0])
    for file in (state.bundles.get(address), state.kubeconfigs.get(address)):
        if file is not None:
            return file.place.absolute
    pairs: dict[str, tuple[Place, str]] = {}
    for ca in state.cas.values():
        pairs[ca.address] = (ca.place, ".crt")
        pairs.update((replica.address, (replica.place, ".crt")) for replica in ca.replicas)
    for keypair in state.keypairs.values():
        pairs.update((replica.address, (replica.place, ".key")) for replica in keypair.replicas)
    place, suffix = pairs.get(address, (None, ""))
    return None if place is None else place.file(suffix)

"""Fills in what nobody wrote, so that ``show desired`` prints every value that takes effect."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final, TypeVar

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from reconciler.desired.durations import InvalidDurationError, parse_duration, parse_renew_before
from reconciler.desired.issuing import SELF, external_issuer, parent_of, parents
from reconciler.desired.presets.fragments import KINDS, Fragments
from reconciler.desired.spec import BundleSpec, CaSpec, ComponentSpec, Defaults, Document, KeypairSpec, KubeconfigSpec, StoreSpec
from reconciler.desired.spec_parts import CrlSpec, KeypairRotationSpec, NodeCopiesSpec, RotationSpec, Spec, SubjectSpec
from reconciler.desired.store import KV_LAYOUT

KEY: Final = "ecdsa-p256"
LIFETIME: Final = "1y"
RENEW_BEFORE: Final = "30d"
CA_LIFETIME: Final = "10y"
CA_RENEW_BEFORE: Final = "1y"
CRL_VALIDITY: Final = "7d"
SHORT_LIVED: Final = "33%"
STORE: Final = "files"
KEY_MODE: Final = "0600"
SOAK: Final = "24h"
#: kube-apiserver extends service-account tokens to a year (--service-account-extend-token-expiration, on by default).
KEYPAIR_SOAK: Final = "1y"

S = TypeVar("S", bound=Spec)
T = TypeVar("T")


def with_defaults(fragments: Fragments, document: Document) -> Fragments:
    """The entries with their defaults: what is built in, or what ``defaults`` says instead."""
    defaults = Defaults() if document.defaults is UNSET else document.defaults
    store = _or(defaults.store, STORE)
    shared = _shared_store(document, store)
    levels = levels_below(fragments.cas)
    found = Fragments(
        cas={
            name: _ca(name, spec, levels[name], store=store, shared=shared, named=_names_itself(document, name))
            for name, spec in fragments.cas.items()
        },
        keypairs={name: _keypair(spec, shared if spec.for_each is UNSET else store) for name, spec in fragments.keypairs.items()},
        components={name: _component(name, spec, store, defaults) for name, spec in fragments.components.items()},
        bundles={
            name: replace(spec, store=_or(spec.store, store), copies=_copies(spec)) for name, spec in fragments.bundles.items()
        },
        kubeconfigs={name: _kubeconfig(spec, store) for name, spec in fragments.kubeconfigs.items()},
    )
    kv = frozenset(name for name, spec in stores_of(document).items() if spec.type == KV_LAYOUT)
    if not kv:
        return found
    return Fragments(
        **{
            section: {name: _without_access(spec) if spec.store in kv else spec for name, spec in getattr(found, section).items()}
            for section in KINDS
        }
    )


def _without_access(spec: S) -> S:
    """An entry in KV, which keeps neither mode nor owner; they are those of its copies, where it has any."""
    if getattr(spec, "copies", UNSET) is not UNSET and not isinstance(spec, CaSpec):
        return spec
    return replace(spec, **{field: UNSET for field in ("mode", "owner", "group") if hasattr(spec, field)})


def shared_store(document: Document) -> str:
    """The store of what belongs to no node, when none is named."""
    defaults = Defaults() if document.defaults is UNSET else document.defaults
    return _shared_store(document, _or(defaults.store, STORE))


def _shared_store(document: Document, store: str) -> str:
    """The store of CAs, which belong to no node: the default one, unless its root is that of a node.

    Then it is the only declared store without ``{node}``; where there are none or several, the default store stays, and
    the node that is missing becomes an error that says so.
    """
    declared = {} if document.stores is UNSET else document.stores
    if store not in declared or not _says_node(declared[store]):
        return store
    shared = [name for name, spec in declared.items() if not _says_node(spec)]
    return shared[0] if len(shared) == 1 else store


def _says_node(spec: StoreSpec) -> bool:
    """Whether a store tells the nodes apart: in its root, or in KV in its prefix."""
    return "{node}" in _or(spec.root, "/") or "{node}" in _or(spec.prefix, "")


def stores_of(document: Document) -> dict[str, StoreSpec]:
    """All stores with their defaults; ``files`` with root ``/`` is built in."""
    declared = {} if document.stores is UNSET else document.stores
    return {
        name: replace(spec, root=_or(spec.root, "/"), layout=_or(spec.layout, "generations")) if spec.type == "file" else spec
        for name, spec in {STORE: StoreSpec(type="file"), **declared}.items()
    }


def levels_below(cas: Mapping[str, CaSpec]) -> dict[str, int]:
    """How many CAs stand in the longest chain below each one; 0 in a circle of issuers, which is an error elsewhere."""
    above = parents(cas)
    children = Counter(above.values())
    levels = dict.fromkeys(cas, 0)
    ready = [name for name in cas if not children[name]]
    while ready:
        name = ready.pop()
        if (parent := above.get(name)) is not None:
            levels[parent] = max(levels[parent], levels[name] + 1)
            children[parent] -= 1
            if not children[parent]:
                ready.append(parent)
    return levels


def _names_itself(document: Document, name: str) -> bool:
    """Whether the common name of a CA is written by hand, rather than a preset's or the CA's own name."""
    written = None if document.cas is UNSET else document.cas.get(name)
    return written is not None and written.subject is not UNSET and written.subject.common_name is not UNSET


def _rotation(spec: RotationSpec | UnsetType, *, named: bool) -> RotationSpec:
    """How a CA rotates. Without a word about it in the document, falling due starts nothing: it is warned about."""
    written = RotationSpec() if spec is UNSET else spec
    return replace(
        written,
        strategy=_or(written.strategy, "manual" if spec is UNSET else "staged"),
        soak=_or(written.soak, SOAK),
        retired=_or(written.retired, "keep"),
        numbered_names=_or(written.numbered_names, default=not named),
    )


def _ca(name: str, spec: CaSpec, levels: int, *, store: str, shared: str, named: bool) -> CaSpec:
    lifetime = _or(spec.lifetime, CA_LIFETIME)
    path_length = spec.path_length
    if path_length is UNSET and parent_of(spec) is not None:
        path_length = levels
    return replace(
        spec,
        subject=_subject(spec.subject, name),
        issuer=SELF if spec.issuer is UNSET else spec.issuer,
        key=_or(spec.key, KEY),
        lifetime=lifetime,
        renew_before=_or(spec.renew_before, _in_proportion(CA_RENEW_BEFORE, lifetime)),
        store=_or(spec.store, shared),
        path_length=path_length,
        generation=_or(spec.generation, 1),
        rotation=UNSET if spec.rotation is UNSET and external_issuer(spec) else _rotation(spec.rotation, named=named),
        copies=UNSET if spec.copies is UNSET else replace(spec.copies, store=_or(spec.copies.store, store)),
        crl=UNSET if spec.crl is UNSET else _crl(spec.crl, store),
        mode=_or(spec.mode, KEY_MODE),
    )


def _crl(spec: CrlSpec, store: str) -> CrlSpec:
    return replace(
        spec,
        formats=_or(spec.formats, ["pem", "der"]),
        validity=_or(spec.validity, CRL_VALIDITY),
        copies=UNSET if spec.copies is UNSET else replace(spec.copies, store=_or(spec.copies.store, store)),
    )


def _keypair(spec: KeypairSpec, store: str) -> KeypairSpec:
    rotation = KeypairRotationSpec() if spec.rotation is UNSET else spec.rotation
    return replace(
        spec,
        key=_or(spec.key, KEY),
        store=_or(spec.store, store),
        generation=_or(spec.generation, 1),
        rotation=replace(rotation, soak=_or(rotation.soak, KEYPAIR_SOAK), retired=_or(rotation.retired, "keep")),
        mode=_or(spec.mode, KEY_MODE),
    )


def _component(name: str, spec: ComponentSpec, store: str, defaults: Defaults) -> ComponentSpec:
    lifetime = _or(spec.lifetime, _or(defaults.lifetime, LIFETIME))
    general = _or(defaults.renew_before, _in_proportion(RENEW_BEFORE, lifetime))
    if spec.lifetime is not UNSET and not _fits(general, lifetime):
        general = SHORT_LIVED  # who wants eight hours of one component did not mean the month that all others have
    renew_before = _or(spec.renew_before, general)
    return replace(
        spec,
        subject=_subject(spec.subject, name),
        key=_or(spec.key, _or(defaults.key, KEY)),
        lifetime=lifetime,
        renew_before=renew_before,
        rotate_key=_or(spec.rotate_key, _or(defaults.rotate_key, "always")),
        store=_or(spec.store, store),
        copies=_copies(spec),
        outputs=_or(spec.outputs, ["pem"]),
        mode=_or(spec.mode, KEY_MODE),
    )


def _kubeconfig(spec: KubeconfigSpec, store: str) -> KubeconfigSpec:
    return replace(
        spec,
        cluster_name=_or(spec.cluster_name, "kubernetes"),
        embed=_or(spec.embed, default=True),
        store=_or(spec.store, store),
        copies=_copies(spec),
        mode=_or(spec.mode, KEY_MODE),
    )


def _copies(spec: ComponentSpec | BundleSpec | KubeconfigSpec) -> NodeCopiesSpec | UnsetType:
    """Where nodes keep what they fetch: at the same path, in the store that every machine has."""
    if spec.copies is UNSET:
        return UNSET
    return replace(spec.copies, store=_or(spec.copies.store, STORE), path=_or(spec.copies.path, spec.path))


def _subject(spec: SubjectSpec | UnsetType, name: str) -> SubjectSpec:
    subject = SubjectSpec() if spec is UNSET else spec
    return replace(subject, common_name=_or(subject.common_name, name))


def _in_proportion(built_in: str, lifetime: str) -> str:
    """The built-in renewBefore, or a third of a lifetime too short for it: nobody asked for a certificate that is always due."""
    try:
        enough: bool = parse_duration(lifetime) >= 3 * parse_duration(built_in)
    except InvalidDurationError:
        enough = True
    return built_in if enough else SHORT_LIVED


def _fits(renew_before: str, lifetime: str) -> bool:
    try:
        length = parse_duration(lifetime)
        return parse_renew_before(renew_before, length) < length
    except InvalidDurationError:
        return True  # which is told where it stands


def _or(value: T | UnsetType, default: T) -> T:
    return default if value is UNSET else value

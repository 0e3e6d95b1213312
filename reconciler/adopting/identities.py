"""Certificates with keys, in files of their own: the components. Decisions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

import msgspec

from reconciler.adopting import facts
from reconciler.adopting.authorities import signer_in
from reconciler.adopting.kubelets import is_kubelets, is_told
from reconciler.adopting.model import Authority, Item, Machine, Note, Spec, Survey
from reconciler.adopting.names import component_name, free_name
from reconciler.adopting.pair_names import Names, names_of
from reconciler.cluster.model import File, Node, Use
from reconciler.observed.model import Certificates, CombinedPair, FileMeta, Key, Unusable
from reconciler.x509.facts import CertificateFacts

_COMBINED: Final = ".pem"
_UNLIMITED: Final = "has no extended key usage, so that it is good for anything; the next one is for what is written here"
_TOKENS: Final = "service-account tokens are signed with its key: renewals keep it, since with another one all tokens are refused"
_APART: Final = "its key is not beside it: what can be managed is NAME.crt with NAME.key or the like, or both in NAME.pem"


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate and its key, side by side."""

    node: Node
    names: Names
    file: File
    chain: tuple[CertificateFacts, ...]
    key: FileMeta
    combined: bool = False

    @property
    def metas(self) -> tuple[FileMeta, ...]:
        """Of the key and of the certificate."""
        content = self.file.content
        return (self.key, content.meta) if isinstance(content, Certificates) else (self.key,)

    @property
    def paths(self) -> tuple[str, str]:
        """Of certificate and key."""
        return (f"{self.names.base}{_COMBINED}",) * 2 if self.combined else (self.names.certificate, self.names.key)

    @property
    def signs_tokens(self) -> bool:
        """Whether its key is that of service-account tokens, which a course puts into a pair."""
        file = self.node.files.get(self.paths[1])
        return file is not None and any(use.role == "token-key" for use in file.uses)


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """A pair that is taken over."""

    name: str
    pair: Pair
    item: Item


def pairs_of(survey: Survey) -> Iterator[Pair | Note]:
    """Every certificate of a leaf that stands in a file with its key beside it, and why others are passed over."""
    own = frozenset(where for authority in survey.authorities for where in authority.files)
    known = frozenset(authority.certificate.spki_sha256 for authority in survey.authorities)
    for node in survey.cluster.nodes:
        for path, file in node.files.items():
            chain = file.chain
            if (problem := _useless(node, path, file)) is not None:
                yield Note(node=node.name, path=path, why=problem)
            if not chain or "/." in path or (node.name, path) in own or chain[0].spki_sha256 in known or chain[0].is_ca:
                continue
            if is_kubelets(path, node):
                if is_told(path, node):
                    yield Note(node=node.name, path=path, why="the kubelet makes and renews it by itself")
                continue
            pair = _pair(node, path, file, chain)
            if pair is not None:
                yield pair
            elif _is_presented(file):
                yield Note(node=node.name, path=path, why=_keyless(node, path))


def named(pairs: Sequence[Pair], survey: Survey) -> Iterator[Named | Note]:
    """The components, and what keeps others from being one."""
    names: dict[str, Names] = {}  # one name stands for one path on every node, which may hold that of the node
    on_nodes = Counter(pair.names for pair in pairs)
    for pair in pairs:
        machine, label = survey.machine(pair.node.name), survey.label(pair.node.name)
        called = pair.names
        if on_nodes[called] == 1:
            called = called._replace(base=facts.with_node(called.base, machine))
        wanted = component_name(called.base, pair.file)
        taken = [name for name, other in names.items() if other != called]
        name = next((name for name, other in names.items() if other == called), "") or free_name(wanted, taken)
        names[name] = called
        left_out = survey.choices.left_out.get(("components", name, label))
        if left_out and survey.ground.central and pair.file.link.startswith("/"):
            left_out = f"it is a link to {pair.file.link}, which leads elsewhere in a copy of the node's files"
        leaf = pair.chain[0]
        authority = signer_in(survey, leaf, name, label)
        why = left_out or "; ".join(facts.unspeakable(leaf)) or _unsigned(leaf, authority)
        if why or authority is None:
            yield Note(node=pair.node.name, path=pair.paths[0], why=why)
            continue
        spec, remarks = identity_spec(leaf, authority, machine, [use for use in pair.file.uses if use.role == "certificate"])
        spec |= {**called.spec, **facts.access_spec(survey.ground, *pair.metas)}
        spec |= {"outputs": ["combined"]} if pair.combined else {}
        if pair.signs_tokens:
            spec, remarks = {**spec, "rotateKey": "never"}, (*remarks, _TOKENS)
        item = identity_item(
            name,
            label,
            leaf,
            spec,
            authority=authority,
            now=survey.now,
            paths=pair.paths,
            remarks=(*remarks, *facts.owners(survey.ground, *pair.metas)),
        )
        yield Named(name=name, pair=pair, item=item)


def identity_spec(
    leaf: CertificateFacts, authority: Authority, machine: Machine | None, uses: Iterable[Use]
) -> tuple[Spec, tuple[str, ...]]:
    """What a certificate says, as a component would; and what is odd about it."""
    spec: Spec = {
        "ca": authority.name,
        "subject": facts.subject_spec(leaf.subject, machine),
        "usages": facts.usages_spec(leaf, list(uses)),
        "key": leaf.key,
    }
    sans = facts.sans_spec(leaf.sans, machine)
    spec |= {"sans": sans} if sans else {}
    return spec, () if leaf.usages else (_UNLIMITED,)


def identity_item(
    name: str,
    label: str,
    leaf: CertificateFacts,
    spec: Spec,
    *,
    authority: Authority,
    now: datetime,
    paths: tuple[str, ...],
    remarks: tuple[str, ...],
) -> Item:
    """A component with its dates."""
    lifetime = facts.lifetime_of(leaf, authority.certificate, now)
    default = facts.default_renew_before(lifetime, facts.YEAR, facts.RENEW_BEFORE)
    renew_before = facts.renew_before_of(leaf.not_after, default, now)
    return Item(
        section="components",
        name=name,
        node=label,
        spec=spec,
        paths=paths,
        remarks=(*remarks, *facts.ending(leaf.not_after, renew_before, now)),
        lifetime=lifetime,
        renew_before=renew_before,
    )


def _unsigned(leaf: CertificateFacts, authority: Authority | None) -> str:
    if authority is not None:
        return ""
    return "it signed itself" if leaf.self_signed else f'the CA that signed it, "{leaf.issuer}", is not here or not taken over'


def _pair(node: Node, path: str, file: File, chain: tuple[CertificateFacts, ...]) -> Pair | None:
    content, names = file.content, names_of(path, node)
    if isinstance(content, CombinedPair):
        key, names = content.key, Names(path.removesuffix(_COMBINED)) if path.endswith(_COMBINED) else None
    else:
        other = node.files.get(names.key) if names is not None else None
        key = other.content if other is not None else None  # type: ignore[assignment]
    if names is None or not isinstance(key, Key) or key.facts.spki_sha256 != chain[0].spki_sha256:
        return None
    return Pair(node=node, names=names, file=file, chain=chain, key=key.meta, combined=isinstance(content, CombinedPair))


def _useless(node: Node, path: str, file: File) -> str | None:
    """Why a file that somebody presents cannot be used; None where it can, or is the kubelet's."""
    presented = any(use.role == "certificate" for use in file.uses)
    return file.content.detail if presented and isinstance(file.content, Unusable) and not is_kubelets(path, node) else None


def _keyless(node: Node, path: str) -> str:
    """Why a certificate is no pair."""
    names = names_of(path, node)
    other = node.files.get(names.key) if names is not None else None
    unusable = other is not None and isinstance(other.content, Unusable)
    return f"its key cannot be used: {other.content.detail}" if unusable else _APART  # type: ignore[union-attr]


def _is_presented(file: File) -> bool:
    return any(use.role == "certificate" for use in file.uses) or not file.uses

"""Subjects and subject alternative names of an entry, for each of its nodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from reconciler.desired.diagnostics import Path
from reconciler.desired.expand_context import Context, Nodes
from reconciler.desired.names import (
    MAX_COMMON_NAME,
    InvalidNameError,
    canonical_dns,
    canonical_email,
    canonical_ip,
    canonical_uri,
    common_name,
    country,
    subject_attribute,
)
from reconciler.desired.spec_parts import SansSpec, SubjectSpec
from reconciler.desired.templates import (
    ADDRESS,
    NAME,
    MissingAddressError,
    Node,
    Template,
)
from reconciler.x509.names import Subject

SubjectOf = Callable[[Node | None], Subject]
SansOf = Callable[[Node | None], tuple[str, ...]]

#: A wildcard is well-formed here; whether it may stand in this certificate is policy (CPK309).
_CANONICAL: Final[dict[str, Callable[[str], str]]] = {
    "dns": lambda text: canonical_dns(text, wildcard=True),
    "ip": canonical_ip,
    "uri": canonical_uri,
    "email": canonical_email,
}


class SpoiltNameError(Exception):
    """A name that is fine on one node and not on another; reported where it was found."""


class _San(msgspec.Struct, frozen=True, kw_only=True):
    """One item of ``sans`` or ``extraSans``."""

    kind: str
    template: Template
    at: Path

    def render(self, node: Node | None, context: Context) -> tuple[str, ...]:
        """The item's names on one node; the usual placeholders stand for names that were checked with the node."""
        if node is not None:
            if self.kind == "dns" and self.template.text == NAME:
                return (node.dns,)
            if self.kind == "ip" and (self.template.is_list or self.template.text == ADDRESS):
                if not node.sans:
                    raise MissingAddressError(node.name)
                return node.sans if self.template.is_list else node.sans[:1]
        if self.template.is_list and node is not None:
            texts: Sequence[str] = node.addresses
        else:
            texts = (self.template.render(node),)
        try:
            return tuple(f"{self.kind}:{_CANONICAL[self.kind](text)}" for text in texts)
        except InvalidNameError as problem:
            context.report.add_once("CPK227", problem.message, at=self.at, hint=problem.hint)
            raise SpoiltNameError from problem


def sans(context: Context, here: Path, specs: Sequence[tuple[str, SansSpec | UnsetType]], nodes: Nodes) -> SansOf:
    """The names of an entry.

    As kubeadm has them (pkiutil RemoveDuplicateAltNames): DNS names sorted, all others in their order, none twice.

    Args:
        context: the cluster.
        here: the entry in the document.
        specs: the fields that hold names, each with its key.
        nodes: the instances.

    Returns:
        A function from node to canonical SAN strings. A mistake is reported and left out, so that checking goes on.
    """
    items = [item for key, spec in specs if spec is not UNSET for item in _items(context, (*here, key), spec, nodes)]
    if not any(item.template.uses for item in items):
        always = _in_order([name for item in items for name in item.render(None, context)])
        return lambda _: always
    return lambda node: _in_order([name for item in items for name in item.render(node, context)])


def subject(context: Context, here: Path, spec: SubjectSpec, nodes: Nodes) -> SubjectOf:
    """The subject of an entry: a function from node to subject. A mistake is reported and left out.

    An empty ``commonName`` leaves the CN out; everything else about subjects is in `reconciler.desired.names`.
    """
    at = (*here, "subject")
    template = context.template((*at, "commonName"), str(spec.common_name), nodes)
    lists = [
        _attributes(context, (*at, key), values, check)
        for key, values, check in (
            ("organizations", spec.organizations, lambda text: subject_attribute(text, label="organization")),
            ("organizationalUnits", spec.organizational_units, lambda text: subject_attribute(text, label="organizational unit")),
            ("countries", spec.countries, country),
            ("provinces", spec.provinces, lambda text: subject_attribute(text, label="province", limit=128)),
            ("localities", spec.localities, lambda text: subject_attribute(text, label="locality", limit=128)),
        )
    ]
    organizations, units, countries, provinces, localities = lists

    def build(text: str) -> Subject:
        return Subject(
            common_name=text,
            organizations=organizations,
            organizational_units=units,
            countries=countries,
            provinces=provinces,
            localities=localities,
        )

    name_at = (*at, "commonName")
    if template is None:
        return lambda _: build("")
    try:
        sample = template.render(nodes[0] if nodes and template.uses else None) if nodes or not template.uses else ""
    except MissingAddressError:
        sample = ""
    spoilt = bool(sample) and not _checked(context, name_at, sample)
    if spoilt or not template.uses:
        always = build("" if spoilt else template.text)
        return lambda _: always

    def of(node: Node | None) -> Subject:
        text = template.render(node)
        if len(text) > MAX_COMMON_NAME and not _checked(context, name_at, text):
            raise SpoiltNameError
        return build(text)

    return of


def _items(context: Context, at: Path, spec: SansSpec, nodes: Nodes) -> list[_San]:
    """The sound items of one field."""
    found: list[_San] = []
    for kind in _CANONICAL:
        values: list[str] | UnsetType = getattr(spec, kind)
        for index, text in enumerate(() if values is UNSET else values):
            place = (*at, kind, index)
            template = context.template(place, text, nodes, in_list=True)
            if template is None:
                continue
            item = _San(kind=kind, template=template, at=place)
            try:
                if not template.uses:
                    item.render(None, context)
            except SpoiltNameError:
                continue
            found.append(item)
    return found


def _attributes(context: Context, at: Path, values: list[str] | UnsetType, check: Callable[[str], str]) -> tuple[str, ...]:
    """The sound values of one attribute, none twice."""
    checked: list[str] = []
    for index, text in enumerate(() if values is UNSET else values):
        try:
            checked.append(check(text))
        except InvalidNameError as problem:
            context.report.add("CPK228", problem.message, at=(*at, index), hint=problem.hint)
    return tuple(dict.fromkeys(checked))


def _checked(context: Context, at: Path, text: str) -> bool:
    try:
        common_name(text)
    except InvalidNameError as problem:
        context.report.add_once("CPK228", problem.message, at=at, hint=problem.hint)
        return False
    return True


def _in_order(names: list[str]) -> tuple[str, ...]:
    dns = sorted({name for name in names if name.startswith("dns:")})
    return (*dns, *dict.fromkeys(name for name in names if not name.startswith("dns:")))

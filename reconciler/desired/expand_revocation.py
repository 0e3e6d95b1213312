"""Revocation lists and revocations: where the lists of a CA stand, and which certificates are on them for good."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec import UNSET, UnsetType

from reconciler.desired.diagnostics import Path
from reconciler.desired.durations import InvalidDurationError, parse_duration
from reconciler.desired.expand_context import Context, Nodes
from reconciler.desired.expand_copies import follows
from reconciler.desired.expand_stores import places
from reconciler.desired.model import CA, Crl, CrlFormat, Revocation, address_of, parse_address
from reconciler.desired.place import Place
from reconciler.desired.presets.fragments import Fragments
from reconciler.desired.report import did_you_mean
from reconciler.desired.signers import DEFAULT_CA
from reconciler.desired.spec import CaSpec, Document
from reconciler.desired.spec_parts import CrlSpec
from reconciler.desired.spec_requests import RequestSpec
from reconciler.desired.spec_whole import RevocationSpec

#: A list is signed again when a third of this is left: that must be several passes of a reconciler.
SHORTEST_VALIDITY: Final = timedelta(hours=1)
#: The longest life of a certificate of which nothing is known: what public CAs could issue before 2018 (CA/B Forum ballot 193).
LONGEST_UNKNOWN: Final = timedelta(days=3 * 365)
#: More digits than a serial may have (RFC 5280 section 4.1.2.2: 20 octets).
_MOST_DIGITS: Final = 40
#: What the address of a request begins with.
_REQUEST: Final = "request."
_INSTANT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def expand_crls(context: Context, fragments: Fragments, document: Document, cas: Mapping[str, CA]) -> dict[str, Crl]:
    """Every revocation list of this view by address: beside its CA, and its copies on nodes."""
    crls: dict[str, Crl] = {}
    if follows(context):  # lists are signed where certificates are
        return crls
    for name, ca in cas.items():
        spec = fragments.cas[name]
        if spec.crl is UNSET:
            continue
        validity, formats = _validity(context, name, spec.crl), _formats(context, name, spec.crl)
        own = _own_place(context, name, spec, spec.crl)
        if validity is None or formats is None or own is None:
            continue
        keep = _longest_life(name, fragments, document)
        here = context.node in (None, ca.home or context.home)
        copies = _copies(context, name, spec.crl)
        placed = [(None, own), *((node, place) for node, place in copies if place != own)] if here else copies
        for node, place in placed:
            address = address_of("crl", name, node)
            crls[address] = Crl(
                address=address,
                name=name,
                node=node,
                place=place,
                formats=formats,
                validity=validity,
                keep=keep,
                origin=context.origin("cas", name),
            )
    return crls


def expand_revocations(
    context: Context, fragments: Fragments, document: Document, cas: Collection[str]
) -> tuple[Revocation, ...]:
    """What is revoked of the CAs of this view, in the order of the document."""
    if document.revocations is UNSET:
        return ()
    found: dict[tuple[str, str], Revocation] = {}
    for index, spec in enumerate(document.revocations):
        at: Path = ("revocations", index)
        revocation = _revocation(context, fragments, spec, at)
        if revocation is None:
            continue
        if (revocation.ca, revocation.serial) in found:
            message = f"serial {revocation.serial} of ca.{revocation.ca} is revoked twice"
            context.report.add("CPK236", message, at=(*at, "serial"), hint="remove one of the entries")
            continue
        found[revocation.ca, revocation.serial] = revocation
    return tuple(revocation for revocation in found.values() if revocation.ca in cas)


def _revocation(context: Context, fragments: Fragments, spec: RevocationSpec, at: Path) -> Revocation | None:
    component = _component(context, fragments, spec.component, (*at, "component"))
    serial = _serial(context, spec.serial, (*at, "serial"))
    when = None if spec.at is UNSET else _instant(context, spec.at, (*at, "at"))
    if component is None or serial is None or (spec.at is not UNSET and when is None):
        return None
    ca = _ca(context, fragments, component, spec, at)
    if ca is None:
        return None
    reason = "unspecified" if spec.reason is UNSET else spec.reason
    return Revocation(component=component, ca=ca, serial=serial, reason=reason, at=when, origin=at)


def _component(context: Context, fragments: Fragments, text: str, at: Path) -> str | None:
    """The address of a component or request by its name, its name with a node, or its address."""
    address = text if text.startswith(("component.", _REQUEST)) else f"component.{text}"
    if text not in fragments.components and text in _requests(context):
        address = f"{_REQUEST}{text}"
    try:
        parse_address(address)
    except ValueError:
        context.report.add("CPK236", f'"{text}" is not a component', at=at, hint="such as jane, or kubelet-client[w-1]")
        return None
    return address


def _requests(context: Context) -> Mapping[str, RequestSpec]:
    return {} if context.document.requests is UNSET else context.document.requests


def _ca(context: Context, fragments: Fragments, address: str, spec: RevocationSpec, at: Path) -> str | None:
    """Who signed it: as written, else the CA of the component while that exists."""
    if spec.ca is not UNSET:
        if spec.ca in fragments.cas:
            return spec.ca
        hint = did_you_mean(spec.ca, fragments.cas) or "declare it under `cas`"
        context.report.add("CPK201", f'there is no CA "{spec.ca}"', at=(*at, "ca"), hint=hint)
        return None
    component = parse_address(address)[1]
    if address.startswith(_REQUEST):
        asked = _requests(context).get(component)
        if asked is not None:
            return DEFAULT_CA if asked.ca is UNSET else asked.ca
    known = fragments.components.get(component)
    if known is not None:
        return str(known.ca)
    guess = did_you_mean(component, fragments.components)
    hint = "when it has left, say who signed it: ca: NAME" + (f"; else {guess}" if guess.startswith("did") else "")
    context.report.add("CPK202", f'there is no component "{component}"', at=(*at, "component"), hint=hint)
    return None


def _serial(context: Context, text: str, at: Path) -> str | None:
    digits = text.replace(":", "").lstrip("0").lower()
    if 0 < len(digits) <= _MOST_DIGITS:
        return digits
    context.report.add(
        "CPK236",
        f'"{text}" is not a serial number',
        at=at,
        hint="up to 40 hexadecimal digits, as `cluster-pki inventory` and `openssl x509 -serial` print them",
    )
    return None


def _instant(context: Context, text: str, at: Path) -> datetime | None:
    """An RFC 3339 instant in UTC, in whole seconds."""
    if _INSTANT.fullmatch(text):
        try:
            return datetime.fromisoformat(text.upper().replace(" ", "T")).astimezone(UTC).replace(microsecond=0)
        except (ValueError, OverflowError):
            pass
    context.report.add("CPK236", f'"{text}" is not an instant', at=at, hint='RFC 3339 with its zone: "2026-11-20T10:00:00Z"')
    return None


def _validity(context: Context, name: str, spec: CrlSpec) -> timedelta | None:
    at: Path = ("cas", name, "crl", "validity")
    try:
        length = parse_duration(str(spec.validity))
    except InvalidDurationError as problem:
        context.report.add("CPK229", problem.message, at=at, hint=problem.hint)
        return None
    if length < SHORTEST_VALIDITY:
        message = f"a revocation list that is valid for {spec.validity} would end between two passes"
        context.report.add("CPK237", message, at=at, hint="at least 1h; 7d is usual")
        return None
    return length


def _formats(context: Context, name: str, spec: CrlSpec) -> tuple[CrlFormat, ...] | None:
    written: list[CrlFormat] | UnsetType = spec.formats
    formats = tuple(written) if written is not UNSET else ()
    if len(set(formats)) == len(formats):
        return formats
    context.report.add("CPK237", "a format is named twice", at=("cas", name, "crl", "formats"), hint="formats: [pem, der]")
    return None


def _own_place(context: Context, name: str, spec: CaSpec, crl: CrlSpec) -> Place | None:
    nodes: Nodes = (None,)
    place_of = places(context, ("cas", name, "crl"), nodes, kind="crl", store_name=str(spec.store), path=crl.path)
    return place_of(None) if place_of is not None else None


def _copies(context: Context, name: str, spec: CrlSpec) -> list[tuple[str | None, Place]]:
    """The copies with their nodes; a place that is the list's own is no copy."""
    if spec.copies is UNSET:
        return []
    nodes = context.instances(spec.copies.for_each)
    here: Path = ("cas", name, "crl", "copies")
    place_of = places(
        context, here, nodes, kind="crl", store_name=str(spec.copies.store), path=spec.copies.path, for_each=spec.copies.for_each
    )
    if place_of is None:
        return []
    return [(node.name if node else None, place_of(node)) for node in nodes]


def _longest_life(name: str, fragments: Fragments, document: Document) -> timedelta:
    """Longer than any certificate of this CA lives of which nothing else is known."""
    texts = [str(spec.lifetime) for spec in fragments.components.values() if spec.ca == name]
    if document.policy is not UNSET and document.policy.max_lifetime is not UNSET:
        texts.append(document.policy.max_lifetime)
    longest = LONGEST_UNKNOWN
    for text in texts:
        try:
            longest = max(longest, parse_duration(text))
        except InvalidDurationError:
            continue  # reported where it stands
    return longest

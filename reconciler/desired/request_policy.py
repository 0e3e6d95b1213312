"""What signing requests may ask for: ``policy.requests`` with its defaults."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from reconciler.desired.diagnostics import Path
from reconciler.desired.durations import InvalidDurationError, parse_duration
from reconciler.desired.expand_components import split_usages
from reconciler.desired.report import Report, did_you_mean
from reconciler.desired.spec import Document
from reconciler.desired.spec_requests import AllowanceSpec, RequestPolicySpec
from reconciler.x509.facts import KeyAlgorithm

MAX_LIFETIME: Final = timedelta(days=365)
#: What a client's certificate needs; the bits are those that KCM copies for people.
USAGES: Final = ("client auth", "digital signature", "key encipherment")
KINDS: Final = ("dns", "ip", "uri", "email")

_IP: Final = "ip"


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """What one request may ask for beyond the patterns, to the letter."""

    common_name: str = ""
    groups: frozenset[str] = frozenset()
    sans: frozenset[str] = frozenset()
    """Canonical SAN strings."""
    usages: frozenset[str] = frozenset()


NOTHING: Final = Allowance()


class RequestPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What every request may ask for, and what single ones may."""

    common_names: tuple[str, ...] = ("{name}",)
    """Patterns, as are the next two."""
    groups: tuple[str, ...] = ()
    sans: Mapping[str, tuple[str, ...]] = {}
    """By kind; those of ``ip`` are ranges."""
    usages: frozenset[str] = frozenset(USAGES)
    keys: frozenset[str] = frozenset(KeyAlgorithm)
    max_lifetime: timedelta = MAX_LIFETIME
    require_digest: bool = False
    """Whether an approval has to name what it is for."""
    allow: Mapping[str, Allowance] = {}


def read_policy(document: Document, report: Report) -> RequestPolicy:
    """The policy of a document; mistakes in it are reported."""
    limit = _duration(document, "maxLifetime", MAX_LIFETIME, report)
    if document.policy is UNSET or document.policy.requests is UNSET:
        return RequestPolicy(max_lifetime=limit)
    spec = document.policy.requests
    return RequestPolicy(
        common_names=RequestPolicy().common_names if spec.common_names is UNSET else tuple(spec.common_names),
        groups=() if spec.groups is UNSET else tuple(spec.groups),
        sans={kind: _patterns(spec, kind, report) for kind in KINDS},
        usages=frozenset(USAGES) if spec.usages is UNSET else _usages(spec.usages),
        keys=frozenset(KeyAlgorithm) if spec.keys is UNSET else frozenset(map(KeyAlgorithm, spec.keys)),
        max_lifetime=limit,
        require_digest=spec.require_digest is True,
        allow=_allowances(document, spec, report),
    )


def _patterns(spec: RequestPolicySpec, kind: str, report: Report) -> tuple[str, ...]:
    written = getattr(spec, kind)
    if written is UNSET or kind != _IP:
        return () if written is UNSET else tuple(written)
    sound = []
    for index, text in enumerate(written):
        try:
            sound.append(str(ipaddress.ip_network(text)))
        except ValueError:
            message = f'"{text}" is neither an IP address nor a range'
            report.add("CPK717", message, at=("policy", "requests", "ip", index), hint="such as 192.0.2.0/24")
    return tuple(sound)


def _allowances(document: Document, spec: RequestPolicySpec, report: Report) -> dict[str, Allowance]:
    known = {} if document.requests is UNSET else document.requests
    found = {}
    for name, allowance in ({} if spec.allow is UNSET else spec.allow).items():
        if name not in known:
            hint = did_you_mean(name, known) or "remove it with its request"
            report.add("CPK717", f'there is no request "{name}"', at=("policy", "requests", "allow", name), hint=hint, key=True)
        found[name] = _allowance(allowance)
    return found


def _allowance(spec: AllowanceSpec) -> Allowance:
    return Allowance(
        common_name="" if spec.common_name is UNSET else spec.common_name,
        groups=frozenset(() if spec.groups is UNSET else spec.groups),
        sans=frozenset(
            f"{kind}:{text}" for kind in KINDS for text in (() if getattr(spec, kind) is UNSET else getattr(spec, kind))
        ),
        usages=frozenset() if spec.usages is UNSET else _usages(spec.usages),
    )


def _usages(words: Iterable[str]) -> frozenset[str]:
    extended, bits = split_usages(list(words))
    return frozenset((*extended, *bits))


def _duration(document: Document, field: str, built_in: timedelta, report: Report) -> timedelta:
    """The shorter of ``policy.maxLifetime`` and ``policy.requests.maxLifetime``; a mistake in the former is told elsewhere."""
    policy = document.policy
    if policy is UNSET:
        return built_in
    at: Path = ("policy", "requests", field)
    own: str | UnsetType = UNSET if policy.requests is UNSET else policy.requests.max_lifetime
    found = built_in
    if own is not UNSET:
        try:
            found = parse_duration(own)
        except InvalidDurationError as problem:
            report.add("CPK229", problem.message, at=at, hint=problem.hint)
    if policy.max_lifetime is not UNSET:
        try:
            return min(found, parse_duration(policy.max_lifetime))
        except InvalidDurationError:
            return found
    return found

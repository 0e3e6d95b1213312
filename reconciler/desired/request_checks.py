"""What is wrong with a signing request: one small rule a code, from what it asks for and what policy lets it ask. Decisions."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import msgspec

from reconciler.desired.request_names import InvalidNameError, check_san, check_subject, is_reserved, matches
from reconciler.desired.request_policy import NOTHING, Allowance, RequestPolicy
from reconciler.desired.unusable import quoted
from reconciler.x509.asked import ATTRIBUTE_NAMES
from reconciler.x509.facts import AskedFacts

#: What every request may hold whatever it is for: OpenSSL and cfssl put them into nearly all, and they give no power.
_HARMLESS: Final = frozenset({"digital signature", "key encipherment"})


class Breach(NamedTuple):
    """A rule that a request breaks."""

    code: str
    message: str
    """A clause without its subject, such as ``asks for the group "dev", which policy.requests.groups does not allow``."""
    hint: str


class Asking(msgspec.Struct, frozen=True, kw_only=True):
    """A request that is looked at."""

    name: str
    facts: AskedFacts
    usages: frozenset[str]
    """What its certificate would be for: extended usages and bits of keyUsage."""
    policy: RequestPolicy

    @property
    def allowance(self) -> Allowance:
        """What it may ask for to the letter."""
        return self.policy.allow.get(self.name, NOTHING)


def breaches(asking: Asking) -> Iterator[Breach]:
    """Every rule that a request breaks. What is no name is not asked whether it is allowed."""
    for rule in _RULES:
        yield from rule(asking)


def key(asking: Asking) -> Iterator[Breach]:
    """CPK704: the key."""
    facts, allowed = asking.facts, asking.policy.keys
    if facts.key not in allowed:
        yield Breach("CPK704", f"has a key of type {facts.key}", f"policy.requests.keys allows {', '.join(sorted(allowed))}")
    if facts.small_exponent:
        yield Breach("CPK704", f"has an RSA key with the exponent {facts.small_exponent}", "make a key with the exponent 65537")


def look_alikes(asking: Asking) -> Iterator[Breach]:
    """CPK710: names that can be mistaken for others."""
    subject = asking.facts.subject
    try:
        if subject.common_name:
            check_subject(subject.common_name, subject.organizations)
    except InvalidNameError as problem:
        yield Breach("CPK710", f"has a subject that cannot be trusted: {problem.message}", problem.hint)
    for san in asking.facts.sans:
        try:
            check_san(san)
        except InvalidNameError as problem:
            yield Breach("CPK710", f"has a name that cannot be trusted: {problem.message}", problem.hint)


def subject_beyond(asking: Asking) -> Iterator[Breach]:
    """CPK705: the user, the groups, and attributes that nobody reads."""
    subject, policy, allowance = asking.facts.subject, asking.policy, asking.allowance
    user = subject.common_name
    if not user:
        yield Breach("CPK705", "has no common name", "openssl req -subj /CN=NAME")
    elif not is_reserved(user) and user != allowance.common_name and not _fits(user, policy.common_names, asking.name):
        yield Breach("CPK705", f"asks for the user {quoted(user)}", _remedy("commonNames", policy.common_names, asking.name))
    for group in subject.organizations:
        if not is_reserved(group) and group not in allowance.groups and not _fits(group, policy.groups, asking.name):
            yield Breach("CPK705", f"asks for the group {quoted(group)}", _remedy("groups", policy.groups, asking.name))
    unread = [
        *(f"OU={value}" for value in subject.organizational_units),
        *(f"C={value}" for value in subject.countries),
        *(f"ST={value}" for value in subject.provinces),
        *(f"L={value}" for value in subject.localities),
        *subject.others,
    ]
    if unread:
        shown = quoted(", ".join(unread))
        yield Breach("CPK705", f"has {shown} in its subject", "ask for one CN, and O for each group, and nothing else")


def reserved(asking: Asking) -> Iterator[Breach]:
    """CPK709: what Kubernetes keeps for itself, user and groups named explicitly or not at all."""
    subject, allowance = asking.facts.subject, asking.allowance
    kept = [f"the user {quoted(user)}" for user in (subject.common_name,) if is_reserved(user) and user != allowance.common_name]
    for group in subject.organizations:
        named = group in allowance.groups and subject.common_name == allowance.common_name
        if is_reserved(group) and not named:
            kept.append(f"the group {quoted(group)}")
    for what in kept:
        hint = f"name user and group under policy.requests.allow.{asking.name}, if it must be; no pattern covers them"
        yield Breach("CPK709", f"asks for {what}, which Kubernetes keeps for itself", hint)


def sans_beyond(asking: Asking) -> Iterator[Breach]:
    """CPK706: subject alternative names."""
    policy, allowance = asking.policy, asking.allowance
    for san in asking.facts.sans:
        kind, _, value = san.partition(":")
        patterns = policy.sans.get(kind, ())
        if san in allowance.sans or kind == "other":
            continue  # a form that cannot be certified is CPK710
        if not (_within(value, patterns) if kind == "ip" else _fits(value, patterns, asking.name)):
            yield Breach("CPK706", f"asks for the name {quoted(san)}", _remedy(kind, patterns, asking.name))
    if len(set(asking.facts.sans)) != len(asking.facts.sans):
        yield Breach("CPK706", "asks for one name twice", "name it once")
    if "server auth" in asking.usages and not any(san.startswith(("dns:", "ip:")) for san in asking.facts.sans):
        yield Breach("CPK706", "is for server auth and asks for no DNS name or IP address", "clients read no common name")


def usages_beyond(asking: Asking) -> Iterator[Breach]:
    """CPK707: usages of the entry that policy does not allow, and of the request that the entry does not want."""
    allowed = asking.policy.usages | asking.allowance.usages
    for usage in sorted(asking.usages - allowed - {"digital signature"}):
        yield Breach("CPK707", f"is for {usage}", f"policy.requests.usages allows {', '.join(sorted(allowed)) or 'nothing'}")
    asked = {*asking.facts.usages, *asking.facts.key_usages}
    for usage in sorted(asked - asking.usages - _HARMLESS):
        hint = "add it to `usages` of the entry, or leave it out of the request"
        yield Breach("CPK707", f"asks for the usage {usage}, which its entry does not want", hint)


def extensions_beyond(asking: Asking) -> Iterator[Breach]:
    """CPK708: to be a CA, extensions that nobody here understands, attributes that do not belong into a repository."""
    if asking.facts.is_ca:
        yield Breach("CPK708", "asks to be a CA", "CAs stand under `cas`; leave basicConstraints out of the request")
    for oid in asking.facts.extensions:
        yield Breach("CPK708", f"asks for the extension {oid}", "leave it out: it would not be granted")
    for oid in asking.facts.attributes:
        yield Breach("CPK708", f"holds {ATTRIBUTE_NAMES.get(oid, f'the attribute {oid}')}", "make the request without it")


def _fits(text: str, patterns: tuple[str, ...], name: str) -> bool:
    """Beyond ASCII only what is allowed to the letter: alphabets share the shapes of many letters."""
    return text.isascii() and matches(text, patterns, name=name)


def _within(text: str, ranges: tuple[str, ...]) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return any(address in ipaddress.ip_network(each) for each in ranges)


def _remedy(field: str, patterns: tuple[str, ...], name: str) -> str:
    known = ", ".join(pattern.replace("{name}", name) for pattern in patterns) or "none"
    return f"policy.requests.{field} allows {known}; add it there, or under policy.requests.allow.{name}"


_RULES: Final[tuple[Callable[[Asking], Iterator[Breach]], ...]] = (
    key,
    look_alikes,
    subject_beyond,
    reserved,
    sans_beyond,
    usages_beyond,
    extensions_beyond,
)

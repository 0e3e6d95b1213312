"""Name constraints as canonical strings (RFC 5280 section 4.2.1.10)."""

from __future__ import annotations

import ipaddress

from msgspec import UNSET, UnsetType

from reconciler.desired.diagnostics import Path
from reconciler.desired.expand_context import Context
from reconciler.desired.names import InvalidNameError, canonical_dns, canonical_email
from reconciler.desired.spec_parts import ConstrainedNames, NameConstraintsSpec
from reconciler.x509.names import NameConstraints


def name_constraints(context: Context, here: Path, spec: NameConstraintsSpec | UnsetType) -> NameConstraints | None:
    """The constraints of a CA; None when there are none. Mistakes are reported and left out."""
    if spec is UNSET:
        return None
    at = (*here, "nameConstraints")
    permitted = _names(context, (*at, "permitted"), spec.permitted)
    excluded = _names(context, (*at, "excluded"), spec.excluded)
    return NameConstraints(permitted=permitted, excluded=excluded) if permitted or excluded else None


def _names(context: Context, at: Path, spec: ConstrainedNames | UnsetType) -> tuple[str, ...]:
    if spec is UNSET:
        return ()
    found = []
    for kind, canonical in (("dns", _domain), ("ip", _network), ("uri", _host), ("email", _mailbox)):
        values: list[str] | UnsetType = getattr(spec, kind)
        for index, text in enumerate(() if values is UNSET else values):
            try:
                found.append(f"{kind}:{canonical(text)}")
            except InvalidNameError as problem:
                context.report.add("CPK232", problem.message, at=(*at, kind, index), hint=problem.hint)
    return tuple(dict.fromkeys(found))


def _domain(text: str) -> str:
    """``example.com`` covers itself and everything below it; a leading dot is read differently by different verifiers."""
    if text.startswith(("*.", ".")):
        plain = text.lstrip("*.")
        message = f'"{text}": a DNS constraint covers all names below it as it is'
        raise InvalidNameError(message, f'write "{plain}"' if plain else "name a domain")
    return canonical_dns(text, wildcard=False)


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        pass
    try:
        hint = f'write "{ipaddress.ip_network(text, strict=False)}"'
    except ValueError:
        hint = "such as 192.0.2.0/24"
    message = f'"{text}" is not a range of addresses'
    raise InvalidNameError(message, hint)


def _host(text: str) -> str:
    """A host, or ``.example.com`` for all hosts below it."""
    return f".{canonical_dns(text[1:], wildcard=False)}" if text.startswith(".") else canonical_dns(text, wildcard=False)


def _mailbox(text: str) -> str:
    """A mailbox, a host, or ``.example.com`` for all hosts below it."""
    return canonical_email(text) if "@" in text else _host(text)

"""Name constraints (RFC 5280 section 4.2.1.10) on canonical SAN strings."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit


def violation(permitted: Iterable[str], excluded: Iterable[str], san: str) -> bool:
    """Whether a certificate with this name breaks the constraints.

    A form of name with no permitted subtree is free, unless the subtree is excluded; a name whose form is constrained but
    that cannot be compared (a URI without a host name) breaks them.

    Args:
        permitted: subtrees such as ``dns:example.com`` (itself and all below), ``ip:192.0.2.0/24``, ``uri:host`` or
            ``uri:.domain``, ``email:mailbox``, ``email:host`` or ``email:.domain``.
        excluded: subtrees likewise.
        san: one canonical name, such as ``dns:*.example.com``.
    """
    kind, _, name = san.partition(":")
    allowed = _of_kind(permitted, kind)
    forbidden = _of_kind(excluded, kind)
    if not allowed and not forbidden:
        return False
    if kind == "uri":
        name = _host(name)
        if not name:
            return True
    if allowed and not any(_within(kind, name, subtree) for subtree in allowed):
        return True
    return any(_within(kind, name, subtree) or _reaches(kind, name, subtree) for subtree in forbidden)


def _of_kind(subtrees: Iterable[str], kind: str) -> list[str]:
    return [value for form, _, value in (subtree.partition(":") for subtree in subtrees) if form == kind]


def _within(kind: str, name: str, subtree: str) -> bool:
    match kind:
        case "dns":
            return _below(name.lower(), subtree.lower())
        case "ip":
            address, network = ipaddress.ip_address(name), ipaddress.ip_network(subtree)
            return address in network
        case "uri":
            return _host_within(name.lower(), subtree.lower())
        case "email":
            local, _, host = name.rpartition("@")
            mailbox, at, subtree_host = subtree.rpartition("@")
            if at:
                return local == mailbox and host.lower() == subtree_host.lower()
            return _host_within(host.lower(), subtree.lower())
    return False


def _below(name: str, domain: str) -> bool:
    """A DNS subtree: the domain and all below; the empty one is everything; a leading dot leaves the domain itself out."""
    if domain.startswith("."):
        return name.endswith(domain)
    return not domain or name == domain or name.endswith(f".{domain}")


def _host_within(host: str, subtree: str) -> bool:
    """A host of a URI or mailbox: itself alone, or with a leading dot what lies below."""
    return not subtree or (host.endswith(subtree) if subtree.startswith(".") else host == subtree)


def _reaches(kind: str, name: str, subtree: str) -> bool:
    """Whether a wildcard could stand for an excluded name: ``*.example.com`` for ``a.example.com``."""
    if kind != "dns" or not name.startswith("*."):
        return False
    _, _, parent = subtree.lower().lstrip(".").partition(".")
    return parent == name.lower()[2:]


def _host(uri: str) -> str:
    """The host name of a URI; empty when there is none, or an address."""
    try:
        host = urlsplit(uri).hostname or ""
    except ValueError:
        return ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host
    return ""

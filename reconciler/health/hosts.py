"""Which machine a host name or address in a URL leads to. Decisions."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import urlsplit

from reconciler.cluster.model import Node
from reconciler.x509.facts import CertificateFacts

_LOCALHOST: Final = "localhost"


def host_of(url: str) -> str:
    """The host of a URL, without brackets, or of ``host:port``; empty when there is none."""
    try:
        return urlsplit(url if "//" in url else f"//{url}").hostname or ""
    except ValueError:
        return ""


def is_tls(url: str) -> bool:
    """Whether a URL asks for TLS."""
    return url.lower().startswith("https://")


def split(values: Iterable[str]) -> tuple[str, ...]:
    """The parts of values that are lists with commas."""
    return tuple(part.strip() for value in values for part in value.split(",") if part.strip())


def san_of(host: str) -> str:
    """The subject alternative name that a client looks for when it dials a host."""
    try:
        return f"ip:{ipaddress.ip_address(host)}"
    except ValueError:
        return f"dns:{host.lower()}"


def is_loopback(host: str) -> bool:
    """Whether a host is the machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == _LOCALHOST


def is_unspecified(host: str) -> bool:
    """Whether a host is an address to listen on, which nobody dials."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return not host


def targets(host: str, origin: Node, servers: Sequence[Node]) -> tuple[Node, ...]:
    """Those servers that a host leads to, seen from a node.

    The machine itself for its loopback address (every server when it has none: then something there balances), the node with
    that address or name, also in some domain, and every server for any other name, which is a load balancer's.
    """
    if is_loopback(host):
        return (origin,) if origin in servers else tuple(servers)
    named = {host, host.partition(".")[0]} if san_of(host).startswith("dns:") else {host}
    own = tuple(server for server in servers if server.name in named or host in server.addresses)
    return own or tuple(servers)


def names_of(certificates: Iterable[CertificateFacts]) -> frozenset[str]:
    """All names of some certificates."""
    return frozenset(san for facts in certificates for san in facts.sans)


def covers(sans: Iterable[str], wanted: str) -> bool:
    """Whether a name is among them, or below a wildcard of them."""
    every = frozenset(sans)
    if wanted in every:
        return True
    kind, _, name = wanted.partition(":")
    return kind == "dns" and f"dns:*.{name.partition('.')[2]}" in every

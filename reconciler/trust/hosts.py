"""Whether a certificate is for a host, as Go's crypto/x509 and OpenSSL agree: by SAN alone, an address by an IP SAN."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit


def is_for(sans: Iterable[str], host: str) -> bool:
    """Whether a client that dials this host accepts a certificate with these names.

    Args:
        sans: canonical SAN strings; a common name counts for nothing.
        host: a DNS name or an IP address, without brackets.
    """
    try:
        wanted = f"ip:{ipaddress.ip_address(host)}"
    except ValueError:
        name = host.lower().rstrip(".")
        return any(_matches(san.removeprefix("dns:"), name) for san in sans if san.startswith("dns:"))
    return wanted in set(sans)


def host_of(url: str) -> str:
    """The host of a URL, IPv6 without brackets; empty when it has none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _matches(pattern: str, name: str) -> bool:
    """RFC 6125 section 6.4.3: a wildcard is the whole leftmost label, and stands for exactly one."""
    if pattern == name:
        return True
    first, _, rest = name.partition(".")
    return pattern.startswith("*.") and bool(first) and pattern[2:] == rest and "." in rest

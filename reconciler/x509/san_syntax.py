"""Which strings are canonical subject alternative names (RFC 5280 section 4.2.1.6, RFC 1123, RFC 6125 for wildcards).

``cryptography`` builds a certificate from nearly anything, and verifiers then disagree about it or ignore the name.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final

_LABEL: Final = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)\Z")
_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+\Z")
_EMAIL: Final = re.compile(r"[!-?A-~]+@[a-z0-9.-]+\Z")


def san_problem(san: str) -> str:
    """Why a string is not a canonical subject alternative name; empty when it is one."""
    kind, _, value = san.partition(":")
    match kind:
        case "dns":
            return _dns_problem(value)
        case "ip":
            try:
                address = ipaddress.ip_address(value)
            except ValueError:
                return "not an IP address"
            if getattr(address, "scope_id", None) or getattr(address, "ipv4_mapped", None):
                return "an address with a zone or an IPv4 address inside IPv6 cannot be certified"
            return "" if str(address) == value else f"not canonical, write ip:{address}"
        case "uri":
            return "" if _URI.match(value) else "not an absolute URI in ASCII"
        case "email":
            return "" if _EMAIL.match(value) else "not a mailbox with a lower-case host"
    return "not a dns:, ip:, uri: or email: name"


def _dns_problem(name: str) -> str:
    labels = name.split(".")
    if labels[0] == "*":
        labels = labels[1:]
        if len(labels) < 2:  # noqa: PLR2004 - *.org covers too much for every verifier's taste
            return "a wildcard needs at least two labels after it"
    if len(name) > 253 or not all(_LABEL.match(label) for label in labels):  # noqa: PLR2004 - RFC 1035 section 2.3.4
        return "not a DNS name (lower-case labels of letters, digits and hyphens)"
    if labels[-1].isdigit():
        return "looks like an IP address, use ip:"
    return ""

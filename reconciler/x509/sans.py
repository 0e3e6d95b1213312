"""Between canonical SAN strings and the GeneralNames of a certificate (RFC 5280 section 4.2.1.6)."""

from __future__ import annotations

import ipaddress
from typing import Final

from cryptography import x509

_FORMS: Final[dict[type[x509.GeneralName], str]] = {
    x509.DNSName: "dns",
    x509.IPAddress: "ip",
    x509.UniformResourceIdentifier: "uri",
    x509.RFC822Name: "email",
}


def canonical(name: x509.GeneralName) -> str:
    """``dns:``, ``ip:``, ``uri:`` or ``email:`` and the value; another form as ``other:`` and its OID or type.

    DNS names are lower-cased, as they compare (RFC 4343).
    """
    kind = _FORMS.get(type(name))
    if kind == "dns":
        return f"dns:{name.value.lower()}"
    if kind is not None:
        return f"{kind}:{name.value}"
    if isinstance(name, x509.OtherName):
        return f"other:{name.type_id.dotted_string}"
    return f"other:{type(name).__name__}"


def general_name(san: str) -> x509.GeneralName:
    """The GeneralName of a canonical string; an address with a prefix length gives a range, for name constraints.

    Raises:
        ValueError: not a canonical string.
    """
    kind, _, value = san.partition(":")
    if kind == "dns":
        return x509.DNSName(value)
    if kind == "ip":
        return x509.IPAddress(ipaddress.ip_network(value) if "/" in value else ipaddress.ip_address(value))
    if kind == "uri":
        return x509.UniformResourceIdentifier(value)
    if kind == "email":
        return x509.RFC822Name(value)
    msg = f"not a subject alternative name: {san!r}"
    raise ValueError(msg)

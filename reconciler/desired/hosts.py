"""DNS names and IP addresses as they stand in certificates: one spelling each, which every verifier reads the same way."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from typing import Final

from reconciler.desired.unusable import InvalidNameError, first_strange, quoted, refuse, scripts

MAX_DNS_NAME: Final = 253
MAX_LABEL: Final = 63

_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_OCTET: Final = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
#: Thousands of nodes have such addresses, and each is canonical as it stands.
_ORDINARY_IPV4: Final = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}")
_ORDINARY_DNS: Final = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")


def canonical_dns(text: str, *, wildcard: bool) -> str:
    """A DNS name as it stands in a certificate (RFC 5280 section 4.2.1.6, RFC 1123 section 2.1).

    Args:
        text: lower-case letters, digits and hyphens; IDNs as A-labels.
        wildcard: whether ``*`` may be the whole leftmost label (RFC 6125 section 6.4.3).

    Raises:
        InvalidNameError: it is anything else.
    """
    if _ORDINARY_DNS.fullmatch(text) and len(text) <= MAX_DNS_NAME and "xn--" not in text:
        return text
    _check_dns_form(text)
    labels = text.split(".")
    if "*" in text:
        _check_wildcard(text, labels, allowed=wildcard)
        labels = labels[1:]
    for label in labels:
        _check_label(label, text)
    if len(labels) > 1 and labels[-1].isdigit():
        refuse(f"{quoted(text)} ends in a number, programs read it as an IP address", "write an IP address in full under `ip:`")
    return text


def canonical_ip(text: str) -> str:
    """One IP address in canonical form; an IPv4-mapped IPv6 address becomes the IPv4 address it stands for.

    Raises:
        InvalidNameError: it is a range, has a zone, is abbreviated, or is no address.
    """
    if _ORDINARY_IPV4.fullmatch(text):
        return text
    shown = quoted(text)
    if "%" in text:
        refuse(
            f"{shown} has a zone, which a certificate cannot hold (RFC 5280 section 4.2.1.6)",
            f'write "{text.partition("%")[0]}"',
        )
    if "/" in text:
        refuse(f"{shown} is a range, not one address", f'write "{text.partition("/")[0]}"')
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        refuse(f"{shown} is not an IP address", _ip_hint(text))
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def _check_dns_form(text: str) -> None:
    """What concerns the name as a whole."""
    shown = quoted(text)
    if not text:
        refuse("an empty DNS name", "remove it")
    if _is_ip(text.rstrip(".")):
        refuse(f"{shown} is an IP address, not a DNS name", "move it to `ip:`")
    if not text.isascii():
        raise _not_ascii(text)
    if text.endswith(".") and text.strip("."):
        refuse(f"{shown} ends with a dot", f'write "{text.rstrip(".")}"')
    if text != text.lower():
        refuse(f"{shown} has upper-case letters", f'write "{text.lower()}"')
    if len(text) > MAX_DNS_NAME:
        refuse(f"{shown} has {len(text)} characters, a DNS name at most {MAX_DNS_NAME}", "shorten it")


def _check_wildcard(text: str, labels: list[str], *, allowed: bool) -> None:
    shown = quoted(text)
    if labels[0] != "*" or "*" in text[1:]:
        refuse(f"{shown} has a `*` that is not the whole leftmost label", "write *.domain.example, or name each host")
    if len(labels) < 3:  # noqa: PLR2004 - RFC 6125 section 7.2: never a whole top-level domain
        refuse(f"{shown} covers a whole top-level domain", "at least two labels must follow `*.`")
    if not allowed:
        refuse(f"{shown}: a wildcard is not allowed here", "name each host")


def _check_label(label: str, text: str) -> None:
    shown = quoted(text)
    if not label:
        refuse(f"{shown} has an empty label", f'write "{".".join(part for part in text.split(".") if part)}"')
    if len(label) > MAX_LABEL:
        refuse(f"{shown} has a label of {len(label)} characters, at most {MAX_LABEL} are allowed", "shorten it")
    if "_" in label:
        refuse(f"{shown} has an underscore, which verifiers refuse in a host name", "use a hyphen")
    if label[0] == "-" or label[-1] == "-":
        refuse(f"{shown} has a label with a hyphen at its end", "labels begin and end with a letter or digit")
    if not _LABEL.fullmatch(label):
        refuse(f'{shown} holds "{first_strange(label, _LABEL)}"', "use lower-case letters, digits and hyphens between dots")
    if label.startswith("xn--"):
        _check_a_label(label, text)


def _check_a_label(label: str, text: str) -> None:
    """An A-label must be what its own U-label encodes to (RFC 5891 section 4.4): otherwise two names look alike."""
    import idna  # noqa: PLC0415 - its tables are read only when an IDN turns up

    try:
        sound = idna.alabel(idna.ulabel(label)).decode() == label
    except idna.IDNAError:
        sound = False
    if not sound:
        refuse(f'{quoted(text)}: "{label}" is not a valid A-label (RFC 5891)', "encode the name anew with IDNA 2008")


def _not_ascii(text: str) -> InvalidNameError:
    """Never `str.encode("idna")` for the hint: IDNA 2003 turns `ß.de` into `ss.de`, which is another host."""
    import idna  # noqa: PLC0415 - its tables are read only when an IDN turns up

    message = f"{quoted(text)} is not ASCII"
    if len(alphabets := scripts(text)) > 1:
        message += f", and it mixes {' and '.join(alphabets)} letters"
    try:
        encoded = idna.encode(text.rstrip(".")).decode()
    except idna.IDNAError:
        folded = unicodedata.normalize("NFKC", text).lower()
        return InvalidNameError(message, f'did you mean "{folded}"?' if folded.isascii() else "write it in ASCII")
    hint = f'write the A-label "{encoded}", if this name is meant' if "xn--" in encoded else f'did you mean "{encoded}"?'
    return InvalidNameError(message, hint)


def _ip_hint(text: str) -> str:
    """What somebody who wrote this may have meant."""
    bare = text.strip("[] ")
    folded = unicodedata.normalize("NFKC", text)
    if folded != text and _is_ip(folded):
        return f'write it with ASCII digits: "{folded}"'
    if _is_ip(bare):
        return f'write "{bare}"'
    if re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3}){3}", text):
        plain = ".".join(str(int(part)) for part in text.split("."))
        if plain != text and _is_ip(plain):
            return f'no leading zeros, some programs read them as octal: write "{plain}" if that is meant'
        return "each number is at most 255"
    if re.fullmatch(r"[0-9.]+", text):
        return "write all four numbers of an IPv4 address"
    if re.fullmatch(r"[0-9.]+:[0-9]+", text):
        return "write an address without a port"
    return "host names belong under `dns:`" if _LABEL.fullmatch(text.lower().split(".")[0]) else "write 192.0.2.1 or 2001:db8::1"


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True

"""URIs in subject alternative names: RFC 5280 section 4.2.1.6, and SPIFFE's stricter rules for its own scheme."""

from __future__ import annotations

import re
from typing import Final

from reconciler.desired.hosts import canonical_dns, canonical_ip
from reconciler.desired.unusable import InvalidNameError, quoted, refuse

MAX_URI: Final = 2048
"""SPIFFE-ID section 2.3; nobody needs more."""

_PARTS: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(?://([^/?#]*))?([^?#]*)(\?[^#]*)?(#.*)?")
_ALLOWED: Final = re.compile(r"(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*")
_AUTHORITY: Final = re.compile(r"(?:[^@]*@)?(\[[^\]]*\]|[^:@\[\]]*)(?::([0-9]{1,5}))?")
_TRUST_DOMAIN: Final = re.compile(r"[a-z0-9._-]{1,255}")
_SPIFFE_SEGMENT: Final = re.compile(r"[A-Za-z0-9._-]+")


def canonical_uri(text: str) -> str:
    """An absolute URI in ASCII whose scheme and host are lower-case.

    Raises:
        InvalidNameError: it is relative, holds other characters, or breaks the rules of its scheme.
    """
    shown = quoted(text)
    if not text:
        refuse("an empty URI", "remove it")
    if len(text) > MAX_URI:
        refuse(f"{shown} is longer than {MAX_URI} characters", "shorten it")
    parts = _PARTS.fullmatch(text)
    if parts is None or not (parts[2] or parts[3]):
        refuse(f"{shown} is not an absolute URI", "begin with a scheme: spiffe://domain/path, https://host/")
    if not _ALLOWED.fullmatch(text):
        refuse(f"{shown} holds a character that a URI cannot", "percent-encode it (RFC 3986 section 2.1)")
    scheme, authority, path, query, fragment = parts.groups()
    if scheme != scheme.lower():
        refuse(f"{shown} has an upper-case scheme", f'write "{scheme.lower()}{text[len(scheme) :]}"')
    if scheme == "spiffe":
        return _spiffe(text, authority or "", path, extra=(query or "") + (fragment or ""))
    if authority is not None:
        _check_host(text, authority)
    return text


def _check_host(text: str, authority: str) -> None:
    """RFC 5280: a URI with an authority has a fully qualified name or an address as its host."""
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        refuse(f"{quoted(text)} has a malformed host", "write scheme://host:port/path")
    host = parts[1]
    try:
        if host.startswith("["):
            canonical_ip(host[1:-1])
        elif host.replace(".", "").isdigit():
            canonical_ip(host)
        else:
            canonical_dns(host, wildcard=False)
    except InvalidNameError as error:
        refuse(f"{quoted(text)}: {error.message}", error.hint)


def _spiffe(text: str, authority: str, path: str, *, extra: str) -> str:
    """SPIFFE-ID section 2: trust domain and path, and nothing else."""
    shown = quoted(text)
    if not _TRUST_DOMAIN.fullmatch(authority):
        hint = f'write "spiffe://{authority.lower()}{path}"' if authority != authority.lower() else ""
        refuse(
            f"{shown} has no valid trust domain: lower-case letters, digits and ._- only, no port and no user",
            hint or "write spiffe://example.org/workload",
        )
    if extra:
        refuse(f"{shown}: a SPIFFE id has neither query nor fragment", f'write "spiffe://{authority}{path}"')
    segments = path.split("/")[1:] if path else []
    if any(not _SPIFFE_SEGMENT.fullmatch(segment) or segment in (".", "..") for segment in segments):
        refuse(
            f"{shown}: each part of a SPIFFE id's path is letters, digits and ._-, not empty, and not a dot alone",
            "remove the slash at the end or the part that is empty or encoded",
        )
    return text

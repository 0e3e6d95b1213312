"""The addresses of a connection: which is asked first, and where a redirect may lead. Decisions."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple
from urllib.parse import unquote, urljoin, urlsplit

#: Seconds for which an address that did not answer is asked last.
SHUNNED: Final = 30.0
_PORTS: Final = {"https": 443, "http": 80}


class Origin(NamedTuple):
    """Scheme, host and port: what a token may be sent to (RFC 6454)."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def origin_of(url: str) -> Origin:
    """The origin of a URL.

    Raises:
        ValueError: it has none that a token may be sent to: no HTTPS, and not on this machine.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    if parts.scheme not in _PORTS or not host or parts.username is not None:
        msg = "it is not an https:// URL with a host"
        raise ValueError(msg)
    if parts.scheme == "http" and not is_loopback(host):
        msg = "it is http, which is for addresses of this machine only"
        raise ValueError(msg)
    return Origin(parts.scheme, host, parts.port or _PORTS[parts.scheme])


def is_loopback(host: str) -> bool:
    """Whether a host, without brackets, is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"


def in_order(origins: Sequence[Origin], failed: Mapping[Origin, float], now: float) -> tuple[Origin, ...]:
    """The addresses as they are tried: as declared, but those that failed lately at the end.

    Args:
        origins: as declared.
        failed: when an address last did not answer, in seconds of a clock that is never set.
        now: of that clock.
    """
    return tuple(sorted(origins, key=lambda origin: origin in failed and now - failed[origin] < SHUNNED))


def redirected(location: str, origin: Origin, target: str, allowed: Iterable[Origin]) -> Origin:
    """Where a redirect (307, 308) of a request leads.

    Args:
        location: of its header.
        origin: that sent it.
        target: path and query of the request.
        allowed: the connection's addresses.

    Raises:
        ValueError: to where the token must not go, or to something else than was asked for; the text says to where.
    """
    if not location:
        msg = "nowhere"
        raise ValueError(msg)
    try:
        url = urljoin(f"{origin}{target}", location)
        goal = origin_of(url)
    except ValueError:
        msg = "what is no address for a token"
        raise ValueError(msg) from None
    if goal not in allowed or unquote(urlsplit(url).path) != unquote(urlsplit(target).path):
        raise ValueError(str(goal))
    return goal

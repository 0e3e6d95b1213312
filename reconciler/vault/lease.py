"""The life of a token: when it is renewed, and when a new one is got. Data and decisions; the time is an argument."""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

import msgspec

#: Share of its life after which a token is renewed.
_RENEWED_AFTER: Final = 2 / 3
#: A renewal that gives less than this share of what the login gave has met the token's max_ttl.
_WORN_OUT: Final = 1 / 3
#: Seconds, at most, until a renewal that failed for a passing reason is tried again.
_TRIED_AGAIN: Final = 30.0


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """A token, with what is known of its life. Its repr does not show it. Times are seconds of a clock that is never set."""

    token: str
    since: float
    """When it was asked for: its life began then at the earliest."""
    ttl: float
    """Seconds; 0 for ever."""
    renewable: bool
    own: bool
    """Whether we got it by logging in, so that it is ours to revoke."""
    granted: float
    """The ttl that it began with."""
    not_before: float = 0.0
    """No renewal is tried earlier."""

    def __repr__(self) -> str:
        return f"Lease(ttl={self.ttl}, renewable={self.renewable}, own={self.own})"


class Due(Enum):
    """What has to be done before a token is used."""

    NOTHING = auto()
    RENEWAL = auto()
    LOGIN = auto()


def due(lease: Lease, now: float) -> Due:
    """What a token needs at an instant."""
    if not lease.ttl:
        return Due.NOTHING
    age = now - lease.since
    if age >= lease.ttl:
        return Due.LOGIN
    if now < lease.not_before:
        return Due.NOTHING
    if lease.own and lease.ttl < lease.granted * _WORN_OUT:
        return Due.LOGIN
    if age < lease.ttl * _RENEWED_AFTER:
        return Due.NOTHING
    return Due.RENEWAL if lease.renewable else Due.LOGIN


def renewed(lease: Lease, *, since: float, ttl: float, renewable: bool) -> Lease:
    """The lease after a renewal.

    Args:
        lease: before.
        since: when the renewal was asked for.
        ttl: seconds that it gave.
        renewable: whether it can be renewed again.
    """
    return msgspec.structs.replace(lease, since=since, ttl=ttl, renewable=renewable, not_before=0.0)


def lives(lease: Lease, now: float) -> bool:
    """Whether the server still takes a token, as far as we know."""
    return not lease.ttl or now < lease.since + lease.ttl


def postponed(lease: Lease, now: float) -> Lease:
    """The lease after a renewal, or a login in its place, that failed: it is used as long as it lives."""
    left = max(lease.since + lease.ttl - now, 0.0)
    return msgspec.structs.replace(lease, not_before=now + min(left / 4, _TRIED_AGAIN))

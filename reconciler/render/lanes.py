"""The rows of the timeline: each certificate, or many of one kind together. Decisions."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from reconciler.plan.status_document import ResourceStatus, StatusDocument
from reconciler.render.attention import alarm_at, urgency
from reconciler.render.states import Alarm

#: Up to so many certificates each has a row of its own.
_SEPARATE: Final = 24
#: Rows that are shown one by one, whatever their number, because they need somebody.
_MOST_URGENT: Final = 12
#: Rows altogether.
_MOST: Final = 36
_ALARMS: Final[tuple[Alarm, ...]] = ("bad", "watch", "good")


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """A row: one certificate, or several of one kind."""

    label: str
    count: int
    """Certificates in it."""
    places: int
    """Addresses: a CA and its copies are one certificate."""
    alarm: Alarm
    """The worst of them."""
    renew_at: datetime | None
    """The earliest."""
    first: datetime
    """The first to end."""
    last: datetime
    """The last to end."""
    ends: tuple[datetime, ...]
    suspended: bool
    served: str


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """All rows, in the order in which they need somebody, and how much is not shown."""

    lanes: tuple[Lane, ...]
    certificates: int
    left_out: int
    """Certificates in rows that are not shown; all of them end later."""


def timeline_of(document: StatusDocument, *, now: datetime) -> Timeline:
    """The rows for a status.

    Args:
        document: the status.
        now: the time, aware.
    """
    same: defaultdict[tuple[str, str], list[ResourceStatus]] = defaultdict(list)
    for row in document.resources:
        if row.not_after is not None and row.type != "crl":
            # A certificate and its copies are one; two addresses never share one otherwise.
            same[_base(row.address) if row.type == "ca" else row.address, row.fingerprint or row.address].append(row)
    certificates = sorted(same.values(), key=lambda rows: min(urgency(row, now) for row in rows))
    if len(certificates) <= _SEPARATE:
        lanes = [_lane([rows], now) for rows in certificates]
    else:
        urgent = [rows for rows in certificates if _worst(rows, now) != "good"][:_MOST_URGENT]
        kinds: defaultdict[tuple[str, Alarm], list[list[ResourceStatus]]] = defaultdict(list)
        for rows in certificates[len(urgent) :]:
            kinds[_base(rows[0].address), _worst(rows, now)].append(rows)
        lanes = [_lane([rows], now) for rows in urgent] + [_lane(each, now) for each in kinds.values()]
    lanes.sort(key=lambda lane: (*_turn(lane, now), lane.label))
    kept, rest = lanes[:_MOST], lanes[_MOST:]
    return Timeline(lanes=tuple(kept), certificates=len(certificates), left_out=sum(lane.count for lane in rest))


def _turn(lane: Lane, now: datetime) -> tuple[int, datetime]:
    """What has expired, then what should have been renewed, by its end; then what is renewed next."""
    if lane.first < now:
        return 0, lane.first
    if lane.renew_at is None or lane.renew_at <= now:
        return 1, lane.first
    return 2, lane.renew_at


def _base(address: str) -> str:
    """``component.kubelet`` of ``component.kubelet[w-1]``."""
    return address.partition("[")[0]


def _worst(rows: Sequence[ResourceStatus], now: datetime) -> Alarm:
    alarms = {alarm_at(row, now) for row in rows}
    return next(word for word in _ALARMS if word in alarms)


def _lane(certificates: Sequence[Sequence[ResourceStatus]], now: datetime) -> Lane:
    rows = [row for each in certificates for row in each]
    ends = tuple(sorted(each[0].not_after for each in certificates if each[0].not_after is not None))
    served = Counter(row.served for row in rows)
    return Lane(
        label=rows[0].address if len(rows) == 1 else _base(rows[0].address),
        count=len(certificates),
        places=len(rows),
        alarm=_worst(rows, now),
        renew_at=min((row.renew_at for row in rows if row.renew_at is not None), default=None),
        first=ends[0],
        last=ends[-1],
        ends=ends,
        suspended=any(row.suspended for row in rows),
        served="stale" if served["stale"] else "unreachable" if served["unreachable"] else "",
    )

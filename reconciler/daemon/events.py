"""What happened between two statuses, as events in Flux's shape: only what changed is told. Decisions."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final, Literal

import msgspec

from reconciler.plan.status_document import Condition, PassStatus, ResourceStatus, StatusDocument
from reconciler.render.attention import LEADER
from reconciler.render.durations import span, until

CONTROLLER: Final = "cluster-pki"
Severity = Literal["info", "error"]

#: So long before its end a certificate that should have been renewed is told about, the nearest first.
_THRESHOLDS: Final = (timedelta(0), timedelta(days=1), timedelta(days=7), timedelta(days=30))
#: Of one kind at a time; what is more is told by its number.
_MOST: Final = 20
#: Names in a message before it says "and 7 more".
_LISTED: Final = 5
#: Flux' limit of a message.
_LONGEST: Final = 39_000
#: Conditions that are told address by address, or that only say that something is tried again.
_TOLD_OTHERWISE: Final = frozenset({"Reconciling", "HooksFailing", "ServedStale"})
#: Conditions that are good when True; all others are bad then.
_GOOD: Final = frozenset({"Ready", "SourceVerified"})
_DONE: Final = {
    "repair": "repaired", "reissue": "reissued", "rekey": "rekeyed", "rotate": "rotated", "replace": "replaced",
    "create": "created", "request": "requested", "forget": "forgotten", "destroy": "destroyed",
}  # fmt: skip


class Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Base: Kubernetes' spelling of names in JSON."""


class InvolvedObject(Part, frozen=True, kw_only=True):
    """What an event is about: an address, or the whole cluster."""

    kind: str
    namespace: str
    """The cluster."""
    name: str
    api_version: str = "cluster-pki/v1"


class Event(Part, frozen=True, kw_only=True):
    """One event; the JSON that a webhook receives."""

    involved_object: InvolvedObject
    severity: Severity
    timestamp: datetime
    message: str
    """For people; at most 39,000 characters."""
    reason: str
    """PascalCase."""
    metadata: dict[str, str]
    """``revision``, where one is in force."""
    reporting_controller: str = CONTROLLER
    reporting_instance: str = ""
    """The node, where one reports for itself."""


class _Told(msgspec.Struct, frozen=True, kw_only=True):
    """An event before it gets what all of them share."""

    about: str
    """An address; empty for the cluster."""
    severity: Severity
    reason: str
    message: str


def events_between(previous: StatusDocument | None, current: StatusDocument) -> tuple[Event, ...]:
    """What happened since the status before.

    Args:
        previous: the status before; None when nobody knows it: everything that is wrong is then told once.
        current: the status now.
    """
    told = [*_changes(previous, current), *_failures(previous, current), *_hooks(previous, current)]
    told += [*_rows(previous, current)]
    said = {each.reason for each in told}
    told += [each for each in _conditions(previous, current) if each.severity == "info" or each.reason not in said]
    return tuple(_event(each, current) for each in told)


def _event(told: _Told, document: StatusDocument) -> Event:
    kind = told.about.partition(".")[0].capitalize() if told.about else "Cluster"
    revision = document.source.last_applied_revision if document.source else ""
    return Event(
        involved_object=InvolvedObject(kind=kind, namespace=document.cluster, name=told.about or document.cluster),
        severity=told.severity,
        timestamp=document.at,
        message=told.message[:_LONGEST],
        reason=told.reason,
        metadata={"revision": revision} if revision else {},
        reporting_instance=(document.reconciler.node or "") if document.reconciler else "",
    )


def _pass(document: StatusDocument | None) -> PassStatus | None:
    return document.reconciler.last_pass if document is not None and document.reconciler is not None else None


def _changes(previous: StatusDocument | None, current: StatusDocument) -> Iterator[_Told]:
    """One event for a pass that changed something."""
    before, last = _pass(previous), _pass(current)
    if last is None or (before is not None and before.started_at == last.started_at):
        return
    done = Counter(change.class_ for change in last.changes if change.outcome == "done")
    if not done:
        return
    addresses = [change.address for change in last.changes if change.outcome == "done"]
    message = ", ".join(f"{number} {_DONE.get(word, word)}" for word, number in done.items()) + f": {_names(addresses)}."
    numbers = current.summary
    if numbers.next_renewal is not None:
        message += f" Next renewal: {numbers.next_renewal_address} {until(numbers.next_renewal, now=current.at)}."
    yield _Told(about="", severity="info", reason="ReconciliationSucceeded", message=message)


def _failures(previous: StatusDocument | None, current: StatusDocument) -> Iterator[_Told]:
    """What failed, once: an address that is held back until its next try has not recovered in between."""
    before, last = _pass(previous), _pass(current)
    known = {change.address: change for change in before.changes} if before else {}
    failed: list[_Told] = []
    for change in last.changes if last else ():
        earlier = known.get(change.address)
        same = earlier is not None and (
            earlier.outcome == "held" or (earlier.outcome, earlier.detail) == ("failed", change.detail)
        )
        if change.outcome == "failed" and not same:
            message = f"{change.address} could not be changed ({change.class_}): {change.detail}"
            failed.append(_Told(about=change.address, severity="error", reason="ApplyFailed", message=message))
    yield from _bounded(failed, "changes failed")


def _hooks(previous: StatusDocument | None, current: StatusDocument) -> Iterator[_Told]:
    before = {hook.address for hook in previous.hooks if hook.state == "failing"} if previous else set()
    now = {hook.address: hook for hook in current.hooks if hook.state == "failing"}
    failing = [
        _Told(about=address, severity="error", reason="HookFailed", message=f"{address}: {hook.hook}: {hook.detail}")
        for address, hook in now.items()
        if address not in before
    ]
    yield from _bounded(failing, "hooks fail")
    owed = {hook.address for hook in current.hooks}
    recovered = sorted(before - owed)
    yield from _bounded(
        [
            _Told(about=each, severity="info", reason="HookRecovered", message=f"{each}: its hooks have run.")
            for each in recovered
        ],
        "hooks have run again",
    )


def _rows(previous: StatusDocument | None, current: StatusDocument) -> Iterator[_Told]:
    """Certificates near their end, and processes that serve another certificate."""
    before = {row.address: row for row in previous.resources} if previous else {}
    since = previous.at if previous else current.at
    found: defaultdict[str, list[_Told]] = defaultdict(list)
    for row in current.resources:
        earlier = before.get(row.address)
        for told in (_expiry(earlier, row, since, current.at), _served(earlier, row)):
            if told is not None:
                found[told.reason].append(told)
    for each in found.values():
        yield from _bounded(each, "addresses")


def _expiry(before: ResourceStatus | None, row: ResourceStatus, since: datetime, now: datetime) -> _Told | None:
    passed = _threshold(row, now)
    if passed is None:
        return None
    same = before is not None and before.fingerprint == row.fingerprint
    known = _threshold(before, since) if before is not None and same else None
    if (known is not None and known <= passed) or row.not_after is None:
        return None
    if passed == timedelta(0):
        ago = span(now - row.not_after)
        message = f"{row.address} expired {ago} ago."
        return _Told(about=row.address, severity="error", reason="Expired", message=message)
    why = " It is suspended." if row.suspended else ""
    message = f"{row.address} expires {until(row.not_after, now=now)} and was due for renewal.{why}"
    return _Told(about=row.address, severity="error", reason="ExpiresSoon", message=message)


def _threshold(row: ResourceStatus, now: datetime) -> timedelta | None:
    """The nearest threshold that a certificate has passed. One that is not due yet has passed none: some live for hours."""
    if row.not_after is None or (row.renew_at is not None and now < min(row.renew_at, row.not_after)):
        return None
    left = row.not_after - now
    return next((each for each in _THRESHOLDS if left < each or left <= timedelta(0) == each), None)


def _served(before: ResourceStatus | None, row: ResourceStatus) -> _Told | None:
    earlier = before.served if before is not None else None
    if row.served == earlier or row.served is None:
        return None
    if row.served == "ok":
        message = f"{row.address}: its endpoint serves what is on disk again."
        return _Told(about=row.address, severity="info", reason="ServedRecovered", message=message) if earlier else None
    reason = "ServesAnotherCertificate" if row.served == "stale" else "EndpointUnreachable"
    message = f"{row.address}: its endpoint is {row.served}. {row.served_detail}".rstrip()
    return _Told(about=row.address, severity="error", reason=reason, message=message)


def _conditions(previous: StatusDocument | None, current: StatusDocument) -> Iterator[_Told]:
    """Transitions. Ready, SourceVerified and Stalled often say one and the same: it is told once when it begins and ends."""
    before = {each.type: each for each in previous.conditions} if previous else {}
    now = {each.type: each for each in current.conditions}
    said: set[tuple[str, str]] = set()
    for condition in current.conditions:
        if condition.type in _TOLD_OTHERWISE or condition.status == "Unknown" or _is_known(condition, before.get(condition.type)):
            continue
        good = _is_good(condition)
        if good and condition.type not in before:
            continue  # a good beginning is no news
        if (condition.reason, condition.message) in said:
            continue
        said.add((condition.reason, condition.message))
        yield _Told(
            about="",
            severity="info" if good else "error",
            reason=condition.reason,
            message=f"{condition.type} is {condition.status}: {condition.message}",
        )
    was = before.get("Ready")
    recovered = was is not None and not _is_good(was) and "Ready" in now and _is_good(now["Ready"])
    for kind, condition in before.items():
        if kind in now or kind in _TOLD_OTHERWISE or _is_good(condition):
            continue
        if recovered and was is not None and (was.reason, was.message) == (condition.reason, condition.message):
            continue
        over = f"{kind} is no longer {condition.status}." if kind in _GOOD else f"{kind} is over."
        yield _Told(about="", severity="info", reason=f"{kind}Ended", message=over)


def _is_known(condition: Condition, before: Condition | None) -> bool:
    """Whether it was told. `Ready` changes its reason with each retry; of the others a new reason is news."""
    if before is None or before.status != condition.status:
        return False
    return condition.type == "Ready" or before.reason == condition.reason


def _is_good(condition: Condition) -> bool:
    # That another reconciler acts is as good as that this one does.
    return condition.type == LEADER or (condition.status == "True") == (condition.type in _GOOD)


def _bounded(told: list[_Told], what: str) -> Iterator[_Told]:
    """All of them, or the first and the number of the rest: a lost CA must not be ten thousand messages."""
    yield from told[:_MOST]
    if rest := told[_MOST:]:
        message = f"{len(rest)} more {what}: {_names([each.about for each in rest])}."
        yield _Told(about="", severity=rest[0].severity, reason=rest[0].reason, message=message)


def _names(addresses: list[str]) -> str:
    rest = len(addresses) - _LISTED
    return ", ".join(addresses[:_LISTED]) + (f" and {rest} more" if rest > 0 else "")

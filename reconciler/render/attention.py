"""What a person has to know first: how alarming each row is now, and the whole in one sentence. Decisions.

A status is made at one moment and shown at a later one. What has expired in between is never shown as good.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import msgspec

from reconciler.plan.status_document import Condition, ResourceStatus, StatusDocument
from reconciler.render.durations import until
from reconciler.render.escape import visible
from reconciler.render.states import Alarm, alarm, state

#: Conditions that are good when True; all others are there only while something is wrong.
GOOD: Final = frozenset({"Ready", "SourceVerified"})
#: Good either way: somebody acts.
LEADER: Final = "Leader"
#: Conditions that are a state rather than a failure.
_MILD: Final = frozenset({"Reconciling", "Suspended", "RotationWaiting", "ExternalCAWaiting"})
_RANK: Final[dict[Alarm, int]] = {"bad": 0, "watch": 1, "good": 2}
_NEVER: Final = datetime.max.replace(tzinfo=UTC)


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The whole in a few words, in one sentence, and what comes next."""

    alarm: Alarm
    headline: str
    sentence: str = ""
    next: str = ""


def has_expired(row: ResourceStatus, now: datetime) -> bool:
    """Whether its certificate has ended (RFC 5280 section 4.1.2.5: notAfter itself still belongs to it)."""
    return row.not_after is not None and row.not_after < now


def alarm_at(row: ResourceStatus, now: datetime) -> Alarm:
    """How alarming a row is now."""
    if has_expired(row, now) or row.served == "stale":
        return "bad"
    if row.suspended or row.served == "unreachable":
        return "watch" if alarm(row) == "good" else alarm(row)
    return alarm(row)


def state_at(row: ResourceStatus, now: datetime) -> str:
    """The state in words, as every table has it; expired since it was looked at, too."""
    if has_expired(row, now) and row.health not in ("Degraded", "Missing"):
        row = msgspec.structs.replace(row, health="Degraded", reasons=list(dict.fromkeys((*row.reasons, "Expired"))))
    return state(row)


def urgency(row: ResourceStatus, now: datetime) -> tuple[int, datetime]:
    """Sorts the most urgent first: what is bad, then what ends or falls due first."""
    moments = [moment for moment in (row.renew_at, row.not_after) if moment is not None]
    return _RANK[alarm_at(row, now)], min(moments, default=_NEVER)


def condition_alarm(condition: Condition) -> Alarm:
    """How alarming a condition is."""
    if condition.status == "Unknown":
        return "watch"
    if condition.type == LEADER:
        return "good"
    if (condition.status == "True") == (condition.type in GOOD):
        return "good"
    return "watch" if condition.type in _MILD or condition.reason == "ChangesPending" else "bad"


def verdict(document: StatusDocument, *, now: datetime) -> Verdict:
    """The state of everything.

    Args:
        document: the status.
        now: the time, aware; not before the document's own.
    """
    rows, coming = document.resources, _coming(document, now)
    if not rows and not document.conditions:
        return Verdict(alarm="watch", headline="Nothing is managed here yet")
    if bad := _bad(document, now):
        return Verdict(alarm="bad", headline="Needs attention", sentence=f"{_listed(bad)}.", next=coming)
    if watch := _watch(document, now):
        return Verdict(alarm="watch", headline="Works, with something to watch", sentence=f"{_listed(watch)}.", next=coming)
    sentence = f"{_count(len(rows), 'address is', 'addresses are all')} healthy and as git says."
    return Verdict(alarm="good", headline="All is well", sentence=sentence, next=coming)


def _bad(document: StatusDocument, now: datetime) -> list[str]:
    rows = document.resources
    expired = sum(has_expired(row, now) for row in rows)
    missing = sum(row.health == "Missing" and not has_expired(row, now) for row in rows)
    stale = sum(row.served == "stale" for row in rows)
    degraded = sum(row.health == "Degraded" and not has_expired(row, now) and row.served != "stale" for row in rows)
    failing = sum(hook.state == "failing" for hook in document.hooks)
    parts = [
        _count(expired, "certificate has expired", "certificates have expired"),
        _count(missing, "address is missing its files", "addresses are missing their files"),
        _count(degraded, "address is degraded", "addresses are degraded"),
        _count(
            stale, "process serves another certificate than the one on disk", "processes serve other certificates than on disk"
        ),
        _count(failing, "hook is failing", "hooks are failing"),
    ]
    told = {"HooksFailing", "ServedStale", "Ready"}
    words = {
        "SourceVerified": "the newest revision is not acted on",
        "Stalled": "the reconciler waits for a person",
        "ClockUncertain": "the clock cannot be trusted",
        "Flapping": "somebody else changes the same files",
        "BudgetExhausted": "an attempt budget is spent",
    }
    wrong = [each for each in document.conditions if condition_alarm(each) == "bad"]
    parts += [words.get(each.type, f"{visible(each.type)} is {each.status}") for each in wrong if each.type not in told]
    found = [part for part in parts if part]
    ready = next((each for each in wrong if each.type == "Ready"), None)
    return found or ([f"the reconciler is not ready ({visible(ready.reason)})"] if ready else [])


def _watch(document: StatusDocument, now: datetime) -> list[str]:
    rows = document.resources
    out = sum(row.sync == "OutOfSync" for row in rows)
    parts = [
        _count(out, "address is not as git says", "addresses are not as git says"),
        _count(sum(row.sync == "Unknown" for row in rows), "address cannot be looked at", "addresses cannot be looked at"),
        _count(sum(row.served == "unreachable" for row in rows), "endpoint cannot be asked", "endpoints cannot be asked"),
        _count(sum(row.suspended for row in rows), "address is suspended", "addresses are suspended"),
        _count(
            sum(row.health == "Progressing" for row in rows), "address is moving to a new CA", "addresses are moving to a new CA"
        ),
        _count(sum(hook.state == "waiting" for hook in document.hooks), "hook waits for its turn", "hooks wait for their turn"),
    ]
    if any(each.type == "RotationWaiting" for each in document.conditions):
        parts.append("a rotation waits for people")
    if any(each.type == "Ready" and each.reason == "NotRunning" for each in document.conditions):
        parts.append("no reconciler is running")
    found = [part for part in parts if part]
    mild = [f"{visible(each.type)} is {each.status}" for each in document.conditions if condition_alarm(each) == "watch"]
    odd = any(alarm_at(row, now) != "good" for row in rows)
    return found or mild or (["not everything is in order"] if odd else [])


def _coming(document: StatusDocument, now: datetime) -> str:
    numbers = document.summary
    if numbers.next_renewal is None:
        return ""
    address = visible(numbers.next_renewal_address or "")
    if numbers.next_renewal <= now:
        return f"Due for renewal: {address}."
    return f"Next renewal: {address} {until(numbers.next_renewal, now=now)}."


def _count(number: int, one: str, many: str) -> str:
    return "" if not number else f"{number:,} {one if number == 1 else many}"


def _listed(parts: list[str]) -> str:
    text = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    return text[0].upper() + text[1:]

"""What the state of a row is called, and how alarming it is: one wording for every table."""

from __future__ import annotations

from typing import Literal

from reconciler.plan.status_document import ResourceStatus, StatusDocument
from reconciler.render.durations import until
from reconciler.render.escape import visible

Alarm = Literal["good", "watch", "bad"]


def state(row: ResourceStatus) -> str:
    """``Healthy``, or everything that is not as it should be: ``Degraded, OutOfSync (Expired)``."""
    words = row.health if row.sync == "Synced" else f"{row.health}, {row.sync}"
    return f"{words} ({', '.join(visible(reason) for reason in row.reasons)})" if row.reasons else words


def alarm(row: ResourceStatus) -> Alarm:
    """``bad`` when it does not do its work, ``watch`` when it is not as git says, else ``good``."""
    if row.health in ("Degraded", "Missing"):
        return "bad"
    return "good" if row.sync == "Synced" and row.health == "Healthy" else "watch"


def sums(document: StatusDocument) -> str:
    """The sums: ``38 addresses: 36 Healthy, 2 Missing. 36 Synced, 2 OutOfSync. Next renewal: ca.x in 11d 4h``."""
    numbers = document.summary
    health = {
        "Healthy": numbers.healthy,
        "Progressing": numbers.progressing,
        "Suspended": numbers.suspended,
        "Degraded": numbers.degraded,
        "Missing": numbers.missing,
    }
    sync = {"Synced": numbers.synced, "OutOfSync": numbers.out_of_sync, "Unknown": numbers.unknown}
    head = f"{numbers.total} address{'' if numbers.total == 1 else 'es'}"
    if not numbers.total:
        return f"{head}."
    text = f"{head}: {_counted(health)}. {_counted(sync)}."
    if numbers.next_renewal is not None:
        text += f" Next renewal: {visible(numbers.next_renewal_address or '')} {until(numbers.next_renewal, now=document.at)}."
    return text


def _counted(numbers: dict[str, int]) -> str:
    return ", ".join(f"{number} {word}" for word, number in numbers.items() if number)

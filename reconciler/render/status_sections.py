"""The sections of the status page about what is managed: what is out of step, CAs, all addresses."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from heapq import nsmallest
from typing import Final

from reconciler.plan.status_document import ResourceStatus, StatusDocument
from reconciler.render.attention import alarm_at, has_expired, state_at, urgency
from reconciler.render.page_style import text
from reconciler.render.reason_words import in_words
from reconciler.render.status_parts import address, day, icon, section, table

#: Rows of a table; what is more is counted.
_MOST_ODD: Final = 40
_MOST_ROWS: Final = 200


def out_of_step(document: StatusDocument, *, now: datetime) -> str:
    """Everything that is not healthy and as git says, the worst first, and why."""
    odd = [row for row in document.resources if alarm_at(row, now) != "good" and not _only_suspended(row, now)]
    if not odd:
        return ""
    shown = nsmallest(_MOST_ODD, odd, key=lambda row: urgency(row, now))
    rows = [
        (
            f"{icon(alarm_at(row, now))} {address(row.address)}",
            f'<span class="{alarm_at(row, now)}">{text(_words(row, now))}</span>',
            _why(row, now),
            day(row.not_after, now=now),
        )
        for row in shown
    ]
    heads = (("Address", ""), ("State", ""), ("Why", ""), ("Ends", "short"))
    body = table(heads, rows) + _rest(odd, shown)
    return section("step", "Out of step", body, note=f"{len(odd):,} of {len(document.resources):,}")


def authorities(document: StatusDocument, *, now: datetime) -> str:
    """The CAs with their generations, and how much rests on each."""
    copies: defaultdict[str, int] = defaultdict(int)
    homes: dict[str, ResourceStatus] = {}
    for row in document.resources:
        if row.type == "ca":
            base = row.address.partition("[")[0]
            copies[base] += row.address != base
            if base not in homes or row.address == base:
                homes[base] = row
    issued = Counter(row.issuer for row in document.resources if row.type in ("component", "request") and row.issuer)
    rows = [
        (
            f"{icon(alarm_at(row, now))} {address(base)}",
            "" if row.generation is None else str(row.generation),
            text(row.subject or "none found"),
            text(row.key or ""),
            f"{issued[base]:,}",
            f"{copies[base]:,}" if copies[base] else "",
            day(row.renew_at, now=now),
            day(row.not_after, now=now),
        )
        for base, row in homes.items()
    ]
    heads = (
        ("CA", ""), ("Generation", "number"), ("Subject", ""), ("Key", "short"), ("Signed", "number"), ("Copies", "number"),
        ("Renews", "short"), ("Ends", "short"),
    )  # fmt: skip
    shown = table(heads, rows[:_MOST_ROWS]) if rows else ""
    if len(rows) > _MOST_ROWS:
        shown += f"<p>{len(rows) - _MOST_ROWS:,} more CAs are not shown.</p>"
    return section("authorities", "Certificate authorities", shown)


def suspended(document: StatusDocument, *, now: datetime) -> str:
    """What is looked at and never changed, by when it ends: nobody renews it."""
    held = [row for row in document.resources if row.suspended]
    if not held:
        return ""
    shown = nsmallest(_MOST_ODD, held, key=lambda row: (row.not_after is None, row.not_after or now, row.address))
    rows = [(address(row.address), text(_words(row, now)), day(row.not_after, now=now)) for row in shown]
    intro = "<p>Looked at and told, never changed, until <code>suspend</code> is taken out of the desired state.</p>"
    rest = f"<p>{len(held) - len(shown):,} more are suspended and end later.</p>" if len(held) > len(shown) else ""
    body = intro + table((("Address", ""), ("State", ""), ("Ends", "short")), rows) + rest
    return section("suspended", "Suspended", body, note=f"{len(held):,}")


def everything(document: StatusDocument, *, now: datetime) -> str:
    """All addresses, or the most urgent of them."""
    rows = document.resources
    if not rows:
        return ""
    shown = rows if len(rows) <= _MOST_ROWS else nsmallest(_MOST_ROWS, rows, key=lambda row: urgency(row, now))
    cells = [
        (
            f"{icon(alarm_at(row, now))} {address(row.address)}",
            f'<span class="{alarm_at(row, now)}">{text(state_at(row, now))}</span>',
            text(row.subject or ""),
            text(row.issuer or ""),
            day(row.renew_at, now=now),
            day(row.not_after, now=now),
        )
        for row in shown
    ]
    heads = (("Address", ""), ("State", ""), ("Subject", ""), ("Issuer", ""), ("Renews", "short"), ("Ends", "short"))
    left = len(rows) - len(shown)
    note = (
        f"<p>The {len(shown):,} most urgent of {len(rows):,}; the other {left:,} are better off. "
        "<code>cluster-pki inventory --format html</code> has every certificate.</p>"
        if left
        else ""
    )
    opened = " open" if len(rows) <= _MOST_ODD else ""
    body = f"""<details{opened}><summary>{len(shown):,} addresses</summary>
{note}<label>Show only rows with <input id="filter" type="search" autocomplete="off"></label>
{table(heads, cells, name="all")}</details>"""
    return section("everything", "Everything that is managed", body)


def _only_suspended(row: ResourceStatus, now: datetime) -> bool:
    """Suspended and otherwise in order: it has a section of its own."""
    return row.suspended and row.sync == "Synced" and row.health in ("Suspended", "Healthy") and not has_expired(row, now)


def _words(row: ResourceStatus, now: datetime) -> str:
    return state_at(row, now).partition(" (")[0]


def _why(row: ResourceStatus, now: datetime) -> str:
    reasons = list(row.reasons)
    if has_expired(row, now) and "Expired" not in reasons:
        reasons.append("Expired")
    lines = [f"{text(reason)}{_meaning(reason)}" for reason in reasons]
    if row.served in ("stale", "unreachable"):
        lines.append(f"served: {row.served} <small>{text(row.served_detail)}</small>")
    if row.suspended:
        lines.append("suspended <small>nothing is changed</small>")
    if not lines and row.health == "Degraded":
        lines.append("<small>it ends soon, and should long have been renewed</small>")
    return "<br>".join(lines)


def _meaning(reason: str) -> str:
    words = in_words(reason)
    return f" <small>{words}</small>" if words else ""


def _rest(odd: Sequence[ResourceStatus], shown: Sequence[ResourceStatus]) -> str:
    if len(odd) == len(shown):
        return ""
    seen = {id(row) for row in shown}
    rest: Iterable[ResourceStatus] = (row for row in odd if id(row) not in seen)
    counted = Counter(reason for row in rest for reason in (row.reasons or [row.health]))
    told = ", ".join(f"{number:,} {text(reason)}" for reason, number in counted.most_common(8))
    return f"<p>And {len(odd) - len(shown):,} more, less urgent: {told}.</p>"

"""The sections of the status page about the running reconciler: conditions, last plan, hooks and probes, source."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from reconciler.plan.status_document import PlannedChange, SourceStatus, StatusDocument
from reconciler.render.attention import condition_alarm
from reconciler.render.page_style import text
from reconciler.render.states import Alarm
from reconciler.render.status_parts import address, facts, icon, moment, section, table
from reconciler.render.timeline import rough

_MOST: Final = 60
_OUTCOMES: Final[dict[str, Alarm]] = {"done": "good", "failed": "bad", "skipped": "watch", "held": "watch", "pending": "watch"}


def conditions(document: StatusDocument, *, now: datetime) -> str:
    """What holds for the reconciler as a whole, with the way out."""
    items = [
        f"<li>{icon(condition_alarm(each))}<div><strong>{text(each.type)} <small>is {each.status} · {text(each.reason)} "
        f'· for {rough(now - each.last_transition_time)}</small></strong><p class="what">{text(each.message)}</p></div></li>'
        for each in document.conditions
    ]
    body = f'<ul class="list conditions">{"".join(items)}</ul>' if items else ""
    return section("conditions", "Conditions", body)


def last_plan(document: StatusDocument, *, now: datetime) -> str:
    """The last pass: what it planned, and what became of it."""
    last = document.reconciler.last_pass if document.reconciler else None
    if last is None:
        return ""
    took = rough(last.finished_at - last.started_at)
    alarm: Alarm = "bad" if last.result == "error" else "good"
    words = {"success": "done", "error": "with errors", "noop": "nothing to do"}[last.result]
    parts = [f"<p>{icon(alarm)} {moment(last.finished_at, now=now)}: {words}. Woken by {text(last.trigger)}, took {took}.</p>"]
    if last.changes:
        rows = [_change(change) for change in last.changes[:_MOST]]
        parts.append(table((("Address", ""), ("Change", "short"), ("Why", ""), ("Outcome", "")), rows))
    if len(last.changes) > _MOST:
        parts.append(f"<p>And {len(last.changes) - _MOST:,} more changes.</p>")
    if last.diagnostics:
        lines = "".join(f"<li>{_diagnostic(line)}</li>" for line in last.diagnostics[:_MOST])
        parts.append(f'<ul class="list">{lines}</ul>')
    return section("plan", "Last plan", "\n".join(parts))


def _change(change: PlannedChange) -> tuple[str, str, str, str]:
    alarm = _OUTCOMES[change.outcome]
    detail = f" <small>{text(change.detail)}</small>" if change.detail else ""
    return (
        address(change.address),
        text(change.class_),
        text(", ".join(change.reasons)),
        f'{icon(alarm)} <span class="{alarm}">{change.outcome}</span>{detail}',
    )


def _diagnostic(line: str) -> str:
    severity, colon, summary = line.partition(": ")
    if not colon:
        return text(line)
    return f"{icon('bad' if severity == 'error' else 'watch')} {text(severity)}: {text(summary)}"


def hooks(document: StatusDocument, *, now: datetime) -> str:
    """Hooks that are still owed, the failing first."""
    owed = sorted(document.hooks, key=lambda hook: hook.state)
    items = []
    for hook in owed[:_MOST]:
        told = [f"{hook.attempts} {'attempt' if hook.attempts == 1 else 'attempts'}"] if hook.attempts else []
        told += [f"Files changed {moment(hook.since, now=now)}"] if hook.since else []
        told += [f"Next try {moment(hook.next_attempt_at, now=now)}"] if hook.next_attempt_at else []
        output = f"<pre>{'<br>'.join(text(line) for line in hook.output.splitlines())}</pre>" if hook.output else ""
        failing = hook.state == "failing"
        alarm: Alarm = "bad" if failing else "watch"
        items.append(
            f'<li>{icon(alarm)} {address(hook.address)} <span class="{alarm}">{hook.state}</span>: <code>{text(hook.hook)}</code>'
            f'<p class="what">{text(hook.detail)}{"<br>" if hook.detail and told else ""}{". ".join(told)}</p>{output}</li>'
        )
    if len(owed) > _MOST:
        items.append(f"<li>And {len(owed) - _MOST:,} more.</li>")
    return section("hooks", "Hooks", f'<ul class="list">{"".join(items)}</ul>' if items else "")


def probes(document: StatusDocument, *, now: datetime) -> str:
    """Processes that do not serve what is on disk, or could not be asked."""
    asked = [row for row in document.resources if row.served is not None]
    odd = sorted((row for row in asked if row.served != "ok"), key=lambda row: row.served != "stale")
    if not asked:
        return ""
    rows = []
    for row in odd[:_MOST]:
        alarm: Alarm = "bad" if row.served == "stale" else "watch"
        said = f'{icon(alarm)} <span class="{alarm}">{row.served}</span>'
        rows.append((address(row.address), said, text(row.served_detail), moment(row.served_at, now=now)))
    parts = []
    if rows:
        parts.append(table((("Address", ""), ("Serves", "short"), ("What the probe saw", ""), ("Asked", "")), rows))
    if len(odd) > _MOST:
        parts.append(f"<p>And {len(odd) - _MOST:,} more.</p>")
    if good := len(asked) - len(odd):
        parts.append(f"<p>{icon('good')} {good:,} {'serves' if good == 1 else 'serve'} what is on disk.</p>")
    return section("probes", "Running processes", "".join(parts), note=f"{len(asked):,} asked")


def source(document: StatusDocument, *, now: datetime) -> str:
    """Where the desired state comes from, and who reports."""
    return f'<div class="pair">{_source(document.source)}{_reconciler(document, now)}</div>'


def _source(found: SourceStatus | None) -> str:
    if found is None:
        return ""
    applied, attempted = found.last_applied_revision, found.last_attempted_revision
    refused = attempted and attempted != applied
    body = facts(
        (
            ("From", f"{found.kind} <code>{text(found.location)}</code>"),
            ("File", f"<code>{text(found.path)}</code>" if found.path else ""),
            ("Follows", f"<code>{text(found.ref)}</code>" if found.ref else ""),
            ("In force", f"<code>{text(applied)}</code>" if applied else "nothing yet"),
            (
                "Looked at last",
                f'<code>{text(attempted)}</code> {icon("bad")} <span class="bad">not acted on</span>' if refused else "",
            ),
            ("Signed by", text(found.signer)),
        )
    )
    return section("source", "Source", body)


def _reconciler(document: StatusDocument, now: datetime) -> str:
    found = document.reconciler
    if found is None:
        return ""
    upcoming = moment(found.next_pass_at, now=now) + (f" for {text(found.next_pass_why)}" if found.next_pass_why else "")
    body = facts(
        (
            ("Version", text(found.version)),
            ("Running since", moment(found.started_at, now=now)),
            ("Process", f"{found.pid}" + (f" on {text(found.node)}" if found.node else "")),
            ("Passes", f"{found.passes:,}"),
            ("All was well", moment(found.last_success_at, now=now) or "not yet"),
            ("Next pass", upcoming if found.next_pass_at else ""),
        )
    )
    return section("reconciler", "Reconciler", body)

"""A step in one line: for the log and for `systemctl status`. Decisions."""

from __future__ import annotations

from reconciler.daemon.reconciler import Step


def in_one_line(step: Step) -> str:
    """What woke it, what was done, what was not, and what comes next."""
    passed, status = step.passed, step.status
    if passed.trouble is not None:
        return passed.trouble.message
    parts = [f"{len(passed.outcome.done)} done"] if passed.outcome.done else []
    parts += [f"{len(passed.outcome.failed)} failed"] if passed.outcome.failed else []
    parts += [f"{len(passed.outcome.skipped)} skipped"] if passed.outcome.skipped else []
    parts += [f"{len(passed.holds)} held back ({passed.holds[0].reason})"] if passed.holds else []
    if passed.delivered is not None:
        parts += [f"{_hooks(len(passed.delivered.ran))} run"] if passed.delivered.ran else []
        parts += [f"{_hooks(len(passed.delivered.failing))} failing"] if passed.delivered.failing else []
    last = status.reconciler.last_pass if status is not None and status.reconciler is not None else None
    why = f"{last.trigger}, " if last is not None else ""
    revision = last.revision.removeprefix("sha256:")[:12] if last is not None else ""
    text = f"Pass ({why}revision {revision}): {', '.join(parts) or 'nothing to do'}."
    if status is not None and status.conditions and status.conditions[0].status != "True":
        text += f" {status.conditions[0].reason}: {status.conditions[0].message}"
    if step.next_at is not None:
        text += f" Next {step.next_why} at {step.next_at:%Y-%m-%d %H:%M:%S} UTC."
    return text


def _hooks(number: int) -> str:
    return f"{number} hook{'' if number == 1 else 's'}"

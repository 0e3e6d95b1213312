"""Progress of an apply as lines on stderr: for people, or as JSON for machines. The same in a terminal, a pipe and a journal."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import datetime

from reconciler.apply.progress import Event, Listener
from reconciler.plan.reasons import Action
from reconciler.render.escape import visible

_VERBS: dict[Action, tuple[str, str]] = {
    Action.CREATE: ("Creating", "Creation"),
    Action.REQUEST: ("Requesting", "Request"),
    Action.REISSUE: ("Reissuing", "Reissue"),
    Action.REKEY: ("Reissuing", "Reissue"),
    Action.ROTATE: ("Rotating", "Rotation"),
    Action.REPLACE: ("Replacing", "Replacement"),
    Action.REPAIR: ("Repairing", "Repair"),
    Action.DESTROY: ("Destroying", "Destruction"),
    Action.NONE: ("Recording", "Recording"),
    Action.FORGET: ("Forgetting", "Removal from the inventory"),
}
_TYPES = {"start": "apply_start", "done": "apply_complete", "failed": "apply_errored", "skipped": "apply_errored"}


def text_line(event: Event) -> str:
    """``component.apiserver[cp-1]: Reissue complete after 0s [serial=1f6a…]``."""
    doing, deed = _VERBS.get(event.action, ("Working", "Work"))
    match event.stage:
        case "start":
            return f"{event.address}: {doing}..."
        case "done":
            what = "request" if event.action == Action.REQUEST else "serial"
            serial = f" [{what}={visible(event.detail)}]" if event.detail else ""
            return f"{event.address}: {deed} complete after {event.elapsed:.0f}s{serial}"
        case "failed":
            return f"{event.address}: {deed} failed: {visible(event.detail)}"
        case _:
            return f"{event.address}: Skipped: {visible(event.detail)}"


def json_line(event: Event, at: datetime) -> str:
    """The same as an object, with the keys of Terraform's machine-readable UI."""
    return _json(
        "error" if event.stage in {"failed", "skipped"} else "info",
        text_line(event),
        at,
        type=_TYPES[event.stage],
        hook={
            "resource": {"addr": event.address},
            "action": event.action.word,
            "elapsed_seconds": round(event.elapsed, 3),
        },
    )


def listener(log_format: str, clock: Callable[[], datetime]) -> Listener:
    """A listener that writes lines to stderr in the form that was asked for."""

    def listen(event: Event) -> None:
        sys.stderr.write((json_line(event, clock()) if log_format == "json" else text_line(event)) + "\n")

    return listen


def teller(log_format: str, clock: Callable[[], datetime]) -> Callable[[str], None]:
    """Writes whatever else there is to say to stderr, as whole lines; for machines each is an object of type ``log``."""

    def tell(text: str) -> None:
        for line in text.splitlines():
            sys.stderr.write((_json("info", line, clock(), type="log") if log_format == "json" else line) + "\n")

    return tell


def _json(level: str, message: str, at: datetime, **more: object) -> str:
    stamp = at.isoformat().replace("+00:00", "Z")
    return json.dumps({"@level": level, "@message": message, "@module": "cluster-pki.apply", "@timestamp": stamp, **more})

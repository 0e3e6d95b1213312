"""A hook in a few words, for status, logs and events: ``systemd reload nginx.service``. Decisions."""

from __future__ import annotations

import shlex
from typing import Final
from urllib.parse import urlsplit

from reconciler.desired.live import AnyHook, ExecHook, HttpHook, SignalHook, SystemdHook, TouchHook

#: A command line longer than this says nothing more in a table.
_LONGEST: Final = 200


def describe(hook: AnyHook) -> str:
    """What a hook does, on one line, without the parts of a URL that may hold a password or a token."""
    match hook:
        case ExecHook():
            text = f"exec {shlex.join(hook.argv)}"
        case SignalHook():
            text = f"signal {hook.name} {hook.pidfile}"
        case SystemdHook():
            text = f"systemd {hook.action} {hook.unit}"
        case HttpHook():
            text = f"http {hook.method} {_without_secrets(hook.url)}"
        case TouchHook():
            text = f"touch {hook.path}"
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def _without_secrets(url: str) -> str:
    """Scheme, host, port and path (RFC 3986 section 3): no userinfo, query or fragment."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

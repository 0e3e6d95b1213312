"""Each action has its words, and no secret is among them."""

from __future__ import annotations

import pytest

from reconciler.apply.hooks.describing import describe
from reconciler.desired.live import AnyHook, ExecHook, HttpHook, SignalHook, SystemdHook, TouchHook


@pytest.mark.parametrize(
    ("hook", "text"),
    [
        (ExecHook(argv=("nginx", "-s", "reload")), "exec nginx -s reload"),
        (ExecHook(argv=("sh", "-c", "a; b\nc")), "exec sh -c 'a; b c'"),
        (ExecHook(argv=("x" * 300,)), f"exec {'x' * 194}…"),
        (SignalHook(pidfile="/run/x.pid", name="HUP"), "signal HUP /run/x.pid"),
        (SystemdHook(unit="nginx.service", action="reload"), "systemd reload nginx.service"),
        (HttpHook(url="https://u:p@h.example:8443/reload?token=t#f"), "http POST https://h.example:8443/reload"),
        (HttpHook(url="http://[::1]:80", method="GET"), "http GET http://[::1]:80"),
        (TouchHook(path="/x"), "touch /x"),
    ],
)
def test_describe(hook: AnyHook, text: str) -> None:
    """One line for status, log and event."""
    assert describe(hook) == text

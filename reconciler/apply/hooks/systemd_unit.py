"""The hook ``systemd``: reload or restart a unit, through systemctl."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from typing import Final

from reconciler.apply.hooks.ended import Ended, readable, result_of
from reconciler.apply.hooks.environment import base_environment
from reconciler.apply.hooks.occasion import HookResult
from reconciler.apply.hooks.process import run_program
from reconciler.desired.live import SystemdHook

#: systemctl(1), is-active: 3 is "not active", 4 is "no such unit" in later versions; anything else is trouble with systemd.
_NOT_ACTIVE: Final = frozenset({3, 4})
#: On its way up or down: what it has read by then is not known, so the hook stays owed.
_CHANGING: Final = frozenset({"activating", "deactivating", "maintenance"})


def run_systemd(
    hook: SystemdHook, *, environ: Mapping[str, str], monotonic: Callable[[], float], stop: Callable[[], bool]
) -> HookResult:
    """Asks whether the unit runs, unless told not to, and acts; see `registry.run`."""
    environment = base_environment(environ)
    systemctl = shutil.which("systemctl", path=environment["PATH"])
    if systemctl is None:
        hint = "run where systemd is, or use an exec, signal or http hook"
        return HookResult(status="failed", detail=f"there is no systemctl on PATH ({environment['PATH']}); {hint}")

    def call(*arguments: str) -> Ended:
        # The unit may begin with a hyphen.
        argv = (systemctl, "--no-ask-password", *arguments, "--", hook.unit)
        return run_program(argv, environ=environment, timeout=hook.timeout, monotonic=monotonic, stop=stop)

    try:
        if hook.only_if_running:
            seen = call("is-active")
            if seen.status or seen.stopped:
                return _not_active(hook, seen)
        return result_of(call(hook.action), timeout=hook.timeout)
    except OSError as error:
        return HookResult(status="failed", detail=f"{systemctl} cannot be started: {os.strerror(error.errno or 0).lower()}")


def _not_active(hook: SystemdHook, seen: Ended) -> HookResult:
    """It does not run; or systemd could not say."""
    state = readable(seen.output, cut=seen.cut)
    if seen.stopped or seen.status not in _NOT_ACTIVE:
        return result_of(seen, timeout=hook.timeout)
    if state in _CHANGING:
        return HookResult(status="failed", detail=f"{hook.unit} is {state} just now; tried again when it is up")
    return HookResult(status="skipped", detail=f"{hook.unit} is not running ({state.splitlines()[0] if state else 'inactive'})")

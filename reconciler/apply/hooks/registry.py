"""The five actions: one line each. Imported when a hook is owed, because it needs what starting programs needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from reconciler.apply.hooks.exec_program import run_exec
from reconciler.apply.hooks.http_call import run_http
from reconciler.apply.hooks.occasion import HookResult, Occasion
from reconciler.apply.hooks.signal_process import run_signal
from reconciler.apply.hooks.systemd_unit import run_systemd
from reconciler.apply.hooks.touch_file import run_touch
from reconciler.desired.live import AnyHook, ExecHook, HttpHook, SignalHook, SystemdHook, TouchHook


def run(
    hook: AnyHook,
    occasion: Occasion,
    *,
    environ: Mapping[str, str],
    monotonic: Callable[[], float],
    stop: Callable[[], bool] = lambda: False,
) -> HookResult:
    """Does what a hook asks for, within its timeout.

    Args:
        hook: the action.
        occasion: what it is done for.
        environ: our own environment; programs get a few variables of it.
        monotonic: a clock in seconds that is never set.
        stop: whether we are asked to stop; asked several times a second while a program runs.

    Returns:
        How it ended. It raises for nothing that a program, a process, a server or a file can do.
    """
    match hook:
        case ExecHook():
            return run_exec(hook, occasion, environ=environ, monotonic=monotonic, stop=stop)
        case SignalHook():
            return run_signal(hook)
        case SystemdHook():
            return run_systemd(hook, environ=environ, monotonic=monotonic, stop=stop)
        case HttpHook():
            return run_http(hook, occasion, monotonic=monotonic)
        case TouchHook():
            return run_touch(hook)

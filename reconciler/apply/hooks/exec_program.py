"""The hook ``exec``: a program and its arguments, without a shell."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Mapping

from reconciler.apply.hooks.ended import result_of
from reconciler.apply.hooks.environment import hook_environment
from reconciler.apply.hooks.occasion import HookResult, Occasion
from reconciler.apply.hooks.own_keys import own_keys
from reconciler.apply.hooks.process import run_program
from reconciler.desired.live import ExecHook


def run_exec(
    hook: ExecHook,
    occasion: Occasion,
    *,
    environ: Mapping[str, str],
    monotonic: Callable[[], float],
    stop: Callable[[], bool],
) -> HookResult:
    """Runs the program in ``/`` with an environment that says what changed; see `registry.run`."""
    environment = hook_environment(occasion, environ)
    try:
        ended = run_program(hook.argv, environ=environment, timeout=hook.timeout, monotonic=monotonic, stop=stop)
    except (OSError, ValueError, IndexError) as error:
        program = hook.argv[0] if hook.argv else ""
        return HookResult(status="failed", detail=_cannot_start(program, error, environment["PATH"]))
    return result_of(ended, timeout=hook.timeout, known=own_keys(occasion) if ended.output else frozenset())


def _cannot_start(program: str, error: Exception, path: str) -> str:
    """Why, and the way out (execve(2), section ERRORS)."""
    number = error.errno if isinstance(error, OSError) else 0
    if number == errno.ENOENT:
        if shutil.which(program, mode=os.F_OK, path=path) is not None:
            return f"{program} cannot be started: the interpreter that its first line names is not there"
        if "/" in program:
            return f"there is no {program}; correct the path"
        return f"there is no program {program} on PATH ({path}); write its full path"
    if number == errno.EACCES:
        return f"{program} is not executable for us; set its mode (chmod +x), or check who may read its directory"
    if number == errno.ENOEXEC:
        return f"{program} is neither a binary of this machine nor a script; begin it with a line such as #!/bin/sh"
    return f"{program} cannot be started: {os.strerror(number).lower() if number else 'its arguments are not usable'}"

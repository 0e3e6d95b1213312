"""The hook ``signal``: a signal to the process of a pid file."""

from __future__ import annotations

import errno
import os
import re
import signal
from typing import Final

from reconciler.apply.hooks.occasion import HookResult
from reconciler.desired.live import SignalHook
from reconciler.observed.model import Absent, Unusable
from reconciler.stores.read import read_file

#: A process id is at most 4194304 (proc(5), pid_max).
_PID: Final = re.compile(rb"[0-9]{1,7}")
_LIMIT: Final = 64


def run_signal(hook: SignalHook) -> HookResult:
    """Signals the process that the file names, through a descriptor: the number cannot pass to another in between.

    A file that is left from a process that is gone may name one that came later; nothing here can know that.
    """
    found = read_file(hook.pidfile, limit=_LIMIT)
    if isinstance(found, Absent):
        return _not_running(hook, f"there is no {hook.pidfile}")
    if isinstance(found, Unusable):
        return HookResult(status="failed", detail=f"{hook.pidfile}: {found.detail}")
    number = found.data.strip()
    if not _PID.fullmatch(number):
        return HookResult(status="failed", detail=f"{hook.pidfile} holds no process id")
    pid = int(number)
    if pid <= 1 or pid == os.getpid():
        whose = "this program itself" if pid == os.getpid() else "no process that may be signalled"
        return HookResult(status="failed", detail=f"{hook.pidfile} names {whose} ({pid})")
    try:
        _send(pid, signal.Signals[f"SIG{hook.name}"])
    except ProcessLookupError:
        return _not_running(hook, f"there is no process {pid}, which {hook.pidfile} names")
    except PermissionError:
        return HookResult(status="failed", detail=f"process {pid} may not be signalled; run as root, or as its user")
    except OSError as error:
        return HookResult(status="failed", detail=f"process {pid} cannot be signalled: {os.strerror(error.errno or 0).lower()}")
    return HookResult(status="ok")


def _send(pid: int, number: signal.Signals) -> None:
    try:
        descriptor = os.pidfd_open(pid)
    except OSError as error:
        if error.errno != errno.ENOSYS:
            raise
        os.kill(pid, number)  # before Linux 5.3
        return
    try:
        signal.pidfd_send_signal(descriptor, number)
    finally:
        os.close(descriptor)


def _not_running(hook: SignalHook, why: str) -> HookResult:
    if hook.only_if_running:
        return HookResult(status="skipped", detail=f"{why}: nothing runs that would have to know")
    return HookResult(status="failed", detail=f"{why}; start it, or set onlyIfRunning: true")

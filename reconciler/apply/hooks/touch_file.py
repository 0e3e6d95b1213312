"""The hook ``touch``: new times for a file that somebody watches."""

from __future__ import annotations

import errno
import os
import stat
from typing import Final

from reconciler.apply.hooks.occasion import HookResult
from reconciler.desired.live import TouchHook
from reconciler.stores.errors import from_os_error

MODE: Final = 0o644
#: Opened for writing, because closing such a descriptor is what many watchers wait for (inotify(7): IN_CLOSE_WRITE).
_FLAGS: Final = os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


def run_touch(hook: TouchHook) -> HookResult:
    """Makes the file with mode 0644, or sets the times of the one that is there; its content stays."""
    try:
        _touch(hook.path)
    except OSError as error:
        if error.errno in {errno.EISDIR, errno.ENXIO}:
            return HookResult(status="failed", detail=f"{hook.path} is not a regular file; name a file")
        return HookResult(status="failed", detail=from_os_error(error, hook.path).advice)
    return HookResult(status="ok")


def _touch(path: str) -> None:
    is_new = not os.path.exists(path)
    descriptor = os.open(path, _FLAGS | os.O_CREAT, MODE)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
        if is_new:
            os.fchmod(descriptor, MODE)  # whatever our umask is
        os.utime(descriptor)
    finally:
        os.close(descriptor)

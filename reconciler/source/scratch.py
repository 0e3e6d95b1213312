"""A private directory for temporary files, which also goes when its process was killed: by the next one.

A killed process removes nothing. So whoever uses a directory holds a lock on it, which the kernel frees, and a new process
removes those of its own user that nobody holds.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

from reconciler.source.revision import SourceError

_PREFIX: Final = "cluster-pki-scratch-"
_NAME: Final = re.compile(rf"{_PREFIX}[a-z0-9_]{{8}}")
#: Seconds. A younger one may have been made and not locked yet.
_YOUNG: Final = 60


def private_directory(environ: Mapping[str, str], avoid: Sequence[str]) -> tuple[str, int]:
    """Makes a directory, mode 0700, in the first place that takes it, and removes what killed processes left there.

    Args:
        environ: for ``TMPDIR`` and systemd's ``RUNTIME_DIRECTORY``.
        avoid: directories that nothing is written into: the repository.

    Returns:
        Its path, and a descriptor that holds its lock until it is closed.

    Raises:
        SourceError: no place takes it.
    """
    # Not tempfile's own choice: in the end that is the working directory, which may be the checkout.
    wanted = (environ.get("TMPDIR"), "/tmp", "/var/tmp", environ.get("RUNTIME_DIRECTORY", "").split(":")[0], "/dev/shm")  # noqa: S108
    forbidden = [os.path.realpath(path) for path in avoid]
    for place in wanted:
        if not place or any(f"{os.path.realpath(place)}/".startswith(f"{path}/") for path in forbidden):
            continue
        try:
            path = tempfile.mkdtemp(prefix=_PREFIX, dir=place)
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            continue
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with suppress(OSError):
            _sweep(place)
        return path, descriptor
    raise SourceError(
        reason="ScratchMissing",
        message="no directory takes the temporary files that reading a commit needs",
        hint="set TMPDIR to a writable directory outside the repository, or mount a tmpfs on /tmp",
    )


def _sweep(place: str) -> None:
    """Removes the directories of our user whose process is gone."""
    with os.scandir(place) as entries:
        candidates = [entry.path for entry in entries if _NAME.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)]
    for path in candidates:
        with suppress(OSError):
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                status = os.fstat(descriptor)
                if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) != stat.S_IRWXU:
                    continue
                if time.time() - status.st_mtime < _YOUNG:
                    continue
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(descriptor)

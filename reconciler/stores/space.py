"""Whether a file system can take what is about to be issued."""

from __future__ import annotations

import errno
import os
from typing import Final

from reconciler.stores.errors import from_os_error, naming

#: Below this much free space nothing is issued: the certificate would exist, and could not be kept.
RESERVE: Final = 1 << 20


def ensure_space(path: str) -> None:
    """Refuses a file system that could not take what is about to be issued: asked before a CA signs anything.

    Args:
        path: any path on it; what does not exist yet is judged by its nearest directory that does.

    Raises:
        StoreError: less than `RESERVE` is free, no inode is left, or it is mounted read-only.
    """
    probe = path or "/"
    while not os.path.lexists(probe) and os.path.dirname(probe) != probe:
        probe = os.path.dirname(probe)
    with naming(probe):
        status = os.statvfs(probe)
    if status.f_flag & os.ST_RDONLY:
        raise from_os_error(OSError(errno.EROFS, ""), path)
    # File systems without a fixed number of inodes (btrfs) report none at all.
    if status.f_bavail * status.f_frsize < RESERVE or (status.f_files and not status.f_favail):
        raise from_os_error(OSError(errno.ENOSPC, ""), path)

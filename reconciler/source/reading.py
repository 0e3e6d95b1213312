"""Reading small files that belong to somebody else: capped, regular files only, never waiting."""

from __future__ import annotations

import os
import stat
from typing import Final

_FLAGS: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def read_regular(path: str, *, limit: int) -> bytes:
    """The bytes of a regular file, through links.

    Args:
        path: where it is.
        limit: the most bytes that are accepted.

    Raises:
        OSError: it is missing, unreadable, larger, or something else than a regular file.
        ValueError: no file can have that name.
    """
    # O_NONBLOCK: opening a FIFO that nobody writes to would wait for ever (open(2)).
    descriptor = os.open(path, _FLAGS)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            message = "it is not a regular file"
            raise OSError(message)
        # Not os.fdopen for the whole: it leaves a directory's descriptor open when it refuses it.
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            data = file.read(limit + 1)
    finally:
        os.close(descriptor)
    if len(data) > limit:
        message = f"it is larger than {limit} bytes"
        raise OSError(message)
    return data


def why(error: OSError | ValueError) -> str:
    """An error's own words, without the path."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)

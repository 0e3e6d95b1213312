"""Who wrote a file last, as far as the disk tells."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime


def last_writers(addresses: Iterable[str], paths: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """For each address the file of it that changed last, when, and whose it is.

    Args:
        addresses: to tell about.
        paths: the files of each address.
    """
    told: dict[str, str] = {}
    for address in addresses:
        newest: tuple[int, int, str] | None = None
        for path in paths.get(address, ()):
            with suppress(OSError):
                status = os.stat(path)  # noqa: PTH116 - importing pathlib gives nothing here
                newest = max(newest or (0, 0, ""), (status.st_ctime_ns, status.st_uid, path))
        told[address] = "its files are gone" if newest is None else _told(*newest)
    return told


def _told(changed_ns: int, uid: int, path: str) -> str:
    at = datetime.fromtimestamp(changed_ns / 1e9, tz=UTC)
    return f"{path} last changed at {at:%Y-%m-%d %H:%M:%S} UTC, owner {_name(uid)}"


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)

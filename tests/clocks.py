"""Other clocks for real processes: libfaketime itself, because its wrapper fails where a killed process left a semaphore."""

from __future__ import annotations

from pathlib import Path


def shifted(offset: str) -> dict[str, str]:
    """The environment in which it is earlier or later, such as ``-340d``."""
    return {**_library(), "FAKETIME": offset}


def read_from(file: Path) -> dict[str, str]:
    """The environment in which a file says how far from now it is; the monotonic clock goes on as always."""
    return {
        **_library(),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_NO_CACHE": "1",
        "DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
    }


def _library() -> dict[str, str]:
    return {"LD_PRELOAD": str(next(Path("/usr/lib").rglob("faketime/libfaketimeMT.so.1")))}

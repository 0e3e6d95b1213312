"""A full or read-only file system is noticed before a CA signs anything."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from reconciler.stores.errors import StoreError
from reconciler.stores.space import RESERVE, ensure_space

ROOMY = {"f_flag": 0, "f_bavail": 1 << 20, "f_frsize": 4096, "f_files": 1000, "f_favail": 10}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"f_bavail": RESERVE // 4096 - 1}, "no space is left on the device"),
        ({"f_favail": 0}, "no space is left on the device"),
        ({"f_flag": os.ST_RDONLY}, "the file system is read-only"),
    ],
)
def test_refusals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, int], problem: str) -> None:
    """Too few blocks, no inodes, read-only: each is said with the path that was asked about."""
    monkeypatch.setattr(os, "statvfs", lambda _path: SimpleNamespace(**{**ROOMY, **change}))
    path = f"{tmp_path}/not/yet"
    with pytest.raises(StoreError) as caught:
        ensure_space(path)
    assert (caught.value.path, caught.value.problem, caught.value.retryable) == (path, problem, True)


@pytest.mark.parametrize("change", [{}, {"f_files": 0, "f_favail": 0}, {"f_bavail": RESERVE // 4096}])
def test_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, int]) -> None:
    """The reserve is enough, and so is a file system that does not count inodes."""
    monkeypatch.setattr(os, "statvfs", lambda _path: SimpleNamespace(**{**ROOMY, **change}))
    ensure_space(f"{tmp_path}/not/yet")


def test_the_nearest_directory_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not exist yet will be made on the file system of what does."""
    asked = []

    def answer(path: str) -> SimpleNamespace:
        asked.append(path)
        return SimpleNamespace(**ROOMY)

    monkeypatch.setattr(os, "statvfs", answer)
    ensure_space(f"{tmp_path}/not/yet")
    assert asked == [str(tmp_path)]

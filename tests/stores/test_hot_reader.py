"""Readers that never pause find a pair at every instant, and through one directory always a matching one."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.stores.publishing import pair, place, publish

PUBLICATIONS = 1000


@pytest.fixture
def _without_syncs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Durability is not what is tested here; the instants between two calls are."""
    monkeypatch.setattr(os, "fsync", lambda _fd: None)


def _through_names(folder: Path) -> str | None:
    """Opens the published names one after the other, as most programs do."""
    for suffix in (".key", ".crt"):
        before = _current(folder)
        try:
            (folder / f"api{suffix}").read_text()
        except FileNotFoundError as error:
            if not _overtaken(folder, before):
                return str(error)
    return None


def _through_one_directory(folder: Path) -> str | None:
    """Opens the current generation once and reads both files in it."""
    before = _current(folder)
    try:
        generation = os.open(folder / ".api/current", os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError as error:
        return None if _overtaken(folder, before) else str(error)
    try:
        key, certificate = (_read(f"api{file.suffix}", generation) for file in pair(""))
    except FileNotFoundError as error:
        return None if _overtaken(folder, before) else str(error)
    finally:
        os.close(generation)
    return None if key.split(" of ")[1] == certificate.split(" of ")[1] else f"{key} with {certificate}"


def _current(folder: Path) -> int:
    return int((folder / ".api/current").readlink().name.partition("-")[0])


def _overtaken(folder: Path, before: int) -> bool:
    """Whether two publications happened within one look: only then may the files that it began with be gone."""
    return _current(folder) - before > 1


def _read(name: str, directory: int) -> str:
    with os.fdopen(os.open(name, os.O_RDONLY, dir_fd=directory)) as file:
        return file.read()


@pytest.mark.usefixtures("_without_syncs")
@pytest.mark.parametrize("look", [_through_names, _through_one_directory])
def test_a_hot_reader(tmp_path: Path, look: Callable[[Path], str | None]) -> None:
    """Not one missing file and not one mixed pair in all publications."""
    where = place(tmp_path, "api")
    publish(where, "first")
    problems: list[str] = []
    looks = 0
    done = threading.Event()

    def read() -> None:
        nonlocal looks
        while not done.is_set():
            problem = look(tmp_path)
            looks += 1
            if problem:
                problems.append(problem)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for number in range(PUBLICATIONS):
            publish(where, f"generation {number}")
    finally:
        done.set()
        reader.join()
    assert problems == []
    assert looks > PUBLICATIONS / 10

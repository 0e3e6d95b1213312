"""One writer, many readers, nothing to unlock by hand."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import subprocess
import sys
import textwrap
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.apply.lock import LockHeldError, LockInfo, hold, read_info, who
from reconciler.stores.errors import StoreError

NOW = datetime(2026, 3, 1, 12, 0, 0, 5, tzinfo=UTC)


class Clock:
    """Seconds that pass only by waiting, and something that may happen meanwhile."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.pauses: list[float] = []

    def now(self) -> float:
        """Seconds since the start."""
        return self.seconds

    def wait(self, seconds: float) -> None:
        """Passes time."""
        self.pauses.append(seconds)
        self.seconds += seconds


def test_a_writer_keeps_everybody_out(tmp_path: Path) -> None:
    """Neither another writer nor a reader gets in, and the error says who is at work."""
    path = str(tmp_path / "lock")
    with hold(path, operation="apply", exclusive=True, now=lambda: NOW):
        for exclusive in (True, False):
            with pytest.raises(LockHeldError) as caught, hold(path, operation="plan", exclusive=exclusive):
                pass
            assert caught.value.info == LockInfo(
                operation="apply", who=who(), pid=os.getpid(), created=datetime(2026, 3, 1, 12, tzinfo=UTC)
            )
            assert f"  Who:       {who()} (pid {os.getpid()})\n  Created:   2026-03-01 12:00:00 UTC" in str(caught.value)
    with hold(path, operation="apply", exclusive=True):
        pass


def test_readers_share(tmp_path: Path) -> None:
    """Readers do not wait for each other; a writer waits for them, and is not told a wrong name."""
    path = str(tmp_path / "lock")
    with hold(path, operation="apply", exclusive=True):
        pass
    with hold(path, operation="plan", exclusive=False), hold(path, operation="status", exclusive=False):
        with pytest.raises(LockHeldError) as caught, hold(path, operation="apply", exclusive=True):
            pass
        assert caught.value.info is None


def test_a_reader_leaves_no_traces(tmp_path: Path) -> None:
    """Where nobody ever wrote there is nothing to wait for, and a look makes no file."""
    with hold(str(tmp_path / "lock"), operation="plan", exclusive=False):
        assert list(tmp_path.iterdir()) == []


def test_the_file_stays_and_its_note_goes(tmp_path: Path) -> None:
    """The lock file is for ever and closed to others; who holds it is written beside it only meanwhile."""
    path = tmp_path / "lock"
    with hold(str(path), operation="apply", exclusive=True):
        assert json.loads((tmp_path / "lock.json").read_text())["operation"] == "apply"
    assert [(entry.name, entry.stat().st_mode & 0o777) for entry in tmp_path.iterdir()] == [("lock", 0o600)]


def test_an_error_inside_frees_it(tmp_path: Path) -> None:
    """However the work ends, the lock is free."""
    path = str(tmp_path / "lock")
    with pytest.raises(RuntimeError), hold(path, operation="apply", exclusive=True):
        raise RuntimeError
    with hold(path, operation="apply", exclusive=True):
        pass


def test_waiting_for_it(tmp_path: Path) -> None:
    """Pauses double up to a second, and end with the time that was given."""
    path = str(tmp_path / "lock")
    clock = Clock()
    with (
        hold(path, operation="apply", exclusive=True),
        pytest.raises(LockHeldError),
        hold(path, operation="apply", exclusive=True, timeout=3.0, clock=clock.now, wait=clock.wait),
    ):
        pass
    assert clock.pauses == pytest.approx([0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 0.45])


def test_a_stop_ends_the_waiting(tmp_path: Path) -> None:
    """Whoever is told to end does not wait for the rest of the time."""
    path = str(tmp_path / "lock")
    clock = Clock()
    with (
        hold(path, operation="apply", exclusive=True),
        pytest.raises(LockHeldError),
        hold(
            path,
            operation="run",
            exclusive=True,
            timeout=3600.0,
            clock=clock.now,
            wait=clock.wait,
            stop=lambda: len(clock.pauses) == 2,
        ),
    ):
        pass
    assert clock.pauses == pytest.approx([0.05, 0.1])


def test_getting_it_after_a_wait(tmp_path: Path) -> None:
    """As soon as the holder ends, the next one goes on."""
    path = str(tmp_path / "lock")
    holder = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(holder, fcntl.LOCK_EX)
    clock = Clock()

    def wait(seconds: float) -> None:
        clock.wait(seconds)
        if len(clock.pauses) == 3:
            os.close(holder)

    with hold(path, operation="apply", exclusive=True, timeout=60.0, clock=clock.now, wait=wait):
        assert clock.pauses == pytest.approx([0.05, 0.1, 0.2])


def test_a_lock_file_that_was_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock on a file that nobody will look at again is no lock: the new file is locked instead."""
    path = tmp_path / "lock"
    path.touch()
    flock = fcntl.flock
    locked: list[int] = []

    def replaced_before(fd: int, flags: int) -> None:
        if not locked:
            path.rename(tmp_path / "old")
            path.touch()
        locked.append(os.fstat(fd).st_ino)
        flock(fd, flags)

    monkeypatch.setattr(fcntl, "flock", replaced_before)
    with hold(str(path), operation="apply", exclusive=True):
        assert locked == [(tmp_path / "old").stat().st_ino, path.stat().st_ino]


@pytest.mark.parametrize("note", [None, b"", b"garbage", b'{"operation": 1}', b"\xff"])
def test_a_note_that_says_nothing(tmp_path: Path, note: bytes | None) -> None:
    """A missing or damaged note changes nothing about the lock."""
    path = str(tmp_path / "lock")
    with hold(path, operation="apply", exclusive=True):
        (tmp_path / "lock.json").unlink()
        if note is not None:
            (tmp_path / "lock.json").write_bytes(note)
        assert read_info(path) is None
        with pytest.raises(LockHeldError, match="Another cluster-pki is at work"), hold(path, operation="a", exclusive=True):
            pass


def test_a_full_disk_is_no_reason_to_stop(tmp_path: Path) -> None:
    """Where the note cannot be written, the lock still holds."""
    (tmp_path / "lock.json").mkdir()
    with hold(str(tmp_path / "lock"), operation="apply", exclusive=True):
        assert read_info(str(tmp_path / "lock")) is None


@pytest.mark.parametrize("exclusive", [True, False])
def test_a_directory_that_is_not_there(tmp_path: Path, *, exclusive: bool) -> None:
    """A writer needs its directory and says so; a reader needs nothing."""
    path = str(tmp_path / "missing/lock")
    if exclusive:
        with pytest.raises(StoreError, match="no such file or directory"), hold(path, operation="apply", exclusive=True):
            pass
    else:
        with hold(path, operation="plan", exclusive=False):
            pass


def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said with a way out, and no descriptor is lost."""

    def refuse(_fd: int, _flags: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    before = len(list(Path("/proc/self/fd").iterdir()))
    with (
        pytest.raises(StoreError, match="it cannot be locked") as caught,
        hold(str(tmp_path / "lock"), operation="apply", exclusive=True),
    ):
        pass
    assert caught.value.hint == "choose a --state-dir on a local disk"
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_death_frees_it_and_children_do_not_keep_it(tmp_path: Path) -> None:
    """A holder that is killed leaves the lock free, even while a child that it started lives on."""
    program = f"""
        import subprocess, sys, time
        from reconciler.apply.lock import hold
        with hold({str(tmp_path / "lock")!r}, operation="apply", exclusive=True):
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], close_fds=False)
            print(child.pid, flush=True)
            time.sleep(60)
    """
    holder = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    child = int(holder.stdout.readline())
    try:
        with pytest.raises(LockHeldError), hold(str(tmp_path / "lock"), operation="apply", exclusive=True):
            pass
        holder.kill()
        holder.wait()
        with hold(str(tmp_path / "lock"), operation="apply", exclusive=True):
            pass
    finally:
        holder.kill()
        holder.wait()
        os.kill(child, 9)
        holder.stdout.close()

"""A signal goes to the process of a pid file, to no other, and never to us."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.apply.hooks.occasion import HookResult
from reconciler.desired.live import SignalHook
from tests.apply.hooks.occasions import run_here


def hook(path: Path, *, only_if_running: bool = True) -> SignalHook:
    """HUP to the process of a file."""
    return SignalHook(pidfile=str(path), name="HUP", only_if_running=only_if_running)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that says when it was told, with its number in ``pid``."""
    # The line by line reader keeps the shell waiting in a builtin, so the trap runs at once.
    process = subprocess.Popen(
        [
            "/usr/bin/env",
            "--default-signal=HUP",
            "/bin/bash",
            "-c",
            'trap "echo told; exit 0" HUP; echo ready; while :; do read -t 60 -u 3 _; done 3<> <(:)',
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    (tmp_path / "pid").write_text(f" {process.pid}\n", encoding="ascii")
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_the_process_is_told(tmp_path: Path, daemon: subprocess.Popen[str]) -> None:
    """The number may stand between blanks."""
    assert run_here(hook(tmp_path / "pid")) == HookResult(status="ok")
    assert daemon.stdout is not None
    assert daemon.stdout.readline() == "told\n"


def test_an_old_kernel(tmp_path: Path, daemon: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without descriptors for processes the signal goes by number."""

    def refuse(_pid: int) -> int:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(os, "pidfd_open", refuse)
    assert run_here(hook(tmp_path / "pid")) == HookResult(status="ok")
    assert daemon.stdout is not None
    assert daemon.stdout.readline() == "told\n"


@pytest.mark.parametrize(("only_if_running", "status"), [(True, "skipped"), (False, "failed")])
def test_nobody_runs(tmp_path: Path, *, only_if_running: bool, status: str) -> None:
    """A service that is meant to be down stays down; whoever says that it must run hears that it does not."""
    gone = subprocess.Popen(["/bin/true"])
    gone.wait()
    (tmp_path / "stale").write_text(str(gone.pid), encoding="ascii")
    results = [run_here(hook(tmp_path / name, only_if_running=only_if_running)) for name in ("missing", "stale")]
    assert [result.status for result in results] == [status, status]
    assert [result.detail.partition(";")[0].partition(":")[0] for result in results] == [
        f"there is no {tmp_path}/missing",
        f"there is no process {gone.pid}, which {tmp_path}/stale names",
    ]


@pytest.mark.parametrize("content", ["", "x", "-1", "12 13", "0x10", "99999999", "1\n2", "²"])
def test_no_process_id(tmp_path: Path, content: str) -> None:
    """Anything but digits means that it is not a pid file."""
    (tmp_path / "pid").write_text(content, encoding="utf-8")
    assert run_here(hook(tmp_path / "pid")) == HookResult(status="failed", detail=f"{tmp_path}/pid holds no process id")


@pytest.mark.parametrize(("pid", "whose"), [(0, "no process that may be signalled"), (1, "no process that may be signalled")])
def test_everybody_and_init(tmp_path: Path, pid: int, whose: str) -> None:
    """Zero is a whole process group (kill(2)), and one is init."""
    (tmp_path / "pid").write_text(str(pid), encoding="ascii")
    assert run_here(hook(tmp_path / "pid")) == HookResult(status="failed", detail=f"{tmp_path}/pid names {whose} ({pid})")


def test_ourselves(tmp_path: Path) -> None:
    """A pid file that names us is a mistake that would end us."""
    (tmp_path / "pid").write_text(str(os.getpid()), encoding="ascii")
    expected = HookResult(status="failed", detail=f"{tmp_path}/pid names this program itself ({os.getpid()})")
    assert run_here(hook(tmp_path / "pid")) == expected


@pytest.mark.parametrize("kind", ["fifo", "directory", "gigabyte"])
def test_a_file_that_is_none(tmp_path: Path, kind: str) -> None:
    """Nothing that stands there can make us wait or eat memory."""
    path = tmp_path / "pid"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    else:
        with path.open("wb") as sparse:
            sparse.truncate(1 << 30)
    result = run_here(hook(path))
    assert (result.status, result.detail.startswith(f"{path}: it is ")) == ("failed", True)

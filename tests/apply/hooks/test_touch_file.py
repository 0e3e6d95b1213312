"""A touched file has new times and its old content."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reconciler.apply.hooks.occasion import HookResult
from reconciler.desired.live import TouchHook
from tests.apply.hooks.occasions import run_here


def test_a_new_file(tmp_path: Path) -> None:
    """Everybody may read it, whatever our umask."""
    before = os.umask(0o077)
    try:
        result = run_here(TouchHook(path=f"{tmp_path}/x"))
    finally:
        os.umask(before)
    assert (result, (tmp_path / "x").stat().st_mode & 0o777, (tmp_path / "x").read_bytes()) == (
        HookResult(status="ok"),
        0o644,
        b"",
    )


def test_a_file_that_is_there(tmp_path: Path) -> None:
    """Times change; content and mode stay; a link is followed."""
    path, link = tmp_path / "x", tmp_path / "link"
    path.write_bytes(b"content")
    path.chmod(0o600)
    os.utime(path, ns=(1, 1))
    link.symlink_to(path)
    assert run_here(TouchHook(path=str(link))) == HookResult(status="ok")
    status = path.stat()
    assert (path.read_bytes(), status.st_mode & 0o777, status.st_mtime_ns > 1) == (b"content", 0o600, True)


@pytest.mark.parametrize("kind", ["directory", "fifo"])
def test_what_is_no_file(tmp_path: Path, kind: str) -> None:
    """It is left alone, and nobody waits for a reader."""
    path = tmp_path / "x"
    if kind == "directory":
        path.mkdir()
    else:
        os.mkfifo(path)
    assert run_here(TouchHook(path=str(path))) == HookResult(status="failed", detail=f"{path} is not a regular file; name a file")


def test_no_directory_for_it(tmp_path: Path) -> None:
    """Directories are not made for it."""
    path = f"{tmp_path}/none/x"
    assert run_here(TouchHook(path=path)) == HookResult(status="failed", detail=f"{path}: there is no such file or directory")

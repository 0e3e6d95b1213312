"""Temporary directories: private, and none is left for ever by a process that was killed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from reconciler.source.revision import SourceError
from reconciler.source.scratch import private_directory
from tests.real.cluster import environment

#: Makes a directory with a file in it and waits to be killed.
HOLDER: Final = """
import sys, time
from pathlib import Path
from reconciler.source.scratch import private_directory
path, _ = private_directory({"TMPDIR": sys.argv[1]}, ())
(Path(path) / "object").write_text("x")
print(path, flush=True)
time.sleep(600)
"""


def hold(place: Path) -> tuple[subprocess.Popen[str], Path]:
    """A process that uses a directory, which looks old."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(place)], stdout=subprocess.PIPE, text=True, env=environment())
    assert process.stdout is not None
    path = Path(process.stdout.readline().strip())
    os.utime(path, (0, 0))
    return process, path


def end(process: subprocess.Popen[str]) -> None:
    """Kills it."""
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path: Path) -> None:
    """Not while it lives, and nothing else: no young one, none with another name or mode, no link."""
    process, left = hold(tmp_path)
    other, used = hold(tmp_path)
    try:
        young = tmp_path / "cluster-pki-scratch-abcdefgh"
        young.mkdir(mode=0o700)
        kept = [tmp_path / "cluster-pki-scratch-backup", tmp_path / "cluster-pki-scratch-open0000"]
        kept[0].mkdir(mode=0o700)
        kept[1].mkdir(mode=0o755)
        for path in kept:
            os.utime(path, (0, 0))
        (tmp_path / "cluster-pki-scratch-link0000").symlink_to(kept[0])
        end(process)
        mine, descriptor = private_directory({"TMPDIR": str(tmp_path)}, ())
        assert not left.exists()
        assert all(path.exists() for path in (used / "object", young, *kept, tmp_path / "cluster-pki-scratch-link0000"))
        assert Path(mine).stat().st_mode & 0o777 == 0o700
        os.close(descriptor)
    finally:
        end(other)
        end(process)


def test_nothing_is_written_into_the_repository(tmp_path: Path) -> None:
    """A TMPDIR inside it is passed over."""
    path, descriptor = private_directory({"TMPDIR": str(tmp_path)}, [str(tmp_path)])
    os.close(descriptor)
    assert not Path(path).is_relative_to(tmp_path)
    shutil.rmtree(path)


def test_no_place_at_all_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the way out."""
    monkeypatch.setattr("tempfile.mkdtemp", lambda **_: (_ for _ in ()).throw(OSError(30, "read-only")))
    with pytest.raises(SourceError) as refused:
        private_directory({"TMPDIR": str(tmp_path)}, ())
    assert (refused.value.reason, "TMPDIR" in refused.value.hint) == ("ScratchMissing", True)

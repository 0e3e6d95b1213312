"""Running other programs: bounded in time and output, in a private place, with nothing of our own environment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reconciler.source.programs import ProgramError, Ran, Workshop
from reconciler.source.reading import read_regular
from reconciler.source.revision import SourceError


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    """A private directory below the test's own."""
    return Workshop(environ={"TMPDIR": str(tmp_path), "SECRET": "canary"})


def test_a_program_is_run(workshop: Workshop) -> None:
    """What it is given and what it says; its exit code is no error."""
    given = workshop.write("given", b"hello\n")
    script = "cat; echo failed >&2; exit 3"
    assert workshop.run(["/bin/sh", "-c", script], stdin=given) == Ran(3, "hello\nfailed\n")
    assert workshop.run(["/bin/sh", "-c", script], stdin=given, errors=False) == Ran(3, "hello\n")
    assert workshop.run(["/bin/sh", "-c", "pwd; echo $HOME$SECRET"]).output == f"{workshop.directory}\n/nonexistent\n"


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("sleep 600", "/bin/sh did not end within"),
        ("exec >&- 2>&-; sleep 600", "/bin/sh did not end within"),
        ("yes", "or said too much"),
    ],
)
def test_a_program_that_does_not_end(script: str, message: str, workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is ended: silent, hidden or talkative."""
    monkeypatch.setattr("reconciler.source.programs.TIMEOUT", 0.2 if "sleep" in script else 30.0)
    with pytest.raises(ProgramError, match=message):
        workshop.run(["/bin/sh", "-c", f"exec {script}" if script.startswith("sleep") else script])


def test_a_program_that_is_not_there(workshop: Workshop) -> None:
    """One sentence, no traceback."""
    with pytest.raises(ProgramError, match="/none cannot be run: No such file or directory"):
        workshop.run(["/none"])


def test_the_place_is_private_and_goes_away(workshop: Workshop, tmp_path: Path) -> None:
    """Nobody else reads in it, and nothing is left."""
    workshop.write("x", b"x")
    modes = [Path(workshop.directory).stat().st_mode & 0o777, (Path(workshop.directory) / "x").stat().st_mode & 0o777]
    assert (modes, Path(workshop.directory).parent) == ([0o700, 0o600], tmp_path)
    workshop.close()
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_nobody_closed_goes_away(tmp_path: Path) -> None:
    """With the workshop itself, or at the end of the program."""
    workshop = Workshop(environ={"TMPDIR": str(tmp_path)})
    workshop.write("x", b"x")
    del workshop
    assert list(tmp_path.iterdir()) == []


def test_no_place_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """A read-only root without any tmpfs: the way out is named."""

    def refuse(**_options: object) -> str:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    with pytest.raises(SourceError) as caught:
        Workshop(environ={})
    assert (caught.value.reason, "TMPDIR" in caught.value.hint) == ("ScratchMissing", True)


def test_the_next_place_is_taken(tmp_path: Path) -> None:
    """When TMPDIR does not exist."""
    workshop = Workshop(environ={"TMPDIR": str(tmp_path / "none"), "PATH": os.environ["PATH"]})
    assert not workshop.directory.startswith(str(tmp_path))
    workshop.close()


def test_small_files_are_capped(tmp_path: Path) -> None:
    """The cap itself is allowed."""
    path = tmp_path / "x"
    path.write_bytes(b"1234")
    assert read_regular(str(path), limit=4) == b"1234"
    with pytest.raises(OSError, match="it is larger than 3 bytes"):
        read_regular(str(path), limit=3)


def test_what_is_no_file_is_refused_and_closed(tmp_path: Path) -> None:
    """A directory, a FIFO, a device: none is waited for, and no descriptor stays open."""
    os.mkfifo(tmp_path / "fifo")
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - the listing itself counts the same each time
    for path in (tmp_path, tmp_path / "fifo", Path("/dev/zero")):
        with pytest.raises(OSError, match="it is not a regular file"):
            read_regular(str(path), limit=3)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208

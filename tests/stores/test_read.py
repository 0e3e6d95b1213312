"""One file that may be anything is read as what it is, without waiting and without trust."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reconciler.observed.model import Absent, FileMeta, Unusable
from reconciler.stores.read import LIMIT, ReadFile, link_target, look, read_file
from tests.patience import within


@pytest.fixture(autouse=True)
def _never_hangs() -> Iterator[None]:
    """A read that waits for somebody fails after five seconds, instead of hanging the run."""
    with within(5, "reading"):
        yield


def a_file(path: Path, data: bytes = b"content", mode: int = 0o640) -> Path:
    """A regular file."""
    path.write_bytes(data)
    path.chmod(mode)
    return path


def a_symlink(path: Path) -> None:
    """A link that leads to a file."""
    path.symlink_to(a_file(path.with_suffix(".target")))


def a_socket(path: Path) -> None:
    """A bound Unix socket, whose long name needs a short way in."""
    here = os.open(path.parent, os.O_DIRECTORY)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"/proc/self/fd/{here}/{path.name}")
    os.close(here)


def a_sparse_gigabyte(path: Path) -> None:
    """A file that takes no space and would fill the memory."""
    with path.open("wb") as file:
        file.truncate(1 << 30)


@pytest.mark.parametrize("make", [a_file, a_symlink])
def test_a_regular_file_is_read_with_what_stat_says(make: Callable[[Path], object], tmp_path: Path) -> None:
    """Content, permission bits and owners come together, through symbolic links."""
    make(tmp_path / "file")
    found = read_file(str(tmp_path / "file"))
    assert isinstance(found, ReadFile)
    assert (found.data, found.meta) == (b"content", FileMeta(mode=0o640, uid=os.getuid(), gid=(tmp_path / "file").stat().st_gid))


@pytest.mark.parametrize("size", [0, 1, LIMIT - 1, LIMIT])
def test_every_size_up_to_the_limit_is_read_whole(size: int, tmp_path: Path) -> None:
    """Also the empty file, and one of exactly the limit."""
    found = read_file(str(a_file(tmp_path / "file", b"x" * size)))
    assert isinstance(found, ReadFile)
    assert found.data == b"x" * size


def test_a_file_that_hides_its_size_is_read_whole() -> None:
    """Files of /proc are regular and say that they are empty."""
    found = read_file("/proc/self/status")
    assert isinstance(found, ReadFile)
    assert b"Pid:" in found.data


def test_short_reads_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network file system may return less than was asked for."""
    read = os.read
    monkeypatch.setattr(os, "read", lambda fd, size: read(fd, min(size, 3)))
    found = read_file(str(a_file(tmp_path / "file", b"0123456789")))
    assert isinstance(found, ReadFile)
    assert found.data == b"0123456789"


@pytest.mark.parametrize("name", ["missing", "no/such/directory", "dangling", "file/below"])
def test_nothing_there_is_absent(name: str, tmp_path: Path) -> None:
    """A missing file, a missing directory, a dangling link, a path through a file."""
    a_file(tmp_path / "file")
    (tmp_path / "dangling").symlink_to("nowhere")
    assert read_file(str(tmp_path / name)) == Absent()


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (Path.mkdir, Unusable(problem="not-a-file", detail="it is a directory")),
        (os.mkfifo, Unusable(problem="not-a-file", detail="it is a named pipe")),
        (a_socket, Unusable(problem="not-a-file", detail="it is a socket or a device")),
        (lambda path: path.symlink_to("/dev/zero"), Unusable(problem="not-a-file", detail="it is a device")),
        (lambda path: path.symlink_to(path), Unusable(problem="not-a-file", detail="its symbolic links form a loop")),
        (lambda path: a_file(path, b"x" * (2 << 20)), Unusable(problem="too-large", detail="it is larger than 1048576 bytes")),
        (a_sparse_gigabyte, Unusable(problem="too-large", detail="it is larger than 1048576 bytes")),
    ],
    ids=["directory", "fifo", "socket", "device", "loop", "2-mib", "sparse-gigabyte"],
)
def test_what_is_no_ordinary_file_is_told_as_what_it_is(
    make: Callable[[Path], object], expected: Unusable, tmp_path: Path
) -> None:
    """Each surprise is a value of its own; none of them is read, and none of them waits."""
    make(tmp_path / "file")
    assert read_file(str(tmp_path / "file")) == expected


@pytest.mark.parametrize(
    ("call", "number", "expected"),
    [
        ("open", errno.EACCES, Unusable(problem="permission-denied", detail="permission to read it is denied")),
        ("open", errno.EPERM, Unusable(problem="permission-denied", detail="permission to read it is denied")),
        ("open", errno.ENODEV, Unusable(problem="not-a-file", detail="it is a device")),
        ("open", errno.EMFILE, Unusable(problem="io-error", detail="reading it failed: Too many open files")),
        ("fstat", errno.ESTALE, Unusable(problem="io-error", detail="reading it failed: Stale file handle")),
        ("read", errno.EIO, Unusable(problem="io-error", detail="reading it failed: Input/output error")),
    ],
)
def test_errors_of_the_system_become_words(
    call: str, number: int, expected: Unusable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Simulated, because root may read everything and disks seldom break on demand."""

    def fail(*_arguments: object) -> object:
        raise OSError(number, os.strerror(number))

    path = str(a_file(tmp_path / "file"))
    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        found = read_file(path)
    assert found == expected


def test_a_file_that_grows_while_it_is_read_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cap holds for what arrives, not for what was promised."""
    monkeypatch.setattr(os, "read", lambda _fd, size: b"x" * size)
    assert read_file(str(a_file(tmp_path / "file"))) == Unusable(problem="too-large", detail="it is larger than 1048576 bytes")


def test_no_descriptor_stays_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever happens after the open, the file is closed."""

    def fail(_descriptor: int, _size: int) -> bytes:
        raise OSError(errno.EIO, "broken")

    (tmp_path / "directory").mkdir()
    a_sparse_gigabyte(tmp_path / "sparse")
    a_file(tmp_path / "file")
    before = len(list(Path("/proc/self/fd").iterdir()))
    with monkeypatch.context() as patch:
        patch.setattr(os, "read", fail)
        for name in ("directory", "sparse", "file"):
            read_file(str(tmp_path / name))
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_the_repr_of_what_was_read_shows_no_content(tmp_path: Path) -> None:
    """It may be a key, and end in a log."""
    assert repr(read_file(str(a_file(tmp_path / "file", b"secret")))) == "ReadFile(6 bytes)"


def test_looking_and_reading_agree_on_the_identity(tmp_path: Path) -> None:
    """So that a cache entry of a file that was read is found again by a stat; nothing there has none."""
    a_symlink(tmp_path / "link")
    found = read_file(str(tmp_path / "link"))
    assert isinstance(found, ReadFile)
    assert (look(str(tmp_path / "link")), look(str(tmp_path / "missing"))) == (found.identity, None)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("link", "link.target"), ("dangling", "nowhere"), ("file", ""), ("missing", None), ("file/below", None)],
)
def test_links_are_told_from_files_and_from_nothing(name: str, expected: str | None, tmp_path: Path) -> None:
    """A target as it is written, empty for what is no link, None for nothing."""
    a_file(tmp_path / "file")
    (tmp_path / "link").symlink_to("link.target")
    (tmp_path / "dangling").symlink_to("nowhere")
    assert link_target(str(tmp_path / name)) == expected

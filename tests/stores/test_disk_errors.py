"""Whatever call the disk refuses, readers keep a whole pair, nothing hangs, and the next attempt succeeds."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest

from reconciler.stores.errors import StoreError
from reconciler.stores.files import OutFile, commit, discard, read_back, stage
from tests.stores.publishing import pair, place, plain_files, publication, publish, readable, tree

Layout = Literal["generations", "plain"]

OLD = {".key": "key of old", ".crt": "certificate of old"}
NEW = {".key": "key of new", ".crt": "certificate of new"}


@contextmanager
def failing(monkeypatch: pytest.MonkeyPatch, call: str, number: int, nth: int) -> Iterator[list[int]]:
    """Lets the nth use of a system call fail; yields a list that grows with each use."""
    real: Callable[..., Any] = getattr(os, call)
    uses: list[int] = []

    def attempt(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - stands for any call
        uses.append(nth)
        if len(uses) == nth:
            raise OSError(number, os.strerror(number))
        return real(*arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(os, call, attempt)
        yield uses


def _attempt(root: Path, layout: Layout) -> StoreError | None:
    """Publishes the new pair; the error, when there was one."""
    try:
        staged = stage(publication(place(root, layout=layout), pair("new"), intent="new"))
        read_back(staged)
        commit(staged)
    except StoreError as error:
        return error
    return None


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO, errno.EDQUOT])
@pytest.mark.parametrize("call", ["write", "fsync", "fchmod", "mkdir", "symlink", "rename", "open"])
@pytest.mark.parametrize("layout", ["generations", "plain"])
def test_every_call_may_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: Layout, call: str, number: int) -> None:
    """Failing at each use in turn: an error with a path and a hint, a whole pair, and success at the second attempt."""
    for nth in range(1, 100):
        root = tmp_path / str(nth)
        publish(place(root, layout=layout), "old")
        with failing(monkeypatch, call, number, nth) as uses:
            error = _attempt(root, layout)
        if error is not None:
            assert (error.errno, error.path.startswith(str(root)), bool(error.hint)) == (number, True, True)
        found = readable(place(root, layout=layout))
        # Between the renames of plain files the journal speaks for the pair; see the recovery tests.
        assert found in ([OLD, NEW, {**NEW, ".crt": OLD[".crt"]}] if layout == "plain" else [OLD, NEW])
        assert _attempt(root, layout) is None
        assert readable(place(root, layout=layout)) == NEW
        if len(uses) < nth:
            return
    pytest.fail("more uses than expected")


@pytest.mark.parametrize("call", ["write", "fsync", "mkdir", "open"])
@pytest.mark.parametrize("layout", ["generations", "plain"])
def test_a_failed_staging_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: Layout, call: str) -> None:
    """What was written before the error is removed."""
    where = place(tmp_path, layout=layout)
    publish(where, "old")
    before = tree(tmp_path)
    for nth in range(1, 5):
        with failing(monkeypatch, call, errno.ENOSPC, nth) as uses:
            try:
                staged = stage(publication(where, pair("new"), intent="new"))
            except StoreError:
                assert tree(tmp_path) == before
            else:
                discard(staged)
        if len(uses) < nth:
            return


@pytest.mark.parametrize("call", ["write", "fsync", "symlink", "rename", "mkdir"])
def test_every_call_of_an_adoption_may_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """The files that were there before us are seen whole until ours take over."""
    theirs = {".key": "key of theirs", ".crt": "certificate of theirs"}
    for nth in range(1, 100):
        root = tmp_path / str(nth)
        plain_files(root / "etc/pki", "theirs")
        with failing(monkeypatch, call, errno.EIO, nth) as uses:
            error = _attempt(root, "generations")
        assert error is None or error.errno == errno.EIO
        assert readable(place(root)) in (theirs, NEW)
        assert _attempt(root, "generations") is None
        assert readable(place(root)) == NEW
        if len(uses) < nth:
            return
    pytest.fail("more uses than expected")


@pytest.mark.parametrize("layout", ["generations", "plain"])
def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: Layout) -> None:
    """A write that stores three bytes at a time still writes the whole file."""
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:3]))
    publish(place(tmp_path, layout=layout), "new")
    assert readable(place(tmp_path, layout=layout)) == NEW


@pytest.mark.parametrize("layout", ["generations", "plain"])
def test_a_real_limit(tmp_path: Path, layout: Layout) -> None:
    """A file that the system itself cuts short is an error, and the old pair stays."""
    where = place(tmp_path, layout=layout)
    publish(where, "old")
    before = tree(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    large = OutFile(suffix=".crt", data=b"certificate" * 1000, mode=0o644)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(StoreError, match=r"\.crt.*: the file would be larger than the limit"):
            stage(publication(where, (pair("new")[0], large), intent="new"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert tree(tmp_path) == before


@pytest.mark.parametrize("layout", ["generations", "plain"])
def test_what_was_written_is_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: Layout) -> None:
    """A disk that changes a byte is caught before anybody sees it."""
    real = os.write
    where = place(tmp_path, layout=layout)
    publish(where, "old")
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", lambda fd, data: real(fd, bytes(data).replace(b"new", b"nev")))
        with pytest.raises(StoreError, match="what was read back is not what was written"):
            stage(publication(where, pair("new"), intent="new"))
    assert readable(where) == OLD


def test_modes_that_a_file_system_ignores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key on a file system without modes would be everybody's: refused before it is visible."""
    monkeypatch.setattr(os, "fchmod", lambda _fd, _mode: None)
    certificate = OutFile(suffix=".crt", data=b"certificate", mode=0o644)
    with pytest.raises(StoreError, match="does not keep the mode or owner"):
        stage(publication(place(tmp_path), (certificate,), intent="new"))


def test_a_file_that_changed_after_staging(tmp_path: Path) -> None:
    """Reading back compares with what was meant, not with what is there."""
    staged = stage(publication(place(tmp_path), pair("new"), intent="new"))
    next((tmp_path / "etc/pki/.api").glob("*/api.crt")).write_text("tampered")
    with pytest.raises(StoreError, match="what was written is not there any more"):
        read_back(staged)


def test_a_directory_without_fsync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that cannot sync directories gets everything else."""
    real = os.fsync

    def refuse_directories(fd: int) -> None:
        if Path(f"/proc/self/fd/{fd}").is_dir():
            raise OSError(errno.EINVAL, "Invalid argument")
        real(fd)

    monkeypatch.setattr(os, "fsync", refuse_directories)
    publish(place(tmp_path), "new")
    assert readable(place(tmp_path)) == NEW

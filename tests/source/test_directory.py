"""Reading a directory: regular files only, capped, never waiting."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from reconciler.desired.source import MAX_FILE, UnusableFileError
from reconciler.source.directory import DirectorySource

TEXT = b"cluster: demo\n"


@pytest.fixture
def main(tmp_path: Path) -> Path:
    """A main file in a directory."""
    path = tmp_path / "cluster-pki.yaml"
    path.write_bytes(TEXT)
    return path


def refused(path: Path, name: str | None = None) -> tuple[str, str, str]:
    """Code, message (paths shortened) and hint of a file that cannot be read."""
    source = DirectorySource(str(path))
    with pytest.raises(UnusableFileError) as caught:
        source.read(name or source.name)
    error = caught.value
    directory = f"{path.parent}/"
    return error.code, error.message.replace(directory, ""), error.hint.replace(directory, "")


def test_the_main_file_is_read_and_named(main: Path) -> None:
    """By its path, absolute or not."""
    source = DirectorySource(str(main))
    assert (source.name, source.shown(source.name), source.read(source.name)) == ("cluster-pki.yaml", str(main), TEXT)


@pytest.mark.parametrize(("given", "shown"), [("a.yaml", "a.yaml"), ("./a.yaml", "a.yaml"), ("x/a.yaml", "x/a.yaml")])
def test_messages_call_files_as_the_user_did(given: str, shown: str) -> None:
    """From where the user stands."""
    source = DirectorySource(given)
    assert (source.shown(source.name), source.shown("b.yaml")) == (shown, shown.replace("a.yaml", "b.yaml"))


def test_a_missing_file_suggests_the_other_suffix(tmp_path: Path, main: Path) -> None:
    """People mix up .yaml and .yml."""
    assert refused(tmp_path / "cluster-pki.yml") == (
        "CPK001",
        "cluster-pki.yml: there is no such file",
        f'did you mean "{main.name}"?',
    )
    assert refused(tmp_path / "none.yaml")[:2] == ("CPK001", "none.yaml: there is no such file")


def test_a_fifo_is_refused_without_waiting(tmp_path: Path) -> None:
    """Nobody will ever write to it."""
    path = tmp_path / "x.yaml"
    os.mkfifo(path)
    assert refused(path) == ("CPK002", "x.yaml is a FIFO, not a regular file", "name the file itself")


def test_a_directory_is_refused(tmp_path: Path) -> None:
    """So is an empty name, which is one."""
    (tmp_path / "x.yaml").mkdir()
    assert refused(tmp_path / "x.yaml")[:2] == ("CPK002", "x.yaml is a directory, not a regular file")
    assert refused(Path())[0] == "CPK002"


def test_a_device_is_refused() -> None:
    """It has no end."""
    assert refused(Path("/dev/zero"))[:2] == ("CPK002", "zero is a character device, not a regular file")


def test_a_socket_is_refused(tmp_path: Path) -> None:
    """It cannot even be opened."""
    path = tmp_path / "x.yaml"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        assert refused(path)[0] == "CPK002"


def test_a_sparse_file_of_one_gibibyte_is_refused_unread(tmp_path: Path) -> None:
    """Its size alone says enough."""
    path = tmp_path / "x.yaml"
    with path.open("wb") as file:
        file.truncate(1 << 30)
    assert refused(path)[:2] == ("CPK003", "x.yaml is larger than 1024 KiB")


def test_the_cap_is_exact_and_counts_what_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that grows, or that has no size at all, is cut off as well."""
    path = tmp_path / "x.yaml"
    path.write_bytes(b"#" * MAX_FILE)
    assert len(DirectorySource(str(path)).read(path.name)) == MAX_FILE
    path.write_bytes(b"#" * (MAX_FILE + 1))
    empty = tmp_path / "empty"
    empty.touch()
    status = empty.stat()
    monkeypatch.setattr(os, "fstat", lambda _descriptor: status)
    assert refused(path)[0] == "CPK003"


def test_a_file_that_may_not_be_read(main: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may read everything, so the refusal is made up here."""

    def refuse(*_arguments: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    assert refused(main) == (
        "CPK002",
        "cluster-pki.yaml cannot be read: Permission denied",
        "check its mode and owner, and those of the directories above it",
    )


def test_a_disk_that_fails(main: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After opening as well as before."""

    def fail(*_arguments: object, **_options: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fdopen", fail)
    assert refused(main) == ("CPK002", "cluster-pki.yaml cannot be read: Input/output error", "")


@pytest.mark.parametrize("name", ["a\0b", "x" * 300, "\ud800"])
def test_names_that_no_file_can_have(main: Path, name: str) -> None:
    """NUL, too long, not encodable: the operating system's refusal is passed on."""
    assert refused(main, name)[0] == "CPK002"
    assert DirectorySource(str(main)).expand(name) == ()


def test_a_mounted_config_map_is_followed(tmp_path: Path) -> None:
    """Kubernetes mounts links to links; the files lie in the directory all the same."""
    data = tmp_path / "..2026_11_23"
    data.mkdir()
    (data / "cluster-pki.yaml").write_bytes(TEXT)
    (data / "more.yaml").write_bytes(b"prune: true\n")
    (tmp_path / "..data").symlink_to(data.name)
    for name in ("cluster-pki.yaml", "more.yaml"):
        (tmp_path / name).symlink_to(f"..data/{name}")
    source = DirectorySource(str(tmp_path / "cluster-pki.yaml"))
    assert source.read("cluster-pki.yaml") == TEXT
    assert source.expand("*.yaml") == ("cluster-pki.yaml", "more.yaml")
    assert source.read("more.yaml") == b"prune: true\n"


def test_an_included_link_out_of_the_directory_is_refused(tmp_path: Path) -> None:
    """A repository must not show a file of the machine; the main file itself is the user's own choice."""
    inside = tmp_path / "inside"
    inside.mkdir()
    secret = tmp_path / "secret.yaml"
    secret.write_bytes(TEXT)
    main = inside / "main.yaml"
    main.symlink_to(secret)
    (inside / "more.yaml").symlink_to(secret)
    assert DirectorySource(str(main)).read("main.yaml") == TEXT
    assert refused(main, "more.yaml")[:2] == ("CPK002", "more.yaml is a link that leaves the directory of the main file")


def test_patterns_match_files_in_order(main: Path) -> None:
    """Not directories, not hidden files; a plain name stands for itself when it is there."""
    directory = main.parent / "components"
    directory.mkdir()
    for name in ("b.yaml", "a.yaml", ".hidden.yaml", "c.txt"):
        (directory / name).touch()
    (directory / "d.yaml").mkdir()
    source = DirectorySource(str(main))
    assert source.expand("components/*.yaml") == ("components/a.yaml", "components/b.yaml")
    assert source.expand("components/[ab].*") == ("components/a.yaml", "components/b.yaml")
    assert source.expand("components/.h*") == ("components/.hidden.yaml",)
    assert source.expand("components/c.txt") == ("components/c.txt",)
    assert source.expand("components/none.yaml") == ()

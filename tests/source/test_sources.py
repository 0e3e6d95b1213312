"""Every source through one suite: what a directory, a commit, a work tree and a snapshot must have in common."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from reconciler.desired.diagnostics import InvalidDesiredStateError
from reconciler.desired.load import load
from reconciler.desired.source import MAX_FILE, Source, UnusableFileError
from reconciler.source.directory import DirectorySource
from reconciler.source.revision import Revision
from reconciler.source.snapshot import decode, encode, recording
from reconciler.source.worktree import WorktreeSource
from tests.source.conftest import Follow
from tests.source.repositories import MAIN, TEXT, new_repository

Make = Callable[[Path, Follow], Source]
ELSEWHERE: Final = Revision(kind="directory", id="sha256:0", location="/", path=MAIN)


def directory(path: Path, _follow: Follow) -> Source:
    """The files as they stand."""
    return DirectorySource(str(path / MAIN))


def commit(path: Path, follow: Follow) -> Source:
    """The same files, committed."""
    repository = new_repository(path)
    repository.git("add", "--all")
    repository.git("commit", "--quiet", "-m", "all")
    return follow(path).open(None, allow_rollback=False).source


def work_tree(path: Path, _follow: Follow) -> Source:
    """A snapshot of the files as they stand."""
    return WorktreeSource(str(path / MAIN)).open(None, allow_rollback=False).source


def snapshot_of_directory(path: Path, follow: Follow) -> Source:
    """What the loader read of a directory, kept in a file."""
    return kept(directory(path, follow))


def snapshot_of_commit(path: Path, follow: Follow) -> Source:
    """What the loader read of a commit, kept in a file."""
    return kept(commit(path, follow))


def kept(source: Source) -> Source:
    """Loads through a recorder, and reads back what it remembers."""
    recorder = recording(source)
    with contextlib.suppress(InvalidDesiredStateError):
        load(recorder)
    return decode(encode(recorder.snapshot(ELSEWHERE)))


SOURCES: Final = (directory, commit, work_tree, snapshot_of_directory, snapshot_of_commit)
READERS: Final = (directory, commit)

FILES: Final = {
    MAIN: TEXT,
    "components/b.yaml": "# b\n",
    "components/a.yaml": "# a\n",
    "components/.hidden.yaml": "# hidden\n",
    "components/c.txt": "# c\n",
    "components/d.yaml/inner.yaml": "# inner\n",
    "sites/north/x.yaml": "# north\n",
    "sites/south/x.yaml": "# south\n",
    "sites/.dark/x.yaml": "# dark\n",
    "sites/file": "# no directory\n",
    "odd/[x].yaml": "# brackets\n",
    "odd/é ü.yaml": "# not ASCII\n",
}


def write(path: Path, files: dict[str, str]) -> Path:
    """A directory with files."""
    for name, text in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text, encoding="utf-8")
    return path


EXPANSIONS: Final = {
    "components/*.yaml": ("components/a.yaml", "components/b.yaml"),
    "components/[ab].*": ("components/a.yaml", "components/b.yaml"),
    "components/[!a].*": ("components/b.yaml", "components/c.txt"),
    "components/.h*": ("components/.hidden.yaml",),
    "components/?.txt": ("components/c.txt",),
    "components/c.txt": ("components/c.txt",),
    "components/none.yaml": (),
    "components/d.yaml": ("components/d.yaml",),
    "components/d*/*.yaml": ("components/d.yaml/inner.yaml",),
    "none/*.yaml": (),
    "sites/*/x.yaml": ("sites/north/x.yaml", "sites/south/x.yaml"),
    "*/*/x.yaml": ("sites/north/x.yaml", "sites/south/x.yaml"),
    "sites/n*/*": ("sites/north/x.yaml",),
    "sites/file/*": (),
    "sites/.dark/*": ("sites/.dark/x.yaml",),
    "odd/*": ("odd/[x].yaml", "odd/é ü.yaml"),
    "odd/[[]x].yaml": ("odd/[x].yaml",),
    "*.yaml": (MAIN,),
    MAIN: (MAIN,),
}


@pytest.mark.parametrize("make", READERS)
@pytest.mark.parametrize(("pattern", "names"), EXPANSIONS.items(), ids=EXPANSIONS)
def test_patterns(pattern: str, names: tuple[str, ...], make: Make, tmp_path: Path, follow: Follow) -> None:
    """The same files in the same order, hidden ones and directories alike."""
    assert make(write(tmp_path / "x", FILES), follow).expand(pattern) == names


@pytest.mark.parametrize("make", SOURCES)
def test_reading(make: Make, tmp_path: Path, follow: Follow) -> None:
    """The main file's bytes, line endings included, under its name."""
    path = write(tmp_path / "x", FILES)
    (path / MAIN).write_bytes(TEXT.encode().replace(b"\n", b"\r\n"))
    source = make(path, follow)
    assert (source.name, source.read(MAIN)) == (MAIN, TEXT.encode().replace(b"\n", b"\r\n"))
    assert source.shown("a/b.yaml").removeprefix(f"{path}/") == "a/b.yaml"


def become_directory(main: Path) -> None:
    """Puts a directory in a file's place."""
    main.unlink()
    main.mkdir()
    (main / "x").touch()


REFUSED: Final[dict[str, tuple[Callable[[Path], object], str]]] = {
    "missing": (Path.unlink, "CPK001"),
    "directory": (become_directory, "CPK002"),
    "too large": (lambda main: main.write_bytes(b"#" * (MAX_FILE + 1)), "CPK003"),
}


@pytest.mark.parametrize("make", SOURCES)
@pytest.mark.parametrize(("change", "code"), REFUSED.values(), ids=REFUSED)
def test_refusals(change: Callable[[Path], object], code: str, make: Make, tmp_path: Path, follow: Follow) -> None:
    """Under the same codes, and the same again when they are read from a snapshot."""
    path = write(tmp_path / "x", {MAIN: TEXT, "other": ""})
    change(path / MAIN)
    source = make(path, follow)
    with pytest.raises(UnusableFileError) as caught:
        source.read(MAIN)
    assert (caught.value.code, caught.value.message.startswith(source.shown(MAIN))) == (code, True)


@pytest.mark.parametrize("make", SOURCES)
def test_the_largest_file(make: Make, tmp_path: Path, follow: Follow) -> None:
    """The cap itself is allowed."""
    path = write(tmp_path / "x", {MAIN: TEXT + "#" * (MAX_FILE - len(TEXT))})
    assert len(make(path, follow).read(MAIN)) == MAX_FILE


STATES: Final = {
    "single": {MAIN: TEXT},
    "included": {
        MAIN: f"{TEXT}include: [parts/*.yaml, more.yaml]\n",
        "parts/a.yaml": "nodes: [{name: w-1, roles: [worker]}]\n",
        "parts/b.yaml": "nodes: [{name: w-2, roles: [worker]}]\n",
        "more.yaml": "cas: {x: {path: x/ca}}\n",
    },
    "not YAML": {MAIN: "cluster: [\n"},
    "wrong form": {MAIN: f"{TEXT}include: [parts/*.yaml]\nnodes: 3\n", "parts/a.yaml": "colour: red\n"},
    "nothing included": {MAIN: f"{TEXT}include: [none/*.yaml, ../x.yaml, '**', 3]\n"},
    "include missing": {MAIN: f"{TEXT}include: [none.yaml]\n"},
    "include is a directory": {MAIN: f"{TEXT}include: [parts]\n", "parts/a.yaml": ""},
    "no main file": {"other.yaml": TEXT},
    "empty": {MAIN: ""},
}


def outcome(source: Source) -> object:
    """All that loading gives: names, digests, the document; or every diagnostic."""
    try:
        loaded = load(source)
    except InvalidDesiredStateError as error:
        return error.diagnostics
    return loaded.name, loaded.files, loaded.sha256, loaded.document


@pytest.mark.parametrize("original", READERS)
@pytest.mark.parametrize("files", STATES.values(), ids=STATES)
def test_a_snapshot_loads_as_its_original(files: dict[str, str], original: Make, tmp_path: Path, follow: Follow) -> None:
    """The same document, and the same diagnostics word for word."""
    source = original(write(tmp_path / "x", files), follow)
    assert outcome(kept(source)) == outcome(source)


@pytest.mark.parametrize("files", STATES.values(), ids=STATES)
def test_a_work_tree_loads_as_its_directory(files: dict[str, str], tmp_path: Path, follow: Follow) -> None:
    """What is read in advance is all that the loader asks for."""
    path = write(tmp_path / "x", files)
    assert outcome(work_tree(path, follow)) == outcome(directory(path, follow))

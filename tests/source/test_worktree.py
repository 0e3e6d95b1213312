"""Files as they stand: one consistent look, whatever moves in the meantime; and never in the middle of a merge."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from reconciler.desired.diagnostics import InvalidDesiredStateError
from reconciler.desired.load import load
from reconciler.source.directory import DirectorySource
from reconciler.source.revision import Revision, SourceError
from reconciler.source.snapshot import digest_of
from reconciler.source.worktree import WorktreeSource, watched_by
from tests.source.repositories import MAIN, TEXT, Repository, flip

PART: Final = "parts/one.yaml"
INCLUDING: Final = f"{TEXT}include: [parts/*.yaml]\n"


@pytest.fixture
def main(tmp_path: Path) -> Path:
    """A main file that includes another."""
    path = tmp_path / "config" / MAIN
    (path.parent / "parts").mkdir(parents=True)
    path.write_text(INCLUDING, encoding="utf-8")
    (path.parent / PART).write_text("nodes: []\n", encoding="utf-8")
    return path


def opened(source: WorktreeSource) -> tuple[Revision, dict[str, bytes]]:
    """Revision and files."""
    found = source.open(None, allow_rollback=False)
    names = [found.source.name, *(name for pattern in ("parts/*.yaml",) for name in found.source.expand(pattern))]
    return found.revision, {name: found.source.read(name) for name in names}


def test_a_plain_directory(main: Path) -> None:
    """Its revision is the digest that a plan has, too."""
    revision, files = opened(WorktreeSource(str(main)))
    assert files == {MAIN: INCLUDING.encode(), PART: b"nodes: []\n"}
    digest = load(DirectorySource(str(main))).sha256
    assert digest == digest_of(MAIN, files)
    location = str(main.parent)
    assert revision == Revision(kind="directory", id=f"sha256:{digest}", location=location, path=MAIN, digest=digest)


def test_messages_name_the_path_that_was_given(main: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From where the user stands, not where the links lead."""
    monkeypatch.chdir(main.parent.parent)
    (main.parent.parent / "link").symlink_to("config")
    main.write_text("cluster: [\n", encoding="utf-8")
    source = WorktreeSource(f"link/{MAIN}").open(None, allow_rollback=False).source
    with pytest.raises(InvalidDesiredStateError) as caught:
        load(source)
    assert {diagnostic.span.file for diagnostic in caught.value.diagnostics if diagnostic.span} == {f"link/{MAIN}"}


def make_anew(main: Path) -> None:
    """Removes the directory and makes it again."""
    shutil.rmtree(main.parent)
    main.parent.mkdir()
    main.write_text(TEXT, encoding="utf-8")


# Each changes what is read.
CHANGES: Final[dict[str, Callable[[Path], object]]] = {
    "content": lambda main: main.write_text(INCLUDING + "# more\n", encoding="utf-8"),
    "same size": lambda main: main.write_text(INCLUDING.replace("demo", "d3mo"), encoding="utf-8"),
    "atomic save": lambda main: (main.with_name("tmp").write_text(TEXT, encoding="utf-8"), main.with_name("tmp").rename(main)),
    "included": lambda main: (main.parent / PART).write_text("nodes: [] #\n", encoding="utf-8"),
    "one more": lambda main: (main.parent / "parts/two.yaml").write_text("nodes: []\n", encoding="utf-8"),
    "one less": lambda main: (main.parent / PART).rename(main.parent / "elsewhere"),
    "gone": Path.unlink,
    "made anew": make_anew,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_changes(change: Callable[[Path], object], main: Path) -> None:
    """Polling sees each, and the revision is another; looking changes nothing."""
    source = WorktreeSource(str(main))
    before = source.open(None, allow_rollback=False).revision
    token = source.poll()
    assert source.poll() == token
    change(main)
    assert source.poll() != token
    after = source.open(before, allow_rollback=False).revision
    assert after.id != before.id
    assert source.open(before, allow_rollback=False).revision == after


def test_what_does_not_matter(main: Path) -> None:
    """A file that nobody includes."""
    source = WorktreeSource(str(main))
    before, token = source.open(None, allow_rollback=False), source.poll()
    (main.parent / "status.json").touch()
    (main.parent / "parts/.hidden.yaml").touch()
    assert (source.poll(), source.open(None, allow_rollback=False)) == (token, before)


def test_a_missing_main_file_is_told_by_the_loader(tmp_path: Path) -> None:
    """With its own diagnostic, and found when it appears."""
    source = WorktreeSource(str(tmp_path / "none" / MAIN))
    token = source.poll()
    with pytest.raises(InvalidDesiredStateError) as caught:
        load(source.open(None, allow_rollback=False).source)
    assert [diagnostic.code for diagnostic in caught.value.diagnostics] == ["CPK001"]
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / MAIN).write_text(TEXT, encoding="utf-8")
    assert source.poll() != token
    assert load(source.open(None, allow_rollback=False).source).document.cluster == "demo"


def publish(mount: Path, number: int, *, link: str = "..data") -> None:
    """Publishes two files that belong together as kubelet does, and removes the ones before."""
    fresh = mount / f"..{number}"
    (fresh / "parts").mkdir(parents=True)
    (fresh / MAIN).write_text(f"{INCLUDING}# {number}\n", encoding="utf-8")
    (fresh / PART).write_text(f"nodes: [] # {number}\n", encoding="utf-8")
    flip(mount, fresh, link=link)
    shutil.rmtree(mount / f"..{number - 1}", ignore_errors=True)


@pytest.fixture
def mount(tmp_path: Path) -> Path:
    """A mounted ConfigMap."""
    path = tmp_path / "mount"
    path.mkdir()
    publish(path, 1)
    for name in (MAIN, "parts"):
        (path / name).symlink_to(f"..data/{name}")
    return path


def test_a_config_map_flips(mount: Path) -> None:
    """Three times; each is one consistent revision."""
    source = WorktreeSource(str(mount / MAIN))
    seen = set()
    for number in (2, 3, 4):
        token = source.poll()
        publish(mount, number)
        assert source.poll() != token
        revision, files = opened(source)
        assert files == {MAIN: f"{INCLUDING}# {number}\n".encode(), PART: f"nodes: [] # {number}\n".encode()}
        seen.add(revision.id)
    assert len(seen) == 3


@pytest.mark.parametrize("link", ["..data", "current"])
def test_no_look_is_torn(link: str, mount: Path) -> None:
    """While another flips as fast as it can, every look holds two files that belong together, or says that it could not."""
    publish(mount, 2, link=link)
    source = WorktreeSource(str(mount / MAIN if link == "..data" else mount / link / MAIN))
    stop = threading.Event()

    def flipping() -> None:
        number = 3
        while not stop.is_set():
            publish(mount, number, link=link)
            number += 1

    other = threading.Thread(target=flipping)
    other.start()
    good: list[set[bytes]] = []
    refusals: list[str] = []
    try:
        while len(good) < 40 and len(refusals) < 400:
            try:
                files = opened(source)[1]
            except SourceError as error:
                refusals.append(error.reason)
            else:
                good.append({data.rpartition(b"# ")[2] for data in files.values()})
    finally:
        stop.set()
        other.join()
    assert good
    assert set(refusals) <= {"SourceUnstable"}
    assert [numbers for numbers in good if len(numbers) != 1] == []


def test_git_sync_names_the_commit(tmp_path: Path) -> None:
    """The link's target is the revision (its contract); the files are read where it led at that moment."""
    source = WorktreeSource(str(tmp_path / "current" / MAIN))
    last = None
    for digit in "ab":
        target = tmp_path / "worktrees" / (digit * 40)
        target.mkdir(parents=True)
        (target / MAIN).write_text(f"{TEXT}# {digit}\n", encoding="utf-8")
        flip(tmp_path, target)
        found = source.open(last, allow_rollback=False)
        last = found.revision
        assert (last.id, last.location) == (digit * 40, str(tmp_path / "current"))
        assert found.source.read(MAIN) == f"{TEXT}# {digit}\n".encode()


@pytest.mark.parametrize("name", ["rebase-merge", "rebase-apply", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD"])
@pytest.mark.parametrize("below", [".", "sub"])
def test_in_the_middle_of_a_merge(name: str, below: str, repository: Repository) -> None:
    """The files may hold anything: nothing is read until somebody finished."""
    repository.write({f"{below}/{MAIN}": TEXT})
    source = WorktreeSource(str(repository.path / below / MAIN))
    source.open(None, allow_rollback=False)
    token = source.poll()
    marker = repository.path / ".git" / name
    marker.mkdir() if name.startswith("rebase") else marker.touch()
    assert source.poll() != token
    assert str(marker) in source.watched()
    with pytest.raises(SourceError) as caught:
        source.open(None, allow_rollback=False)
    assert (caught.value.reason, f"({name})" in caught.value.message) == ("UnfinishedMerge", True)
    marker.rmdir() if name.startswith("rebase") else marker.unlink()
    assert source.poll() == token
    source.open(None, allow_rollback=False)


def test_a_real_conflict(repository: Repository) -> None:
    """In a linked worktree, whose state lies in the main repository."""
    repository.git("worktree", "add", "--quiet", "-b", "topic", "../linked")
    linked = Repository(path=repository.path.parent / "linked", minutes=9)
    linked.commit({MAIN: "theirs\n"})
    repository.commit({MAIN: "ours\n"})
    WorktreeSource(str(linked.path / MAIN)).open(None, allow_rollback=False)
    with pytest.raises(AssertionError):
        linked.git("merge", "main")
    with pytest.raises(SourceError, match="MERGE_HEAD"):
        WorktreeSource(str(linked.path / MAIN)).open(None, allow_rollback=False)
    WorktreeSource(str(repository.path / MAIN)).open(None, allow_rollback=False)


def test_a_worktree_whose_repository_is_elsewhere(tmp_path: Path) -> None:
    """As in a container that has only git-sync's worktree mounted: it is a plain directory then."""
    (tmp_path / ".git").write_text("gitdir: /nowhere/worktrees/x\n", encoding="utf-8")
    (tmp_path / MAIN).write_text(TEXT, encoding="utf-8")
    assert load(WorktreeSource(str(tmp_path / MAIN)).open(None, allow_rollback=False).source).document.cluster == "demo"


def test_an_included_link_out_of_the_directory_is_refused(main: Path, tmp_path: Path) -> None:
    """As for a plain directory: a checkout must not show a file of the machine."""
    (tmp_path / "secret").write_text("nodes: []\n", encoding="utf-8")
    (main.parent / "parts/leak.yaml").symlink_to(tmp_path / "secret")
    with pytest.raises(InvalidDesiredStateError) as caught:
        load(WorktreeSource(str(main)).open(None, allow_rollback=False).source)
    assert [diagnostic.code for diagnostic in caught.value.diagnostics] == ["CPK002"]


def test_what_is_watched(main: Path) -> None:
    """Before the first look the main file; then also what it includes, and where more could appear."""
    source = WorktreeSource(str(main))
    directory = str(main.parent)
    assert source.watched() == (str(main), f"{directory}/..data")
    source.open(None, allow_rollback=False)
    assert source.watched() == (str(main), f"{directory}/{PART}", f"{directory}/..data", f"{directory}/parts/*.yaml")


def test_where_a_pattern_may_find_more(main: Path) -> None:
    """In every directory that matches, and where such a directory may appear."""
    (main.parent / "sites/a").mkdir(parents=True)
    (main.parent / "sites/b").mkdir()
    root = str(main.parent)
    assert list(watched_by(root, "sites/*/x.yaml")) == [f"{root}/sites/*", f"{root}/sites/a/x.yaml", f"{root}/sites/b/x.yaml"]
    assert list(watched_by(root, "none/*/x.yaml")) == [f"{root}/none/*"]
    assert list(watched_by(root, "plain.yaml")) == [f"{root}/plain.yaml"]

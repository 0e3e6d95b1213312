"""Being woken: by every change that matters, and by nothing else; without inotify there is still polling."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest
from watchdog.observers.inotify import InotifyObserver

from reconciler.source.revision import SourceError
from reconciler.source.watch import Watcher
from reconciler.source.worktree import WorktreeSource
from tests.source.conftest import Follow
from tests.source.repositories import MAIN, TEXT, Repository, flip

#: Seconds. Waking takes a fifth of one; a machine under load gets more.
SOON: Final = 10.0
SETTLE: Final = 0.02
#: Nothing else comes in that time.
QUIET: Final = 0.2


class Alarm:
    """Counts how often it was woken."""

    def __init__(self) -> None:
        """Not yet."""
        self.woken = threading.Event()

    def __call__(self) -> None:
        """Wakes."""
        self.woken.set()

    def rang(self) -> bool:
        """Whether it was woken soon; and forgets it."""
        rang = self.woken.wait(SOON)
        self.calm()
        return rang

    def calm(self) -> None:
        """Waits until what is going on has ended."""
        while True:
            self.woken.clear()
            if not self.woken.wait(QUIET):
                return


Watch = Callable[[Callable[[], Sequence[str]]], Alarm]


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Watches paths; the watcher ends with the test."""
    watchers: list[Watcher] = []

    def start(paths: Callable[[], Sequence[str]]) -> Alarm:
        alarm = Alarm()
        watchers.append(Watcher(paths, alarm, settle=SETTLE))
        assert watchers[-1].degraded == ""
        return alarm

    yield start
    for watcher in watchers:
        watcher.close()


@pytest.fixture
def main(tmp_path: Path) -> Path:
    """A main file in a directory of its own."""
    path = tmp_path / "config" / MAIN
    path.parent.mkdir()
    path.write_text(TEXT, encoding="utf-8")
    return path


def following(main: Path) -> Callable[[], Sequence[str]]:
    """What a work tree wants watched, once it was read."""
    source = WorktreeSource(str(main))
    source.open(None, allow_rollback=False)
    return source.watched


def save(main: Path) -> None:
    """Saves as an editor does: beside it, then renamed into place."""
    temporary = main.with_name(f".{main.name}.swp")
    temporary.write_text(f"{TEXT}# saved\n", encoding="utf-8")
    temporary.rename(main)


def recreate(main: Path) -> None:
    """Removes the directory and makes it again."""
    shutil.rmtree(main.parent)
    main.parent.mkdir()
    main.write_text(TEXT, encoding="utf-8")


def exchange(main: Path) -> None:
    """Puts another directory in its place."""
    shutil.copytree(main.parent, main.parent.with_name("next"))
    main.parent.rename(main.parent.with_name("previous"))
    main.parent.with_name("next").rename(main.parent)
    shutil.rmtree(main.parent.with_name("previous"))


def write_anew(main: Path) -> None:
    """Removes the file and writes it again."""
    main.unlink()
    main.write_text(TEXT, encoding="utf-8")


def become_link(main: Path) -> None:
    """Moves the file away and puts a link to it in its place."""
    main.rename(main.with_name("real"))
    main.symlink_to("real")


CHANGES: Final[dict[str, Callable[[Path], object]]] = {
    "written in place": lambda main: main.write_text(f"{TEXT}#\n", encoding="utf-8"),
    "atomic save": save,
    "removed": Path.unlink,
    "removed and made again": write_anew,
    "directory removed and made again": recreate,
    "directory exchanged": exchange,
    "became a link": become_link,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_changes_wake(change: Callable[[Path], object], main: Path, watch: Watch) -> None:
    """Each of them; and afterwards, the watch having followed, an ordinary save does again."""
    alarm = watch(following(main))
    change(main)
    assert alarm.rang()
    save(main)
    assert alarm.rang()


def test_two_swaps_of_a_link(tmp_path: Path, watch: Watch) -> None:
    """git-sync: the second swap is the one that a watch on the directory misses; old worktrees go away at once."""
    for number in range(3):
        (tmp_path / f"w/{number}").mkdir(parents=True)
        (tmp_path / f"w/{number}" / MAIN).write_text(f"{TEXT}# {number}\n", encoding="utf-8")
    flip(tmp_path, tmp_path / "w/0")
    alarm = watch(following(tmp_path / "current" / MAIN))
    for number in (1, 2):
        flip(tmp_path, tmp_path / f"w/{number}")
        shutil.rmtree(tmp_path / f"w/{number - 1}")
        assert alarm.rang()
    (tmp_path / "w/2" / MAIN).write_text(TEXT, encoding="utf-8")
    assert alarm.rang()


def test_three_flips_of_a_config_map(tmp_path: Path, watch: Watch) -> None:
    """The file's own link never changes, only ``..data`` does."""
    for number in range(4):
        (tmp_path / f"..{number}").mkdir()
        (tmp_path / f"..{number}" / MAIN).write_text(f"{TEXT}# {number}\n", encoding="utf-8")
    flip(tmp_path, tmp_path / "..0", link="..data")
    (tmp_path / MAIN).symlink_to(f"..data/{MAIN}")
    alarm = watch(following(tmp_path / MAIN))
    for number in (1, 2, 3):
        flip(tmp_path, tmp_path / f"..{number}", link="..data")
        assert alarm.rang()


def test_what_an_include_may_find(main: Path, watch: Watch) -> None:
    """A new file that matches, and a new directory for one, wake; what does not match does not."""
    main.write_text(f"{TEXT}include: [parts/*.yaml, sites/*/x.yaml]\n", encoding="utf-8")
    (main.parent / "parts").mkdir()
    (main.parent / "sites").mkdir()
    alarm = watch(following(main))
    (main.parent / "parts/notes.txt").write_text("no\n", encoding="utf-8")
    assert not alarm.woken.wait(QUIET)
    (main.parent / "parts/new.yaml").write_text("nodes: []\n", encoding="utf-8")
    assert alarm.rang()
    (main.parent / "sites/north").mkdir()
    assert alarm.rang()
    (main.parent / "sites/north/x.yaml").write_text("nodes: []\n", encoding="utf-8")
    assert alarm.rang()


def test_reading_and_our_own_files_wake_nobody(main: Path, watch: Watch) -> None:
    """Otherwise every look would be the reason for the next."""
    alarm = watch(following(main))
    source = WorktreeSource(str(main))
    for number in range(3):
        source.open(None, allow_rollback=False)
        source.poll()
        os.utime(main)
        status = main.with_name("status.json")
        status.with_suffix(".tmp").write_text(str(number), encoding="utf-8")
        status.with_suffix(".tmp").rename(status)
    (main.parent.parent / "elsewhere").mkdir()
    assert not alarm.woken.wait(QUIET)
    save(main)
    assert alarm.rang()


def test_commits_wake(repository: Repository, follow: Follow, watch: Watch) -> None:
    """Loose, packed, on another branch, on a branch that did not exist; reading and ``git status`` do not."""
    source = follow(repository.path)
    alarm = watch(source.watched)
    source.open(None, allow_rollback=False)
    (repository.path / MAIN).touch()
    repository.git("status")
    assert not alarm.woken.wait(QUIET)
    repository.commit()
    assert alarm.rang()
    repository.git("pack-refs", "--all")
    alarm.calm()
    repository.commit()
    assert alarm.rang()
    repository.git("checkout", "--quiet", "-b", "feature/x")
    assert alarm.rang()
    repository.commit()
    assert alarm.rang()


def test_a_clone_that_comes_later(tmp_path: Path, repository: Repository, follow: Follow, watch: Watch) -> None:
    """A daemon may start before the first synchronisation."""
    source = follow(tmp_path / "later")
    alarm = watch(source.watched)
    repository.git("clone", "--quiet", ".", "../later")
    assert alarm.rang()
    Repository(path=tmp_path / "later", minutes=3).commit()
    assert alarm.rang()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EMFILE])
@pytest.mark.parametrize("when", ["start", "later"])
def test_without_inotify_there_is_one_warning(
    number: int, when: str, main: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The limits are the machine's: others may have used them up. Nothing fails."""

    def refuse(*_arguments: object, **_options: object) -> None:
        raise OSError(number, os.strerror(number))

    if when == "start":
        monkeypatch.setattr(InotifyObserver, "__init__", refuse)
    else:
        monkeypatch.setattr(InotifyObserver, "schedule", refuse)
    alarm = Alarm()
    with caplog.at_level(logging.WARNING):
        watcher = Watcher(following(main), alarm, settle=SETTLE)
        save(main)
        assert not alarm.woken.wait(QUIET)
        watcher.close()
    assert os.strerror(number) in watcher.degraded
    assert [record.getMessage().partition(";")[0] for record in caplog.records] == [
        f"watching files does not work here ([Errno {number}] {os.strerror(number)})"
    ]


def test_paths_that_are_not_known_for_a_while(main: Path, watch: Watch) -> None:
    """What was watched before stays watched."""
    known = following(main)
    broken = threading.Event()

    def paths() -> Sequence[str]:
        if broken.is_set():
            raise SourceError(reason="RefNotFound", message="gone")
        return known()

    alarm = watch(paths)
    broken.set()
    for _ in range(2):
        save(main)
        assert alarm.rang()


def test_closing_ends_threads_and_descriptors(main: Path) -> None:
    """Nobody is called afterwards."""
    threads, descriptors = threading.active_count(), len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - as below
    alarm = Alarm()
    watcher = Watcher(following(main), alarm, settle=SETTLE)
    assert threading.active_count() > threads
    watcher.close()
    save(main)
    assert not alarm.woken.wait(QUIET)
    assert (threading.active_count(), len(os.listdir("/proc/self/fd"))) == (threads, descriptors)  # noqa: PTH208

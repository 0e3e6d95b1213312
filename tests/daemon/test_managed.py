"""Managed files: what counts is what they are; a watch only hints."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from reconciler.daemon import managed
from reconciler.daemon.managed import ManagedFiles, directories, managed_paths, signature
from reconciler.desired.model import DesiredState
from reconciler.desired.place import Place
from tests.plan.world import bundle, ca, component, keypair, kubeconfig, state

#: A hint that does not come would be waited for so long.
PATIENCE: Final = 20.0


def at(home: Path, path: str) -> Place:
    """A place in a directory of the test."""
    return Place(store="files", root=str(home), path=path)


def desired(home: Path) -> DesiredState:
    """A CA and a server, each in a directory of its own."""
    return state(ca(place=at(home, "ca/main")), component(place=at(home, "pki/api")))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Their files."""
    for name in ("ca/main.crt", "ca/main.key", "pki/api.crt", "pki/api.key"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name, encoding="utf-8")
    return tmp_path


@pytest.fixture
def hints() -> threading.Event:
    """Set by every hint."""
    return threading.Event()


@pytest.fixture
def files(hints: threading.Event) -> Iterator[ManagedFiles]:
    """Watched until the test ends."""
    watched = ManagedFiles(hints.set)
    yield watched
    watched.close()


def test_every_published_file_is_managed() -> None:
    """By the names that readers use."""
    things = state(ca(), component(outputs=("pem", "der")), bundle(), kubeconfig(), keypair(nodes=["cp-1"]))
    assert sorted(managed_paths(things)) == [
        "/admin.conf",
        "/ca/main.crt",
        "/ca/main.key",
        "/cp-1/sa.key",
        "/cp-1/sa.pub",
        "/pki/api.crt",
        "/pki/api.der",
        "/pki/api.key",
        "/pki/trust.crt",
    ]


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        ([], ()),
        (["/a/b/x", "/a/b/y"], ("/a/b",)),
        (["/a/x", "/a/b/y", "/a/b/c/z", "/ab/x"], ("/a", "/ab")),
        (["/x", "/a/y"], ("/",)),
    ],
)
def test_directories_without_those_inside_another(paths: list[str], expected: tuple[str, ...]) -> None:
    """A directory whose name begins alike is another one."""
    assert directories(paths) == expected


def change_mode(path: Path) -> None:
    """What a person does by mistake."""
    path.chmod(0o640)


def replace_alike(path: Path) -> None:
    """The same bytes in another file."""
    (path.parent / "new").write_bytes(path.read_bytes())
    (path.parent / "new").replace(path)


def rewrite(path: Path) -> None:
    """Other bytes of the same length."""
    path.write_text(path.read_text(encoding="utf-8").upper(), encoding="utf-8")


def turn_link(path: Path) -> None:
    """The name leads to another file, as a publication does it."""
    other = path.parent / "other"
    other.write_text("other", encoding="utf-8")
    path.unlink()
    path.symlink_to(other)


CHANGES: Final[dict[str, Callable[[Path], object]]] = {
    "mode": change_mode,
    "replaced": replace_alike,
    "rewritten": rewrite,
    "linked": turn_link,
    "gone": Path.unlink,
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_hinted_at_and_seen(change: str, home: Path, files: ManagedFiles, hints: threading.Event) -> None:
    """Whatever it is; after it was settled it is no news."""
    files.settle(desired(home))
    assert not files.moved()
    CHANGES[change](home / "pki/api.crt")
    assert hints.wait(PATIENCE)
    assert files.moved()
    files.settle(desired(home))
    assert not files.moved()


def test_reading_is_no_change(home: Path, files: ManagedFiles, hints: threading.Event) -> None:
    """Every pass reads all of them: that wakes nobody. Another file beside them is a hint, and nothing stands behind it."""
    files.settle(desired(home))
    for path in home.rglob("*.*"):
        path.read_bytes()
    assert not hints.wait(0.2)
    (home / "pki/note").write_text("", encoding="utf-8")
    assert hints.wait(PATIENCE)
    assert not files.moved()


def test_before_it_was_settled_nothing_has_moved(files: ManagedFiles) -> None:
    """Nobody knows the files yet."""
    assert not files.moved()


def test_directories_that_come_later_are_watched_then(tmp_path: Path, files: ManagedFiles, hints: threading.Event) -> None:
    """The first pass makes them."""
    wanted = state(component(place=at(tmp_path, "new/api")))
    files.settle(wanted)
    (tmp_path / "new").mkdir()
    files.settle(wanted)
    (tmp_path / "new/api.crt").write_text("", encoding="utf-8")
    assert hints.wait(PATIENCE)
    assert files.moved()


def test_more_directories_than_may_be_watched_are_not(
    home: Path, files: ManagedFiles, hints: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each costs one of the few inotify instances of a user; what changed is seen all the same when somebody looks."""
    monkeypatch.setattr(managed, "MOST_DIRECTORIES", 1)
    files.settle(desired(home))
    change_mode(home / "pki/api.crt")
    assert not hints.wait(0.2)
    assert files.moved()


def test_where_nothing_can_be_watched_it_says_so_once(
    home: Path, files: ManagedFiles, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """No inotify instance is left: the interval finds what changed."""

    class Exhausted(managed.Observer):  # type: ignore[name-defined,misc]
        def start(self) -> None:
            raise OSError(24, "inotify instance limit reached")

    monkeypatch.setattr(managed, "Observer", Exhausted)
    with caplog.at_level(logging.WARNING):
        files.settle(desired(home))
        files.settle(desired(home))
    assert [record.getMessage() for record in caplog.records] == [
        "managed files cannot be watched (inotify instance limit reached); they are looked at every interval"
    ]
    change_mode(home / "pki/api.crt")
    assert files.moved()


def test_closed_it_leaves_no_thread_and_no_descriptor(home: Path, hints: threading.Event) -> None:
    """Also after the directories changed."""
    before = threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))
    files = ManagedFiles(hints.set)
    files.settle(desired(home))
    files.settle(state(component(place=at(home, "pki/api"))))
    files.close()
    files.close()
    assert (threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))) == before


def test_a_signature_is_of_names_too(home: Path) -> None:
    """Two files that change places are not what they were; a missing one has a signature as well."""
    one, two = str(home / "pki/api.crt"), str(home / "pki/api.key")
    assert signature([one, two]) != signature([two, one])
    assert signature([one, "/nowhere"]) == signature([one, "/nowhere"]) != signature([one])

"""The last good desired state, kept and recalled."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec.structs import replace

from reconciler.apply.state import StateDirectory
from reconciler.passes.last_good import NAME, default_places, keep, recall
from reconciler.plan.status_document import SourceStatus
from reconciler.source.revision import Revision
from reconciler.source.snapshot import Snapshot
from reconciler.stores.errors import StoreError
from tests.daemon.followed import text
from tests.passes.sessions import session

REVISION: Final = Revision(kind="git", id="ab" * 20, location="/srv/pki", path="cluster-pki.yaml", ref="main")


ORIGIN: Final = SourceStatus(kind="git", location="/srv/pki", path="cluster-pki.yaml", ref="main")


def recalled(home: Path, *, origin: SourceStatus = ORIGIN) -> Snapshot | None:
    """What is recalled of a place."""
    return recall(StateDirectory(str(home / "state")), origin=origin)


def test_what_was_kept_is_recalled_whole(tmp_path: Path) -> None:
    """Revision and files: what it expands to is what was in force. Nobody else may read it."""
    opened = session(tmp_path, text("api"), revision=REVISION)
    keep(opened, origin=ORIGIN)
    snapshot = recalled(tmp_path)
    assert snapshot is not None
    assert snapshot == opened.snapshot
    assert snapshot.revision == REVISION
    assert snapshot.read("cluster-pki.yaml") == text("api").encode()
    assert (tmp_path / "state" / NAME).stat().st_mode & 0o777 == 0o600


def test_the_same_is_not_written_again(tmp_path: Path) -> None:
    """A pass every few minutes writes nothing while nothing changes; another revision takes its place."""
    keep(session(tmp_path, text("api"), revision=REVISION), origin=ORIGIN)
    paths = (tmp_path / "state", tmp_path / "state" / NAME)
    before = [(path.stat().st_ino, path.stat().st_mtime_ns) for path in paths]
    keep(session(tmp_path, text("api"), revision=REVISION), origin=ORIGIN)
    assert [(path.stat().st_ino, path.stat().st_mtime_ns) for path in paths] == before
    newer = replace(REVISION, id="cd" * 20)
    keep(session(tmp_path, text("api"), revision=newer), origin=ORIGIN)
    snapshot = recalled(tmp_path)
    assert snapshot is not None
    assert snapshot.revision == newer


def test_what_was_read_as_it_stands_is_not_kept(tmp_path: Path) -> None:
    """A command that reads a file once leaves no trace of it."""
    keep(session(tmp_path, text("api")), origin=ORIGIN)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "other", [{"kind": "directory"}, {"location": "/srv/other"}, {"path": "prod/cluster-pki.yaml"}, {"ref": "staging"}]
)
def test_another_place_is_another_matter(other: dict[str, Any], tmp_path: Path) -> None:
    """What was in force came from another directory, file or branch: it says nothing about this source."""
    keep(session(tmp_path, text("api"), revision=REVISION), origin=ORIGIN)
    assert recalled(tmp_path, origin=replace(ORIGIN, **other)) is None


@pytest.mark.parametrize("damage", [b"", b"[]", b'{"version": 2}'])
def test_what_was_damaged_is_ignored_and_told(damage: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Losing it costs a check against rolling back, and no more."""
    keep(session(tmp_path, text("api"), revision=REVISION), origin=ORIGIN)
    (tmp_path / "state" / NAME).write_bytes(damage)
    with caplog.at_level(logging.WARNING):
        assert recalled(tmp_path) is None
    assert f"{tmp_path}/state/{NAME} was damaged and is ignored" in caplog.text


def test_nothing_kept_is_nothing_to_tell(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The first start."""
    assert recalled(tmp_path) is None
    assert caplog.records == []


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """Whoever keeps it says what that means."""
    (tmp_path / "state").write_text("a file", encoding="utf-8")
    with pytest.raises(StoreError):
        keep(session(tmp_path, text("api"), revision=REVISION), origin=ORIGIN)


def test_places_of_all_clusters(tmp_path: Path) -> None:
    """Below the place where records live when nobody says otherwise; none where there is none."""
    assert default_places(root=str(tmp_path), environ={}) == ()
    for name in ("b", "a"):
        (tmp_path / "var/lib/cluster-pki" / name).mkdir(parents=True)
    places = default_places(root=str(tmp_path), environ={})
    assert [place.path for place in places] == [f"{tmp_path}/var/lib/cluster-pki/{name}" for name in ("a", "b")]

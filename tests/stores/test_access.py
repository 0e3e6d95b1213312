"""Mode and owner are mended in place, through our own links and no others."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

from reconciler.stores.access import set_access
from reconciler.stores.errors import StoreError
from tests.stores.publishing import place, publish


@pytest.mark.parametrize("layout", ["generations", "plain"])
@pytest.mark.parametrize("drifted", [0o000, 0o644, 0o777])
def test_a_mode_is_mended(tmp_path: Path, drifted: int, layout: Literal["generations", "plain"]) -> None:
    """The file keeps its content and becomes what it should be."""
    publish(place(tmp_path, layout=layout), "one")
    key = tmp_path / "etc/pki/api.key"
    key.chmod(drifted)
    set_access(str(key), mode=0o600, uid=os.geteuid(), gid=os.getegid())
    assert (key.stat().st_mode & 0o7777, key.read_text()) == (0o600, "key of one")


def test_nobody_gets_more_in_between(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the owner changes, only what is allowed before and after is allowed."""
    publish(place(tmp_path), "one")
    key = tmp_path / "etc/pki/api.key"
    key.chmod(0o644)
    seen = []
    chown = os.chown

    def watched(path: str, uid: int, gid: int) -> None:
        seen.append(key.stat().st_mode & 0o7777)
        chown(path, uid, gid)

    monkeypatch.setattr(os, "chown", watched)
    set_access(str(key), mode=0o640, uid=None, gid=os.getegid())
    assert (seen, key.stat().st_mode & 0o7777) == ([0o640], 0o640)


def _foreign_link(path: Path) -> None:
    path.symlink_to(path.parent / "victim")


def _link_out_of_a_home(path: Path) -> None:
    path.symlink_to(".api/current/../../../victim")


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (_foreign_link, "it is a symbolic link that is not ours"),
        (_link_out_of_a_home, "it is a symbolic link that is not ours"),
        (os.mkfifo, "it is a directory, pipe, socket or device"),
        (Path.mkdir, "it is a directory, pipe, socket or device"),
        (lambda _path: None, "there is no such file"),
    ],
)
def test_what_is_not_ours_is_left_alone(tmp_path: Path, make: Callable[[Path], None], problem: str) -> None:
    """Links elsewhere, pipes and directories keep their modes, and the error names the path."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    victim.chmod(0o644)
    make(tmp_path / "api.key")
    with pytest.raises(StoreError, match=f"api.key: {problem}"):
        set_access(str(tmp_path / "api.key"), mode=0o600, uid=None, gid=None)
    assert victim.stat().st_mode & 0o777 == 0o644


def test_a_home_without_a_current_generation(tmp_path: Path) -> None:
    """A dangling link of ours is an error, not a surprise."""
    publish(place(tmp_path), "one")
    (tmp_path / "etc/pki/.api/current").unlink()
    with pytest.raises(StoreError, match="there is no current generation"):
        set_access(str(tmp_path / "etc/pki/api.key"), mode=0o600, uid=None, gid=None)

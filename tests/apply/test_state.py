"""The state directory is ours alone, and losing or damaging it loses nothing that matters."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.apply.state import StateDirectory, StateError, default_path
from reconciler.plan.inventory import Inventory, Record
from reconciler.stores.errors import StoreError
from tests.stores.publishing import tree

INVENTORY = Inventory(
    cluster="demo",
    serial=4,
    records={"ca.main": Record(kind="ca", paths=("/srv/ca.crt",), not_after=datetime(2036, 1, 1, tzinfo=UTC), mode=0o600)},
)


@pytest.mark.parametrize(
    ("euid", "environ", "root", "expected"),
    [
        (0, {}, "", "/var/lib/cluster-pki/demo"),
        (0, {"XDG_STATE_HOME": "/x"}, "/", "/var/lib/cluster-pki/demo"),
        (0, {}, "/img/", "/img/var/lib/cluster-pki/demo"),
        (7, {"XDG_STATE_HOME": "/x/", "HOME": "/home/u"}, "", "/x/cluster-pki/demo"),
        (7, {"HOME": "/home/u"}, "", "/home/u/.local/state/cluster-pki/demo"),
        (7, {"XDG_STATE_HOME": "relative", "HOME": "/home/u"}, "/", "/home/u/.local/state/cluster-pki/demo"),
        (7, {}, "/img", "/img/var/lib/cluster-pki/demo"),
    ],
)
def test_default_path(euid: int, environ: Mapping[str, str], root: str, expected: str) -> None:
    """Root's state is the system's, everybody else's is in their home, and --root moves it along."""
    assert default_path(euid=euid, environ=environ, cluster="demo", root=root) == expected


def test_no_default_path() -> None:
    """Without a home there is an error that names the option."""
    with pytest.raises(StateError) as caught:
        default_path(euid=7, environ={}, cluster="demo", root="")
    assert caught.value.hint == "name it with --state-dir"


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_create(tmp_path: Path, umask: int) -> None:
    """It is closed to everybody else whatever the umask; making it twice is fine."""
    before = os.umask(umask)
    try:
        state = StateDirectory(f"{tmp_path}/lib/demo")
        assert not state.exists()
        state.create()
        state.create()
    finally:
        os.umask(before)
    assert state.exists()
    assert tree(tmp_path) == {"lib": "0755", "lib/demo": "0700"}


def test_a_directory_that_others_may_write(tmp_path: Path) -> None:
    """Whoever could change the journal could publish through us."""
    tmp_path.chmod(0o770)
    with pytest.raises(StateError, match=r"others may write it \(mode 0770\)") as caught:
        StateDirectory(str(tmp_path)).create()
    assert caught.value.hint == f"chmod 700 {tmp_path}"


def test_a_file_in_its_place(tmp_path: Path) -> None:
    """Something else there is an error that names it."""
    (tmp_path / "state").touch()
    with pytest.raises(StateError, match="/state"):
        StateDirectory(f"{tmp_path}/state").create()


def test_the_inventory_comes_back(tmp_path: Path) -> None:
    """What is saved is loaded, with a serial that grows."""
    state = StateDirectory(str(tmp_path))
    assert state.load_inventory() == Inventory()
    saved = state.save_inventory(INVENTORY)
    assert (saved.serial, saved.records) == (5, INVENTORY.records)
    assert state.load_inventory(cluster="demo") == saved
    assert (tmp_path / "inventory.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"\x00" * 100, b'{"records": 7}', b'{"format_version": 1}'])
def test_a_damaged_inventory_is_set_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: bytes) -> None:
    """It is ignored with a warning and kept for people; what is on disk says enough to go on."""
    (tmp_path / "inventory.json").write_bytes(damage)
    with caplog.at_level(logging.WARNING):
        assert StateDirectory(str(tmp_path)).load_inventory() == Inventory()
    (aside,) = tmp_path.iterdir()
    assert (aside.name.startswith("inventory.json.damaged-"), aside.read_bytes()) == (True, damage)
    assert "inventory.json was damaged" in caplog.text
    assert str(aside) in caplog.text


def test_a_damaged_inventory_that_cannot_be_moved(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look at somebody else's state warns and goes on."""

    def refuse(*_: object) -> None:
        raise PermissionError

    (tmp_path / "inventory.json").write_bytes(b"{")
    monkeypatch.setattr(Path, "rename", refuse)
    assert StateDirectory(str(tmp_path)).load_inventory() == Inventory()
    assert "is ignored" in caplog.text


@pytest.mark.parametrize("version", ["2.0", "10.1", "x"])
def test_an_inventory_of_a_newer_version(tmp_path: Path, version: str) -> None:
    """It is neither read nor replaced."""
    path = tmp_path / "inventory.json"
    path.write_text(f'{{"format_version": "{version}", "records": "of another kind"}}')
    with pytest.raises(StateError, match=f"its format {version} is not known") as caught:
        StateDirectory(str(tmp_path)).load_inventory()
    assert caught.value.hint == "run the newer cluster-pki that wrote it"
    assert path.exists()


def test_a_minor_version_may_add_fields(tmp_path: Path) -> None:
    """What we do not know is passed over."""
    (tmp_path / "inventory.json").write_text('{"format_version": "1.7", "cluster": "demo", "extra": 1}')
    assert StateDirectory(str(tmp_path)).load_inventory().cluster == "demo"


def test_an_inventory_of_another_cluster(tmp_path: Path) -> None:
    """Its records would look like things to take away."""
    state = StateDirectory(str(tmp_path))
    state.save_inventory(INVENTORY)
    with pytest.raises(StateError, match='it belongs to the cluster "demo"'):
        state.load_inventory(cluster="other")


def test_an_inventory_that_cannot_be_read(tmp_path: Path) -> None:
    """It is never taken for an empty one."""
    (tmp_path / "inventory.json").mkdir()
    with pytest.raises(StateError, match="it is a directory"):
        StateDirectory(str(tmp_path)).load_inventory()


def test_a_failed_save_keeps_the_old_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk costs the new records, not the old ones."""
    state = StateDirectory(str(tmp_path))
    saved = state.save_inventory(INVENTORY)

    def refuse(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", refuse)
        with pytest.raises(StoreError, match=r"inventory\.json: no space is left"):
            state.save_inventory(Inventory(cluster="demo", serial=saved.serial))
    assert state.load_inventory() == saved
    assert [path.name for path in tmp_path.iterdir()] == ["inventory.json"]

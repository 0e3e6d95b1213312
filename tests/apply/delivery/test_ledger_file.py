"""The ledger survives; and when it does not, nothing is restarted for that."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from reconciler.apply.delivery.ledger import Ledger, Obligation
from reconciler.apply.delivery.ledger_file import load_ledger, save_ledger
from reconciler.apply.state import StateDirectory, StateError
from reconciler.stores.errors import StoreError
from tests.plan.world import NOW

LEDGER = Ledger(
    owners={
        "component.a": Obligation(delivered="1"),
        "component.b": Obligation(
            delivered="1",
            owed="2",
            revision="r1",
            ran="2",
            stale=True,
            attempts=3,
            first_owed_at=NOW,
            retry_at=NOW,
            at_hook="exec x",
            last_detail="It exited with status 1.",
            last_output="line\nline",
            waiting_for="component.a",
            reasons=("RenewalDue",),
        ),
        "component.c": Obligation(),
    }
)


def test_it_comes_back(tmp_path: Path) -> None:
    """Everything that is saved is loaded; the file is for us alone."""
    state = StateDirectory(str(tmp_path))
    assert load_ledger(state) == Ledger()
    save_ledger(state, LEDGER)
    assert load_ledger(state) == LEDGER
    assert [(path.name, path.stat().st_mode & 0o777) for path in tmp_path.iterdir()] == [("deliveries.json", 0o600)]


@pytest.mark.parametrize(
    "damage",
    [
        *(b"", b"{", b"[]", b"\x00" * 100, b'{"owners": 7}', b'{"format_version": 1}'),
        *(b"{}", b'{"a":1}', b'{"owners": {}}', b'{"format_version": "1.0"}'),
    ],
)
def test_a_damaged_one_is_set_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: bytes) -> None:
    """It is ignored with a warning and kept for people."""
    (tmp_path / "deliveries.json").write_bytes(damage)
    with caplog.at_level(logging.WARNING):
        assert load_ledger(StateDirectory(str(tmp_path))) == Ledger()
    (aside,) = tmp_path.iterdir()
    assert (aside.name.startswith("deliveries.json.damaged-"), aside.read_bytes()) == (True, damage)
    assert "deliveries.json was damaged" in caplog.text
    assert str(aside) in caplog.text


def test_one_of_a_newer_version(tmp_path: Path) -> None:
    """Nobody may take it for an empty one: what it says to be owed would be forgotten."""
    path = tmp_path / "deliveries.json"
    path.write_text('{"format_version": "2.0", "owners": "of another kind"}', encoding="utf-8")
    with pytest.raises(StateError, match=r"its format 2\.0 is not known") as caught:
        load_ledger(StateDirectory(str(tmp_path)))
    assert (caught.value.hint, path.exists()) == ("run the newer cluster-pki that wrote it", True)


def test_a_minor_version_may_add_fields(tmp_path: Path) -> None:
    """What we do not know is passed over."""
    (tmp_path / "deliveries.json").write_text('{"format_version": "1.9", "owners": {"a": {"new": 1}}}', encoding="utf-8")
    assert load_ledger(StateDirectory(str(tmp_path))).owners == {"a": Obligation()}


def test_one_that_cannot_be_read(tmp_path: Path) -> None:
    """Something else in its place is an error that names it."""
    (tmp_path / "deliveries.json").mkdir()
    with pytest.raises(StateError, match=r"deliveries\.json: it is a directory"):
        load_ledger(StateDirectory(str(tmp_path)))


def test_a_failed_save_keeps_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk costs the news, not what was known."""
    state = StateDirectory(str(tmp_path))
    save_ledger(state, LEDGER)

    def refuse(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", refuse)
        with pytest.raises(StoreError, match=r"deliveries\.json: no space is left"):
            save_ledger(state, Ledger())
    assert load_ledger(state) == LEDGER

"""A file that others write to as well: what came between reading it and replacing it is never lost."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from reconciler.apply.journal import Intent, Issued, Journal, Published
from reconciler.apply.recovery import recover
from reconciler.desired.place import Place
from reconciler.plan.inventory import Record
from reconciler.stores.disk import DISK
from reconciler.stores.errors import StoreError
from reconciler.stores.files import Staged, commit, stage
from reconciler.stores.publication import OutFile, Publication, digest_of

RECORD: Final = Record(kind="kubeconfig", paths=("/home/jane/config",))


def shared(tmp_path: Path) -> Place:
    """Jane's file, where it is found."""
    return Place(store="", root=str(tmp_path), path="config")


def staged(tmp_path: Path, *, made_from: bytes) -> Staged:
    """Our entries, put into what was read."""
    file = OutFile(suffix="", data=made_from + b"ours\n", mode=0o600, made_from=digest_of(made_from))
    return stage(Publication(address="kubeconfig.jane", cluster="demo", intent="new", place=shared(tmp_path), files=(file,)))


@pytest.mark.parametrize("before", [b"", b"hers\n"])
def test_it_replaces_what_it_was_made_from(tmp_path: Path, before: bytes) -> None:
    """Or nothing, when it was made from nothing; twice is once."""
    if before:
        (tmp_path / "config").write_bytes(before)
    waiting = staged(tmp_path, made_from=before)
    commit(waiting)
    commit(waiting)
    assert (tmp_path / "config").read_bytes() == before + b"ours\n"


@pytest.mark.parametrize("now", [b"hers, changed\n", b"hers\nours, almost\n"])
def test_it_replaces_nothing_else(tmp_path: Path, now: bytes) -> None:
    """The change stays, and the way out is said."""
    (tmp_path / "config").write_bytes(b"hers\n")
    waiting = staged(tmp_path, made_from=b"hers\n")
    (tmp_path / "config").write_bytes(now)
    with pytest.raises(StoreError, match="it was changed while it was written") as caught:
        commit(waiting)
    assert "do it again" in caught.value.advice
    assert (tmp_path / "config").read_bytes() == now


def test_a_link_is_not_replaced(tmp_path: Path) -> None:
    """It may lead into a repository of dotfiles."""
    (tmp_path / "real").write_bytes(b"hers\n")
    (tmp_path / "config").symlink_to("real")
    with pytest.raises(StoreError, match="it is a link"):
        staged(tmp_path, made_from=b"hers\n")
    assert ((tmp_path / "config").is_symlink(), (tmp_path / "real").read_bytes()) == (True, b"hers\n")


@pytest.mark.parametrize(("now", "after"), [(b"hers\n", b"hers\nours\n"), (b"hers, changed\n", b"hers, changed\n")])
def test_recovery_keeps_what_came_after_the_crash(tmp_path: Path, now: bytes, after: bytes) -> None:
    """It goes forward only over what was read then; otherwise nothing is left of the attempt."""
    (tmp_path / "config").write_bytes(b"hers\n")
    journal = Journal.open(str(tmp_path / "journal"))
    journal.append([Intent(id="new", address="kubeconfig.jane", cluster="demo", place=shared(tmp_path), serial="")])
    waiting = staged(tmp_path, made_from=b"hers\n")
    journal.append([Issued(id="new", record=RECORD, digests=waiting.digests, made_from=waiting.made_from)])
    (tmp_path / "config").write_bytes(now)
    recovery = recover(Journal.open(str(tmp_path / "journal")), store=DISK, verify=lambda _: None)
    assert [each.completed for each in recovery.items] == [now == b"hers\n"]
    assert recovery.failed == ()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name != "journal"} == {"config": after}
    again = Journal.open(str(tmp_path / "journal"))
    assert recover(again, store=DISK, verify=lambda _: None).items == ()
    assert any(isinstance(record, Published) for record in again.records) is (now == b"hers\n")

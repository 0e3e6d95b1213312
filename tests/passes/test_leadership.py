"""An apply whose lease is lost somewhere on its way: what was done stays, and nothing more becomes visible."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from reconciler.apply.journal import Journal, open_intents
from reconciler.apply.once import recover_interrupted
from reconciler.passes.carry_out import Carried, carry_out
from reconciler.passes.look import View
from reconciler.vault.election.leadership import LeaseLostError
from tests.builders import NOW
from tests.daemon.followed import text
from tests.passes.sessions import carried, seen, session

#: Questions of an apply of one CA and a batch of two servers: before each step, before and in its publication, and before
#: its files become visible; a CA signs before its publication, whose files are ready.
ALL: Final = 9


@dataclass(slots=True)
class Ending:
    """Somebody who may act for so many questions."""

    left: int
    asked: int = 0

    def ensure(self) -> None:
        """Counts.

        Raises:
            LeaseLostError: it was asked too often.
        """
        self.asked += 1
        if self.left == 0:
            msg = "somebody else acts"
            raise LeaseLostError(msg)
        self.left -= 1


def applied(view: View, leadership: Ending) -> Carried:
    """Carries the plan out as long as it may."""
    return carry_out(
        view,
        journal=Journal.open(view.session.state.journal_path),
        clock=lambda: view.now,
        listen=lambda _event: None,
        stop=lambda: False,
        parallelism=2,
        actor="test",
        leadership=leadership,
    )


def visible(home: Path) -> list[str]:
    """The files that somebody could read."""
    places = (home / "root/srv/pki/a", home / "root/srv/pki/b", home / "root/srv/ca/main")
    files = (path.with_suffix(suffix) for path in places for suffix in (".crt", ".key"))
    return [path.name for path in files if path.exists()]


@pytest.fixture
def view(tmp_path: Path) -> View:
    """Two servers, nothing made yet."""
    return seen(session(tmp_path, text("a", "b")))


def test_who_may_act_is_asked_at_every_turn(view: View) -> None:
    """Before each step, before each signature, and before anything becomes visible."""
    leadership = Ending(left=1000)
    outcome = applied(view, leadership).applied.outcome
    assert (leadership.asked, outcome.complete, outcome.lost) == (ALL, True, "")


@pytest.mark.parametrize("left", range(ALL))
def test_a_lease_that_is_lost_ends_the_apply(tmp_path: Path, view: View, left: int) -> None:
    """Whole addresses are there or nothing of them; the next who may act undoes the rest and goes on."""
    ca_is_there = left >= 4
    done = applied(view, Ending(left=left))
    outcome = done.applied.outcome
    assert (outcome.interrupted, outcome.lost, outcome.failed, outcome.skipped) == (True, "somebody else acts", (), ())
    assert outcome.done == (("ca.main",) if ca_is_there else ())
    assert visible(tmp_path) == (["main.crt", "main.key"] if ca_is_there else [])
    assert tuple(done.applied.inventory.records) == outcome.done
    state = view.session.state
    journal = Journal.open(state.journal_path)
    begun = {intent.intent.address for intent in open_intents(journal.records)}
    assert begun <= ({"component.a", "component.b"} if ca_is_there else {"ca.main"})
    assert not any(intent.issued for intent in open_intents(journal.records))
    notes = recover_interrupted(state, journal, store=view.session.outside().store, keyrings={}, now=NOW, actor="test")
    assert len(notes) == len(begun)
    assert all("was undone" in note for note in notes)
    assert carried(seen(view.session)).applied.outcome.complete
    assert visible(tmp_path) == ["a.crt", "a.key", "b.crt", "b.key", "main.crt", "main.key"]


def test_nothing_is_removed_without_a_lease(tmp_path: Path) -> None:
    """A component that leaves the desired state stays where it is."""
    first = seen(session(tmp_path, text("a", "b")))
    carried(first)
    before = visible(tmp_path)
    gone = seen(session(tmp_path, text("a", prune=True)))
    outcome = applied(gone, Ending(left=0)).applied.outcome
    assert (outcome.done, outcome.lost, visible(tmp_path)) == ((), "somebody else acts", before)
    assert applied(gone, Ending(left=1000)).applied.outcome.done == ("component.b",)
    assert visible(tmp_path) == ["a.crt", "a.key", "main.crt", "main.key"]

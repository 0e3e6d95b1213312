"""From a view to what is done, and the view after it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from reconciler.desired.model import DesiredState
from reconciler.observed.gather import gather
from reconciler.observed.model import Absent, ObservedState
from reconciler.passes import carry_out as carrying
from reconciler.passes.look import View
from tests.daemon.followed import server, text
from tests.passes.sessions import carried, seen, session

A, B, C = (f"component.{name}" for name in "abc")


@pytest.fixture
def view(tmp_path: Path) -> View:
    """Three servers, nothing made yet."""
    return seen(session(tmp_path, text("a", "b", "c")))


@pytest.fixture
def made(view: View) -> View:
    """Everything made."""
    return carried(view).view


@pytest.fixture
def gathered(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The components of each look at files."""
    looked: list[list[str]] = []

    def looking(desired: DesiredState, **around: Any) -> ObservedState:  # noqa: ANN401 - handed on as they are
        looked.append(sorted(desired.components))
        return gather(desired, **around)

    monkeypatch.setattr(carrying, "gather", looking)
    return looked


def left(view: View) -> list[str]:
    """What a view's plan would change."""
    return [entry.address for entry in view.plan.document.resource_changes]


def lose(view: View, *addresses: str) -> View:
    """A view of the same things after some certificates were removed."""
    for address in addresses:
        place = view.session.compiled.state.components[address].place
        assert place is not None
        Path(f"{place.absolute}.crt").unlink()
    return seen(view.session)


def test_afterwards_nothing_is_left(view: View) -> None:
    """The view after it is what a fresh look would give, records included."""
    assert left(view) == ["ca.main", A, B, C]
    after = carried(view)
    assert after.applied.outcome.done == ("ca.main", A, B, C)
    assert left(after.view) == []
    assert after.view.observed == gather(view.session.compiled.state)
    assert after.view.inventory == view.session.state.load_inventory()
    assert sorted(after.view.inventory.records) == ["ca.main", A, B, C]


def test_only_what_was_asked_for(made: View) -> None:
    """The rest stays in the plan of the view after it."""
    after = carried(lose(made, A, B), only=frozenset({B}))
    assert (after.applied.outcome.done, left(after.view)) == ((B,), [A])


def test_in_the_order_that_was_asked_for(made: View) -> None:
    """The most urgent first, whatever the plan's own order is."""
    view = lose(made, A, B, C)
    by_address = {each.address: each for each in view.plan.work}
    after = carried(view, work=tuple(by_address[address] for address in (C, A)))
    assert (after.applied.outcome.done, left(after.view)) == ((C, A), [B])


@pytest.mark.parametrize(
    ("lost", "few", "expected"),
    [((), 500, []), ((A,), 500, [[A]]), ((A, C), 500, [[A, C]]), ((A, C), 1, [[A, B, C]])],
    ids=["nothing", "one", "two", "many"],
)
def test_only_what_changed_is_looked_at_again(
    *,
    lost: Iterable[str],
    few: int,
    expected: list[list[str]],
    made: View,
    gathered: list[list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A few of ten thousand cost a look at a few; the view holds all of them either way."""
    monkeypatch.setattr(carrying, "_FEW", few)
    after = carried(lose(made, *lost)).view
    assert gathered == expected
    assert after.observed == gather(made.session.compiled.state)


def test_a_new_ca_needs_a_look_at_everything(view: View, gathered: list[list[str]]) -> None:
    """It says of every certificate whether it signed it."""
    carried(view, only=frozenset({"ca.main"}))
    assert gathered == [[A, B, C]]


def test_what_failed_is_looked_at_again(made: View, gathered: list[list[str]]) -> None:
    """Whatever the attempt left there."""
    opened = session(Path(made.session.state.path).parent, text(components={"a": server("a"), "b": server("b", path="no/b")}))
    (Path(made.session.state.path).parent / "root/srv/no").write_text("a file", encoding="utf-8")
    after = carried(seen(opened))
    assert (after.applied.outcome.done, [address for address, _ in after.applied.outcome.failed]) == ((), [B])
    assert gathered == [[B]]
    assert B in left(after.view)
    assert not isinstance(after.view.observed.pairs[A].certificate, Absent)


def test_stopped_in_between_it_says_so(view: View) -> None:
    """What was not begun is in the plan of the view after it."""
    after = carried(view, steps=2)
    assert (after.applied.outcome.done, after.applied.outcome.interrupted) == (("ca.main",), True)
    assert left(after.view) == [A, B, C]


def test_the_view_keeps_what_was_asked_of_it(view: View) -> None:
    """Options and what was served stay those of the first look."""
    after = carried(replace(view, served={})).view
    assert (after.options, after.served, after.session) == (view.options, {}, view.session)
